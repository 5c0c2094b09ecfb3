"""Scenarios of accounts and their organisation, called by documented paths."""

from .recording_client import ME, UNKNOWN_ID, V2, RecordingClient


async def linked_accounts(recorder: RecordingClient) -> None:
    base, session = f"{V2}/linked-account", f"{V2}/session-token"
    await recorder.call("POST", base, account=None, json={"name": "Acme Inc."})
    await recorder.call("POST", base, account=None, json={"account_id": ME, "name": "Acme Inc."})
    for slug in ("hubspot", "slack"):
        recorder.sandbox.connect(ME, slug)
    renamed = {"account_id": ME, "name": "Acme Inc. (renamed)", "udf": {"plan": "enterprise"}}
    await recorder.call("PUT", base, account=None, json=renamed)
    await recorder.call("GET", base + "/{linked_account_id}", ME, account=None)
    await recorder.call("GET", base + "/{linked_account_id}", "user_99999", account=None)
    await recorder.call("GET", base, account=None, query={"limit": "10"})
    token = (await recorder.call("POST", session, account=None, json={"linked_account_id": ME}))["token"]
    await recorder.call("POST", session, account=None, json={})
    await recorder.call("POST", session, account=None, json={"linked_account_id": "user_99999"})
    await recorder.call("GET", f"{V2}/session/active-linked-account", token=token)
    await recorder.call("POST", f"{session}/revoke", token=token)
    await recorder.call("POST", f"{session}/revoke", token=token)


async def actions_and_applications(recorder: RecordingClient) -> None:
    base = "/api/v2/integration-schema/{slug}/actions"
    await recorder.call("GET", base, "hubspot")
    await recorder.call("GET", base, "unknown")
    await recorder.call("GET", base + "/{action_id}", "hubspot", "search_contacts")
    await recorder.call("GET", base + "/{action_id}", "hubspot", "no_such_action")
    await recorder.call("POST", base + "/{action_id}/execute", "hubspot", "get_contact", json={"limit": "1"})
    await recorder.call("POST", base + "/{action_id}/execute", "hubspot", "no_such_action")
    await recorder.call("GET", f"{V2}/application")
    for slug in ("hubspot", "netsuite", "test-app"):
        await recorder.call("GET", f"{V2}/application/{{slug}}", slug)
        await recorder.call("GET", f"{V2}/auth-structure/{{slug}}", slug)
    await recorder.call("GET", f"{V2}/linked-account/integration/oauth-url/{{slug}}", "hubspot")


async def credentials(recorder: RecordingClient) -> None:
    own = f"{V2}/linked-account/default-app/auth-credentials/{{key}}"
    for method in ("PUT", "DELETE"):
        await recorder.call(method, own, "api_key", json={"value": "secret"})
    own_app = {"account_id": ME, "your_app": {"auth_credentials": {}}}
    await recorder.call("PUT", f"{V2}/linked-account", account=None, json=own_app)
    await recorder.call("PUT", own, "api_key", json={"value": "secret"})
    await recorder.call("DELETE", own, "api_key")
    await recorder.call("DELETE", own, "api_key")
    names = ("account_id", "consumer_key", "consumer_secret", "token_id", "token_secret")
    keys = dict.fromkeys(names, "1234567")
    for account_id in ("your-account", "1234567"):
        body = {**keys, "account_id": account_id}
        await recorder.call(
            "PUT", f"{V2}/linked-account/integration/save-key-credentials/{{slug}}", "netsuite", json=body
        )
        migrated = {"slug": "netsuite", "auth_object": {"keybased": body}}
        await recorder.call("PUT", f"{V2}/migrate-token", json=migrated)
    await recorder.call(
        "PUT", f"{V2}/migrate-token", json={"slug": "custom", "auth_object": {"keybased": keys}}
    )
    await recorder.call(
        "DELETE", f"{V2}/linked-account/integration/{{slug}}", "netsuite", query={"linked_account_id": ME}
    )


async def hosted_connect(recorder: RecordingClient) -> None:
    token = recorder.sandbox.issue_token(ME)
    properties = {"company": "Acme Inc.", "plan": "enterprise"}
    query = {"linked_account_id": ME}
    await recorder.call("POST", f"{V2}/connect-url", token=token, query=query, json=properties)
    await recorder.call("GET", f"{V2}/hosted-properties", token=token)


async def webhooks(recorder: RecordingClient) -> None:
    base = f"{V2}/webhook"
    body = {"webhook_url": "https://your-app.com/webhooks", "webhook_events": ["Workflow Errored"]}
    made = [(await recorder.call("POST", base, account=None, json=body))["_id"] for _ in range(2)]
    await recorder.call("POST", base, account=None, json={**body, "webhook_events": ["Coffee Ready"]})
    await recorder.call("GET", base, account=None)
    group = {"webhookIds": made[:1], "group": "billing-webhooks"}
    await recorder.call("PUT", f"{V2}/webhooks/group/edit", account=None, json=group)
    await recorder.call("PUT", f"{V2}/webhooks/group/edit", account=None, json={"group": "x"})
    for webhook_id in (made[0], UNKNOWN_ID):
        await recorder.call("GET", base + "/{id}", webhook_id, account=None)
        await recorder.call("PUT", base + "/{id}", webhook_id, account=None, json={"is_enabled": False})
        await recorder.call("DELETE", base + "/{id}", webhook_id, account=None)


async def events(recorder: RecordingClient) -> None:
    base, one = f"{V2}/application/event", f"{V2}/application/event/{{event_id}}"
    sample = '{"event": "", "payload": {"email": ""}}'
    body = {"name": "lead_scored", "response": sample}
    await recorder.call("GET", base, account=None)
    event_id = (await recorder.call("POST", base, account=None, json=body))[-1]["_id"]
    await recorder.call("POST", base, account=None, json={"name": "lead_scored"})
    for known in (event_id, UNKNOWN_ID):
        await recorder.call("GET", one, known, account=None)
        await recorder.call("PUT", one, known, account=None, json=body)
    for name in ("lead_scored", "no_such_event"):
        event = {"event": name, "payload": {"email": "jane@example.com"}}
        await recorder.call("POST", f"{V2}/event/{{slug}}", "hubspot", json=event)
        await recorder.call("POST", f"{V2}/event/trigger", json=event)
    for known in (event_id, UNKNOWN_ID):
        await recorder.call("DELETE", one, known, account=None)


async def env_variables(recorder: RecordingClient) -> None:
    base = f"{V2}/env"
    definitions = (await recorder.call("GET", f"{base}/definitions", account=None))["docs"]
    ids = {each["name"]: each["_id"] for each in definitions}
    for definition_id in (ids["API_BASE_URL"], UNKNOWN_ID):
        await recorder.call("GET", f"{base}/definitions/{{id}}", definition_id, account=None)
    values = f"{base}/values"
    secret = {"variable_definition_id": ids["API_SECRET"], "value": "s3cret"}
    kept = await recorder.call("POST", values, json=secret)
    limit = {"variable_definition_id": ids["RETRY_LIMIT"], "value": "many"}
    await recorder.call("POST", values, json=limit)
    for name in ("API_BASE_URL", "API_SECRET"):
        await recorder.call("GET", f"{base}/value/{{definition_id}}", ids[name])
    for scope in ("linked_account", "workflow"):
        await recorder.call("GET", f"{values}/{{scope}}", scope)
    for _ in range(2):
        await recorder.call("DELETE", f"{values}/{{value_id}}", kept["_id"])


async def end_of_an_account(recorder: RecordingClient) -> None:
    one = f"{V2}/linked-account/{{linked_account_id}}"
    for account_id in (ME, "user_99999"):
        await recorder.call("DELETE", one, account_id, account=None)
