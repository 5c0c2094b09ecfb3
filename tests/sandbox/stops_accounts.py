"""The stops of the tour that accounts and organisations are set up at."""

from .tour import ME, UNKNOWN_ID, V2, Tour


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


async def end_of_an_account(tour: Tour) -> None:
    one = f"{V2}/linked-account/{{linked_account_id}}"
    for account_id in (ME, "user_99999"):
        await tour.call("DELETE", one, account_id, account=None)
