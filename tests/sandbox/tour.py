"""A tour of a sandbox: every documented operation is called, with the faults that the documents tell of."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp

from refold_async.sandbox import Sandbox

from .bare import until

V2 = "/api/v2/public"
SCHEDULED = "/api/v1/workflow/public/scheduled"
ME = "user_12345"
UNKNOWN_ID = "699fec7a5bd27ed2af7243ad"

Key = tuple[str, str, int]


@dataclass
class Tour:
    """Calls operations by their documented paths and keeps every answer; `status` is that of the last one."""

    sandbox: Sandbox
    session: aiohttp.ClientSession
    status: int = 0
    answers: dict[Key, list[Any]] = field(default_factory=lambda: defaultdict(list))

    async def call(
        self,
        method: str,
        template: str,
        *path: str,
        json: object = None,
        data: aiohttp.FormData | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        account: str | None = ME,
        token: str | None = None,
        key: str | None = None,
    ) -> Any:
        """One request; gives the body of its answer, decoded."""
        values = iter(path)
        url = self.sandbox.base_url + re.sub(r"{\w+}", lambda _: quote(next(values), safe=""), template)
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        else:
            sent |= {"x-api-key": key or self.sandbox.api_key}
            sent |= {} if account is None else {"linked_account_id": account}
        async with self.session.request(
            method, url, json=json, data=data, params=query, headers=sent
        ) as response:
            body = await response.json() if await response.read() else None
            self.status = response.status
            self.answers[method, template, response.status].append(body)
            return body

    async def refusals_of_everyone(self, operations: list[tuple[str, str]]) -> None:
        """What each operation says to wrong credentials, and to none."""
        for method, template in operations:
            path = ["x"] * template.count("{")
            await self.call(method, template, *path, key="tk_wrong")
            for token in ("", "nonsense"):
                await self.call(method, template, *path, token=token)
            await self.call(method, template, *path, account=None)


async def all_of_it(tour: Tour) -> None:
    """Every operation of the 102, and every fault that the documents show."""
    await linked_accounts(tour)
    await actions_and_applications(tour)
    await credentials(tour)
    await hosted_connect(tour)
    await webhooks(tour)
    await events(tour)
    await configs(tour)
    await config_fields(tour)
    await datarefs(tour)
    await datastores(tour)
    await env_variables(tour)
    await human_tasks(tour)
    await mcp_servers(tour)
    await tables(tour)
    await workflows(tour)
    await executions(tour)
    await schedules(tour)
    await end_of_an_account(tour)


async def linked_accounts(tour: Tour) -> None:
    base, session = f"{V2}/linked-account", f"{V2}/session-token"
    await tour.call("POST", base, account=None, json={"name": "Acme Inc."})
    await tour.call("POST", base, account=None, json={"account_id": ME, "name": "Acme Inc."})
    for slug in ("hubspot", "slack"):
        tour.sandbox.connect(ME, slug)
    renamed = {"account_id": ME, "name": "Acme Inc. (renamed)", "udf": {"plan": "enterprise"}}
    await tour.call("PUT", base, account=None, json=renamed)
    await tour.call("GET", base + "/{linked_account_id}", ME, account=None)
    await tour.call("GET", base + "/{linked_account_id}", "user_99999", account=None)
    await tour.call("GET", base, account=None, query={"limit": "10"})
    token = (await tour.call("POST", session, account=None, json={"linked_account_id": ME}))["token"]
    await tour.call("POST", session, account=None, json={})
    await tour.call("POST", session, account=None, json={"linked_account_id": "user_99999"})
    await tour.call("GET", f"{V2}/session/active-linked-account", token=token)
    await tour.call("POST", f"{session}/revoke", token=token)
    await tour.call("POST", f"{session}/revoke", token=token)


async def actions_and_applications(tour: Tour) -> None:
    base = "/api/v2/integration-schema/{slug}/actions"
    await tour.call("GET", base, "hubspot")
    await tour.call("GET", base, "unknown")
    await tour.call("GET", base + "/{action_id}", "hubspot", "search_contacts")
    await tour.call("GET", base + "/{action_id}", "hubspot", "no_such_action")
    await tour.call("POST", base + "/{action_id}/execute", "hubspot", "get_contact", json={"limit": "1"})
    await tour.call("POST", base + "/{action_id}/execute", "hubspot", "no_such_action")
    await tour.call("GET", f"{V2}/application")
    for slug in ("hubspot", "netsuite", "test-app"):
        await tour.call("GET", f"{V2}/application/{{slug}}", slug)
        await tour.call("GET", f"{V2}/auth-structure/{{slug}}", slug)
    await tour.call("GET", f"{V2}/linked-account/integration/oauth-url/{{slug}}", "hubspot")


async def credentials(tour: Tour) -> None:
    own = f"{V2}/linked-account/default-app/auth-credentials/{{key}}"
    for method in ("PUT", "DELETE"):
        await tour.call(method, own, "api_key", json={"value": "secret"})
    own_app = {"account_id": ME, "your_app": {"auth_credentials": {}}}
    await tour.call("PUT", f"{V2}/linked-account", account=None, json=own_app)
    await tour.call("PUT", own, "api_key", json={"value": "secret"})
    await tour.call("DELETE", own, "api_key")
    await tour.call("DELETE", own, "api_key")
    names = ("account_id", "consumer_key", "consumer_secret", "token_id", "token_secret")
    keys = dict.fromkeys(names, "1234567")
    for account_id in ("your-account", "1234567"):
        body = {**keys, "account_id": account_id}
        await tour.call(
            "PUT", f"{V2}/linked-account/integration/save-key-credentials/{{slug}}", "netsuite", json=body
        )
        migrated = {"slug": "netsuite", "auth_object": {"keybased": body}}
        await tour.call("PUT", f"{V2}/migrate-token", json=migrated)
    await tour.call("PUT", f"{V2}/migrate-token", json={"slug": "custom", "auth_object": {"keybased": keys}})
    await tour.call(
        "DELETE", f"{V2}/linked-account/integration/{{slug}}", "netsuite", query={"linked_account_id": ME}
    )


async def hosted_connect(tour: Tour) -> None:
    token = tour.sandbox.issue_token(ME)
    properties = {"company": "Acme Inc.", "plan": "enterprise"}
    query = {"linked_account_id": ME}
    await tour.call("POST", f"{V2}/connect-url", token=token, query=query, json=properties)
    await tour.call("GET", f"{V2}/hosted-properties", token=token)


async def webhooks(tour: Tour) -> None:
    base = f"{V2}/webhook"
    body = {"webhook_url": "https://your-app.com/webhooks", "webhook_events": ["Workflow Errored"]}
    made = [(await tour.call("POST", base, account=None, json=body))["_id"] for _ in range(2)]
    await tour.call("POST", base, account=None, json={**body, "webhook_events": ["Coffee Ready"]})
    await tour.call("GET", base, account=None)
    group = {"webhookIds": made[:1], "group": "billing-webhooks"}
    await tour.call("PUT", f"{V2}/webhooks/group/edit", account=None, json=group)
    await tour.call("PUT", f"{V2}/webhooks/group/edit", account=None, json={"group": "x"})
    for webhook_id in (made[0], UNKNOWN_ID):
        await tour.call("GET", base + "/{id}", webhook_id, account=None)
        await tour.call("PUT", base + "/{id}", webhook_id, account=None, json={"is_enabled": False})
        await tour.call("DELETE", base + "/{id}", webhook_id, account=None)


async def events(tour: Tour) -> None:
    base, one = f"{V2}/application/event", f"{V2}/application/event/{{event_id}}"
    sample = '{"event": "", "payload": {"email": ""}}'
    body = {"name": "lead_scored", "response": sample}
    await tour.call("GET", base, account=None)
    event_id = (await tour.call("POST", base, account=None, json=body))[-1]["_id"]
    await tour.call("POST", base, account=None, json={"name": "lead_scored"})
    for known in (event_id, UNKNOWN_ID):
        await tour.call("GET", one, known, account=None)
        await tour.call("PUT", one, known, account=None, json=body)
    for name in ("lead_scored", "no_such_event"):
        event = {"event": name, "payload": {"email": "jane@example.com"}}
        await tour.call("POST", f"{V2}/event/{{slug}}", "hubspot", json=event)
        await tour.call("POST", f"{V2}/event/trigger", json=event)
    for known in (event_id, UNKNOWN_ID):
        await tour.call("DELETE", one, known, account=None)


async def configs(tour: Tour) -> None:
    base, mine = f"{V2}/config", f"{V2}/slug/{{slug}}/config"
    await tour.call("POST", base, json={"slug": "unknown"})
    await tour.call("PUT", base, json={"slug": "slack"})
    for slug in ("slack", "hubspot"):
        await tour.call("GET", mine, slug)
        await tour.call("GET", mine + "/{configId}", slug, ME)
        await tour.call("DELETE", mine, slug)
        await tour.call("DELETE", mine + "/{configId}", slug, ME)
        toggle = mine + "/{configId}/workflows/{workflowId}"
        await tour.call("PATCH", toggle, slug, ME, "daily_sync", json={"enabled": True})
    installed = await tour.call("POST", base, json={"slug": "hubspot"})
    await tour.call("DELETE", mine + "/{configId}", "hubspot", ME)
    await tour.call("POST", base, json={"slug": "hubspot"})
    workflow_id = installed["workflows"][0]["id"]
    toggle = mine + "/{configId}/workflows/{workflowId}"
    await tour.call("PATCH", toggle, "hubspot", ME, workflow_id, json={"enabled": False})
    body = {"slug": "hubspot", "workflows": [{"id": workflow_id, "enabled": True}]}
    await tour.call("PUT", base, json=body)
    await tour.call("GET", mine + "s", "hubspot")


async def config_fields(tour: Tour) -> None:
    one = f"{V2}/config/field/{{fieldId}}"
    rule = f"{V2}/config/rule-engine/{{fieldId}}"
    hubspot = {"slug": "hubspot"}
    fields = (await tour.call("POST", f"{V2}/config/field", headers=hubspot))["fields"]
    select, _, rules = (each["id"] for each in fields)
    for slug in ("hubspot", "slack"):
        await tour.call("PUT", one, select, headers={"slug": slug}, json={"value": ["A", "B"]})
        await tour.call("DELETE", one, select, headers={"slug": slug})
    for field_id in (select, UNKNOWN_ID):
        await tour.call("POST", one, field_id, headers=hubspot, json={})
    for field_id in (rules, UNKNOWN_ID):
        await tour.call("POST", rule, field_id, headers=hubspot, json={"rule_column": {"id": "stage"}})


async def datarefs(tour: Tour) -> None:
    base, one = f"{V2}/dataref", f"{V2}/dataref/{{refName}}"
    await tour.call("POST", base, json={"refName": "contacts"})
    await tour.call("POST", base, json={})
    await tour.call("GET", base, account=None)
    await tour.call("GET", one, "contacts")
    await tour.call("GET", one, "synced_contacts", account="demo-user-1")
    await tour.call("PUT", f"{V2}/datarefs/group", json={"refNames": ["contacts"], "group": "crm"})
    await tour.call("PUT", f"{V2}/datarefs/group", json={"group": "crm"})
    for name in ("contacts", "nothing"):
        await tour.call("PUT", one + "/clear-records", name)
    await tour.call("DELETE", one, "contacts")


async def datastores(tour: Tour) -> None:
    base = f"{V2}/datastore/config/{{slug}}"
    for slug, config_id in (("hubspot", "demo-user-1"), ("slack", "user_12345")):
        who: dict[str, Any] = {"account": "demo-user-1", "query": {"config_id": config_id}}
        await tour.call("GET", base, slug, **who)
        await tour.call("GET", base + "/{datastore_name}/records", slug, "contacts", **who)
        search = base + "/{datastore_name}/search"
        await tour.call("POST", search, slug, "contacts", json={"email": "JANE"}, **who)
    await tour.call("GET", base, "hubspot")


async def env_variables(tour: Tour) -> None:
    base = f"{V2}/env"
    definitions = (await tour.call("GET", f"{base}/definitions", account=None))["docs"]
    ids = {each["name"]: each["_id"] for each in definitions}
    for definition_id in (ids["API_BASE_URL"], UNKNOWN_ID):
        await tour.call("GET", f"{base}/definitions/{{id}}", definition_id, account=None)
    values = f"{base}/values"
    secret = {"variable_definition_id": ids["API_SECRET"], "value": "s3cret"}
    kept = await tour.call("POST", values, json=secret)
    limit = {"variable_definition_id": ids["RETRY_LIMIT"], "value": "many"}
    await tour.call("POST", values, json=limit)
    for name in ("API_BASE_URL", "API_SECRET"):
        await tour.call("GET", f"{base}/value/{{definition_id}}", ids[name])
    for scope in ("linked_account", "workflow"):
        await tour.call("GET", f"{values}/{{scope}}", scope)
    for _ in range(2):
        await tour.call("DELETE", f"{values}/{{value_id}}", kept["_id"])


async def human_tasks(tour: Tour) -> None:
    one = f"{V2}/human-tasks/{{id}}"
    from refold_async.sandbox.resources.human_tasks import HumanTasks

    for task_id in (tour.sandbox.organisation.own(HumanTasks).first_id, UNKNOWN_ID):
        await tour.call("GET", one, task_id, account=None)
        for _ in range(2):
            await tour.call("POST", one, task_id, account=None, json={"data": {"approved": True}})


async def mcp_servers(tour: Tour) -> None:
    base, one = f"{V2}/mcp-servers", f"{V2}/mcp-servers/{{mcp_server_id}}"
    body = {"name": "Production CRM Server", "description": "MCP server for CRM workflows"}
    made = await tour.call("POST", base, json=body)
    await tour.call("POST", base, json={"name": "Nameless"})
    await tour.call("GET", base)
    changes = {"agent_name": "CRM Assistant", "primary_color": "#2D6CDF", "description": "Updated"}
    for server_id in (made["_id"], UNKNOWN_ID):
        await tour.call("GET", one, server_id)
        await tour.call("PUT", one, server_id, json=changes)
        await tour.call("DELETE", one, server_id)


async def tables(tour: Tour) -> None:
    base, one = f"{V2}/tables", f"{V2}/tables/{{table_id}}"
    columns = [{"column_name": "email"}, {"column_name": "stage"}]
    table_id = (await tour.call("POST", base, json={"table_name": "leads", "columns": columns}))["table_id"]
    await tour.call("POST", base, json={"table_name": "leads"})
    await tour.call("GET", base)
    rows = [{"email": "jane@example.com", "stage": "new"}, {"email": "john@example.com", "stage": "won"}]
    added = (await tour.call("PATCH", one, table_id, json={"data": rows}))["add_record_result"]
    await tour.call("PATCH", one, table_id, json={})
    await tour.call("PUT", f"{base}/group/edit", json={"tableIds": [table_id], "group": "crm"})
    await tour.call("PUT", f"{base}/group/edit", json={"group": "crm"})
    for known in (table_id, UNKNOWN_ID):
        await tour.call("GET", one, known)
        await tour.call("POST", one + "/search", known, json={"email": "JOHN"})
        await tour.call("PATCH", one + "/columns/add", known, json={"columns": ["score"]})
        renames = [{"old_name": "score", "new_name": "lead_score"}]
        await tour.call("PATCH", one + "/columns/rename", known, json={"renames": renames})
        await tour.call("DELETE", one + "/columns/remove", known, json={"columns": ["lead_score"]})
    for _ in range(2):
        await tour.call("DELETE", one + "/{record_id}", table_id, added[0]["record_id"])
    for _ in range(2):
        await tour.call("DELETE", one, table_id)


async def workflows(tour: Tour) -> None:
    base, one = f"{V2}/workflow", f"{V2}/workflow/{{workflowId}}"
    made = (await tour.call("POST", base, json={"name": "Lead Sync", "slug": "hubspot"}))["workflow"]
    other = (await tour.call("POST", base, json={"name": "Theirs"}, account="demo-user-2"))["workflow"]
    for workflow_id in ("daily_sync", other["_id"]):
        await tour.call("GET", one, workflow_id)
    await tour.call("GET", base)
    await tour.call("GET", base + "/enabled")
    for workflow_id in ("daily_sync", "lead_sync"):
        await tour.call("GET", f"{base}/request-structure/{{workflowId}}", workflow_id)
    draft = await tour.call("GET", one + "/edit", made["_id"])
    token = tour.sandbox.issue_token(ME)
    for version in (1, 2):
        body = {"published": True, "version": version}
        await tour.call("PUT", one + "/publish", made["_id"], token=token, json=body)
    draft = await tour.call("GET", one + "/edit", made["_id"])
    await tour.call("PUT", one + "/publish", draft["_id"], token=token, json={"published": False})
    for workflow_id in (made["_id"], UNKNOWN_ID):
        await tour.call("GET", one + "/edit", workflow_id)
        await tour.call("GET", f"{base}/versions/{{workflowId}}", workflow_id)
    versions = await tour.call("GET", f"{base}/versions/{{workflowId}}", made["_id"])
    for workflow_id in (versions["docs"][0]["_id"], made["_id"]):
        await tour.call("DELETE", one, workflow_id, token=token)


async def executions(tour: Tour) -> None:
    base, run = f"{V2}/execution", f"{V2}/workflow/{{workflowId}}/execute"
    batches = base + "/{execution_id}/nodes/{node_id}/batches"
    hubspot = {"slug": "hubspot"}
    await tour.call("POST", run, "daily_sync", json={})
    ids = [
        (await tour.call("POST", run, alias, headers=hubspot, json={}))["execution_id"]
        for alias in ("daily_sync", "batch_export", "slow_sync")
    ]
    await tour.call(
        "POST", run, "lead_sync", headers={**hubspot, "sync_execution": "true"}, json={"email": "a@b.c"}
    )
    daily, batch, slow = ids
    from refold_async.sandbox.resources.executions import Executions

    account = tour.sandbox.organisation.account(ME)
    assert account is not None
    await until(lambda: all(account.own(Executions).get(each).ended.is_set() for each in (daily, batch)))
    for execution_id in (daily, UNKNOWN_ID):
        await tour.call("GET", base + "/{execution_id}", execution_id)
        await tour.call("POST", base + "/{instanceId}/rerun", execution_id)
    for execution_id in (slow, UNKNOWN_ID):
        await tour.call("POST", base + "/{instanceId}/stop", execution_id)
    await tour.call("GET", batches, batch, "2")
    await tour.call("GET", batches, daily, "1")
    await tour.call("GET", base)


async def schedules(tour: Tour) -> None:
    one = SCHEDULED + "/{schedule_id}"
    headers = {"slug": "hubspot", "workflow_id_alias": "daily_sync", "config_id": ME}
    timing = {"trigger_type": "cron", "regex": "0 9 * * 1", "tz": "UTC", "startDate": "2026-07-01"}
    body = {**timing, "payload": {"sync_type": "full"}}
    made = await tour.call("POST", SCHEDULED, headers=headers, json=body)
    await tour.call("POST", SCHEDULED, headers=headers, json={})
    await tour.call("GET", SCHEDULED)
    for schedule_id in (made["_id"], UNKNOWN_ID):
        await tour.call("PUT", one, schedule_id, json={"trigger_type": "cron", "regex": "0 10 * * 1"})
        await tour.call("PUT", one + "/pause", schedule_id)
        await tour.call("PUT", one + "/resume", schedule_id)
        await tour.call("DELETE", one, schedule_id)


async def end_of_an_account(tour: Tour) -> None:
    one = f"{V2}/linked-account/{{linked_account_id}}"
    for account_id in (ME, "user_99999"):
        await tour.call("DELETE", one, account_id, account=None)
