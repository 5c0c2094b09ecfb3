"""Scenarios of data and of what runs, called by documented paths."""

from typing import Any

from refold_async.sandbox.api.execution_state import ExecutionStore
from refold_async.sandbox.api.human_tasks import HumanTaskStore

from .raw_client import until
from .recording_client import ME, SCHEDULED, UNKNOWN_ID, V2, RecordingClient


async def configs(recorder: RecordingClient) -> None:
    base, mine = f"{V2}/config", f"{V2}/slug/{{slug}}/config"
    await recorder.call("POST", base, json={"slug": "unknown"})
    await recorder.call("PUT", base, json={"slug": "slack"})
    for slug in ("slack", "hubspot"):
        await recorder.call("GET", mine, slug)
        await recorder.call("GET", mine + "/{configId}", slug, ME)
        await recorder.call("DELETE", mine, slug)
        await recorder.call("DELETE", mine + "/{configId}", slug, ME)
        toggle = mine + "/{configId}/workflows/{workflowId}"
        await recorder.call("PATCH", toggle, slug, ME, "daily_sync", json={"enabled": True})
    installed = await recorder.call("POST", base, json={"slug": "hubspot"})
    await recorder.call("DELETE", mine + "/{configId}", "hubspot", ME)
    await recorder.call("POST", base, json={"slug": "hubspot"})
    workflow_id = installed["workflows"][0]["id"]
    toggle = mine + "/{configId}/workflows/{workflowId}"
    await recorder.call("PATCH", toggle, "hubspot", ME, workflow_id, json={"enabled": False})
    body = {"slug": "hubspot", "workflows": [{"id": workflow_id, "enabled": True}]}
    await recorder.call("PUT", base, json=body)
    await recorder.call("GET", mine + "s", "hubspot")


async def config_fields(recorder: RecordingClient) -> None:
    one = f"{V2}/config/field/{{fieldId}}"
    rule = f"{V2}/config/rule-engine/{{fieldId}}"
    hubspot = {"slug": "hubspot"}
    fields = (await recorder.call("POST", f"{V2}/config/field", headers=hubspot))["fields"]
    select, _, rules = (each["id"] for each in fields)
    for slug in ("hubspot", "slack"):
        await recorder.call("PUT", one, select, headers={"slug": slug}, json={"value": ["A", "B"]})
        await recorder.call("DELETE", one, select, headers={"slug": slug})
    for field_id in (select, UNKNOWN_ID):
        await recorder.call("POST", one, field_id, headers=hubspot, json={})
    for field_id in (rules, UNKNOWN_ID):
        await recorder.call("POST", rule, field_id, headers=hubspot, json={"rule_column": {"id": "stage"}})


async def datarefs(recorder: RecordingClient) -> None:
    base, one = f"{V2}/dataref", f"{V2}/dataref/{{refName}}"
    await recorder.call("POST", base, json={"refName": "contacts"})
    await recorder.call("POST", base, json={})
    await recorder.call("GET", base, account=None)
    await recorder.call("GET", one, "contacts")
    await recorder.call("GET", one, "synced_contacts", account="demo-user-1")
    await recorder.call("PUT", f"{V2}/datarefs/group", json={"refNames": ["contacts"], "group": "crm"})
    await recorder.call("PUT", f"{V2}/datarefs/group", json={"group": "crm"})
    for name in ("contacts", "nothing"):
        await recorder.call("PUT", one + "/clear-records", name)
    await recorder.call("DELETE", one, "contacts")


async def datastores(recorder: RecordingClient) -> None:
    base = f"{V2}/datastore/config/{{slug}}"
    for slug, config_id in (("hubspot", "demo-user-1"), ("slack", "user_12345")):
        who: dict[str, Any] = {"account": "demo-user-1", "query": {"config_id": config_id}}
        await recorder.call("GET", base, slug, **who)
        await recorder.call("GET", base + "/{datastore_name}/records", slug, "contacts", **who)
        search = base + "/{datastore_name}/search"
        await recorder.call("POST", search, slug, "contacts", json={"email": "JANE"}, **who)
    await recorder.call("GET", base, "hubspot")


async def human_tasks(recorder: RecordingClient) -> None:
    one = f"{V2}/human-tasks/{{id}}"
    for task_id in (recorder.sandbox.organisation.own(HumanTaskStore).first_id, UNKNOWN_ID):
        await recorder.call("GET", one, task_id, account=None)
        for _ in range(2):
            await recorder.call("POST", one, task_id, account=None, json={"data": {"approved": True}})


async def mcp_servers(recorder: RecordingClient) -> None:
    base, one = f"{V2}/mcp-servers", f"{V2}/mcp-servers/{{mcp_server_id}}"
    body = {"name": "Production CRM Server", "description": "MCP server for CRM workflows"}
    made = await recorder.call("POST", base, json=body)
    await recorder.call("POST", base, json={"name": "Nameless"})
    await recorder.call("GET", base)
    changes = {"agent_name": "CRM Assistant", "primary_color": "#2D6CDF", "description": "Updated"}
    for server_id in (made["_id"], UNKNOWN_ID):
        await recorder.call("GET", one, server_id)
        await recorder.call("PUT", one, server_id, json=changes)
        await recorder.call("DELETE", one, server_id)


async def tables(recorder: RecordingClient) -> None:
    base, one = f"{V2}/tables", f"{V2}/tables/{{table_id}}"
    columns = [{"column_name": "email"}, {"column_name": "stage"}]
    table_id = (await recorder.call("POST", base, json={"table_name": "leads", "columns": columns}))[
        "table_id"
    ]
    await recorder.call("POST", base, json={"table_name": "leads"})
    await recorder.call("GET", base)
    rows = [{"email": "jane@example.com", "stage": "new"}, {"email": "john@example.com", "stage": "won"}]
    added = (await recorder.call("PATCH", one, table_id, json={"data": rows}))["add_record_result"]
    await recorder.call("PATCH", one, table_id, json={})
    await recorder.call("PUT", f"{base}/group/edit", json={"tableIds": [table_id], "group": "crm"})
    await recorder.call("PUT", f"{base}/group/edit", json={"group": "crm"})
    for known in (table_id, UNKNOWN_ID):
        await recorder.call("GET", one, known)
        await recorder.call("POST", one + "/search", known, json={"email": "JOHN"})
        await recorder.call("PATCH", one + "/columns/add", known, json={"columns": ["score"]})
        renames = [{"old_name": "score", "new_name": "lead_score"}]
        await recorder.call("PATCH", one + "/columns/rename", known, json={"renames": renames})
        await recorder.call("DELETE", one + "/columns/remove", known, json={"columns": ["lead_score"]})
    for _ in range(2):
        await recorder.call("DELETE", one + "/{record_id}", table_id, added[0]["record_id"])
    for _ in range(2):
        await recorder.call("DELETE", one, table_id)


async def workflows(recorder: RecordingClient) -> None:
    base, one = f"{V2}/workflow", f"{V2}/workflow/{{workflowId}}"
    made = (await recorder.call("POST", base, json={"name": "Lead Sync", "slug": "hubspot"}))["workflow"]
    other = (await recorder.call("POST", base, json={"name": "Theirs"}, account="demo-user-2"))["workflow"]
    for workflow_id in ("daily_sync", other["_id"]):
        await recorder.call("GET", one, workflow_id)
    await recorder.call("GET", base)
    await recorder.call("GET", base + "/enabled")
    for workflow_id in ("daily_sync", "lead_sync"):
        await recorder.call("GET", f"{base}/request-structure/{{workflowId}}", workflow_id)
    draft = await recorder.call("GET", one + "/edit", made["_id"])
    token = recorder.sandbox.issue_token(ME)
    for version in (1, 2):
        body = {"published": True, "version": version}
        await recorder.call("PUT", one + "/publish", made["_id"], token=token, json=body)
    draft = await recorder.call("GET", one + "/edit", made["_id"])
    await recorder.call("PUT", one + "/publish", draft["_id"], token=token, json={"published": False})
    for workflow_id in (made["_id"], UNKNOWN_ID):
        await recorder.call("GET", one + "/edit", workflow_id)
        await recorder.call("GET", f"{base}/versions/{{workflowId}}", workflow_id)
    versions = await recorder.call("GET", f"{base}/versions/{{workflowId}}", made["_id"])
    for workflow_id in (versions["docs"][0]["_id"], made["_id"]):
        await recorder.call("DELETE", one, workflow_id, token=token)


async def executions(recorder: RecordingClient) -> None:
    base, run = f"{V2}/execution", f"{V2}/workflow/{{workflowId}}/execute"
    batches = base + "/{execution_id}/nodes/{node_id}/batches"
    hubspot = {"slug": "hubspot"}
    await recorder.call("POST", run, "daily_sync", json={})
    ids = [
        (await recorder.call("POST", run, alias, headers=hubspot, json={}))["execution_id"]
        for alias in ("daily_sync", "batch_export", "slow_sync")
    ]
    await recorder.call(
        "POST", run, "lead_sync", headers={**hubspot, "sync_execution": "true"}, json={"email": "a@b.c"}
    )
    daily, batch, slow = ids
    account = recorder.sandbox.organisation.account(ME)
    assert account is not None
    await until(lambda: all(account.own(ExecutionStore).get(each).ended.is_set() for each in (daily, batch)))
    for execution_id in (daily, UNKNOWN_ID):
        await recorder.call("GET", base + "/{execution_id}", execution_id)
        await recorder.call("POST", base + "/{instanceId}/rerun", execution_id)
    for execution_id in (slow, UNKNOWN_ID):
        await recorder.call("POST", base + "/{instanceId}/stop", execution_id)
    await recorder.call("GET", batches, batch, "2")
    await recorder.call("GET", batches, daily, "1")
    await recorder.call("GET", base)


async def schedules(recorder: RecordingClient) -> None:
    one = SCHEDULED + "/{schedule_id}"
    headers = {"slug": "hubspot", "workflow_id_alias": "daily_sync", "config_id": ME}
    timing = {"trigger_type": "cron", "regex": "0 9 * * 1", "tz": "UTC", "startDate": "2026-07-01"}
    body = {**timing, "payload": {"sync_type": "full"}}
    made = await recorder.call("POST", SCHEDULED, headers=headers, json=body)
    await recorder.call("POST", SCHEDULED, headers=headers, json={})
    await recorder.call("GET", SCHEDULED)
    for schedule_id in (made["_id"], UNKNOWN_ID):
        await recorder.call("PUT", one, schedule_id, json={"trigger_type": "cron", "regex": "0 10 * * 1"})
        await recorder.call("PUT", one + "/pause", schedule_id)
        await recorder.call("PUT", one + "/resume", schedule_id)
        await recorder.call("DELETE", one, schedule_id)
