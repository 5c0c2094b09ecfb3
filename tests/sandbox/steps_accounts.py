"""Steps that set up customers and the organisation, each called with the client and checked."""

from typing import Final

from refold_async.sandbox.api.human_tasks import HumanTaskStore

from .checked_client import ME, CheckedClient

ORGANISATION: Final = "organisation"


async def linked_accounts(client: CheckedClient) -> None:
    accounts = client.refold.linked_accounts
    made = await client.call(
        "linked_accounts.create",
        accounts.create("new-1", name="Ada"),
        by=ORGANISATION,
        body={"linked_account_id": "new-1", "name": "Ada"},
    )
    assert (made.linked_account_id, made.name) == ("new-1", "Ada")
    named = await client.call(
        "linked_accounts.upsert",
        accounts.upsert("new-1", name="Ada L.", udf={"plan": "gold"}),
        by=ORGANISATION,
        body={"linked_account_id": "new-1", "name": "Ada L.", "udf": {"plan": "gold"}},
    )
    assert named.name == "Ada L."
    found = await client.call("linked_accounts.get", accounts.get("new-1"), "new-1", by=ORGANISATION)
    assert (found.name, [each.key_value for each in found.udf or []]) == ("Ada L.", ["gold"])
    page = await client.call(
        "linked_accounts.list",
        accounts.list(page=2, limit=3),
        by=ORGANISATION,
        query={"page": "2", "limit": "3"},
    )
    assert (len(page.items), page.page) == (3, 2)
    await client.call("linked_accounts.delete", accounts.delete("new-1"), "new-1", by=ORGANISATION)
    assert "new-1" not in client.sandbox.account_ids


async def tokens(client: CheckedClient) -> None:
    made = await client.call(
        "session_tokens.create",
        client.refold.session_tokens.create(ME),
        by=ORGANISATION,
        body={"linked_account_id": ME},
    )
    assert made.token
    me = await client.call("linked_account.get", client.token.linked_account.get(), by="token")
    assert me.linked_account_id == ME
    link = await client.call(
        "hosted_connect.create_url",
        client.token.hosted_connect.create_url(ME, {"plan": "gold"}),
        by="token",
        query={"linked_account_id": ME},
        body={"plan": "gold"},
    )
    assert (link.hosted_url or "").startswith("http")
    kept = await client.call(
        "hosted_connect.properties", client.token.hosted_connect.properties(), by="token"
    )
    assert kept == {"plan": "gold"}
    gone = await client.call("session_token.revoke", client.token.session_token.revoke(), by="token")
    assert gone.revoked_count == 1


async def apps(client: CheckedClient) -> None:
    account = client.account
    listed = await client.call("applications.list", account.applications.list())
    assert {"hubspot", "slack"} <= {each.slug for each in listed}
    app = await client.call("applications.get", account.applications.get("hubspot"), "hubspot")
    assert app.connected
    actions = await client.call("actions.list", account.actions.list("hubspot"), "hubspot")
    assert "create_contact" in {each.action_id for each in actions}
    schema = await client.call(
        "actions.schema", account.actions.schema("hubspot", "create_contact"), "hubspot", "create_contact"
    )
    assert "email" in {each.name for each in schema}
    result = await client.call(
        "actions.execute",
        account.actions.execute("hubspot", "create_contact", {"email": "a@b.test"}),
        "hubspot",
        "create_contact",
        body={"email": "a@b.test"},
    )
    assert result.data["properties"]["email"] == "a@b.test"
    structure = await client.call("auth.structure", account.auth.structure("netsuite"), "netsuite")
    assert "token_id" in structure["keybased"]
    start = await client.call("auth.oauth_url", account.auth.oauth_url("hubspot"), "hubspot")
    assert "client_id=" in (start.auth_url or "")


async def credentials(client: CheckedClient) -> None:
    kept = client.account.credentials
    saved = await client.call(
        "credentials.upsert", kept.upsert("api_key", "s3cret"), "api_key", body={"value": "s3cret"}
    )
    assert saved.success
    gone = await client.call("credentials.delete", kept.delete("api_key"), "api_key")
    assert gone.success
    names = ("account_id", "consumer_key", "consumer_secret", "token_id", "token_secret")
    keys: dict[str, object] = dict.fromkeys(names, "1234567")
    await client.call("credentials.save_keys", kept.save_keys("netsuite", keys), "netsuite", body=keys)
    moved = await client.call(
        "credentials.migrate",
        kept.migrate("netsuite", {"keybased": keys}),
        body={"slug": "netsuite", "auth_object": {"keybased": keys}},
    )
    assert moved.success
    app = await client.account.applications.get("netsuite")
    assert app.connected
    left = await client.call(
        "linked_account.delete_integration",
        client.account.linked_account.delete_integration("netsuite"),
        "netsuite",
        query={"linked_account_id": ME},
    )
    assert "netsuite" not in {each.type for each in left.integrations or []}


async def webhooks(client: CheckedClient) -> None:
    hooks = client.refold.webhooks
    target = {"webhook_url": "https://a.test/hook", "webhook_events": ["Workflow Errored"]}
    made = await client.call(
        "webhooks.create",
        hooks.create("https://a.test/hook", ["Workflow Errored"]),
        by=ORGANISATION,
        body=target,
    )
    assert made.id
    one = await client.call("webhooks.get", hooks.get(made.id), made.id, by=ORGANISATION)
    assert (one.webhook_url, one.is_enabled) == ("https://a.test/hook", True)
    off = await client.call(
        "webhooks.update",
        hooks.update(made.id, is_enabled=False),
        made.id,
        by=ORGANISATION,
        body={"is_enabled": False},
    )
    assert off.is_enabled is False
    filed = {"webhookIds": [made.id], "group": "billing"}
    await client.call(
        "webhooks.edit_group", hooks.edit_group([made.id], "billing"), by=ORGANISATION, body=filed
    )
    listed = await client.call("webhooks.list", hooks.list(), by=ORGANISATION)
    assert [each.group for each in listed] == ["billing"]
    await client.call("webhooks.delete", hooks.delete(made.id), made.id, by=ORGANISATION)
    assert not await hooks.list()


async def events(client: CheckedClient) -> None:
    defined = client.refold.events
    sample = {"name": "paid", "response": '{"sum": 1}'}
    made = await client.call(
        "events.create", defined.create("paid", '{"sum": 1}'), by=ORGANISATION, body=sample
    )
    [event_id] = [each.id for each in made if each.name == "paid" and each.id]
    one = await client.call("events.get", defined.get(event_id), event_id, by=ORGANISATION)
    assert one.name == "paid"
    changed = {"name": "paid_up", "response": '{"sum": 1}'}
    await client.call(
        "events.update",
        defined.update(event_id, "paid_up", '{"sum": 1}'),
        event_id,
        by=ORGANISATION,
        body=changed,
    )
    listed = await client.call("events.list", defined.list(), by=ORGANISATION)
    assert "paid_up" in {each.name for each in listed}
    event = {"event": "paid_up", "payload": {"sum": 2}}
    fire = client.account.events.trigger
    assert (await client.call("events.trigger", fire("paid_up", {"sum": 2}), body=event)).message
    of_app = fire("paid_up", {"sum": 2}, slug="hubspot")
    assert (await client.call("events.trigger_of_app", of_app, "hubspot", body=event)).message
    left = await client.call("events.delete", defined.delete(event_id), event_id, by=ORGANISATION)
    assert event_id not in {each.id for each in left}


async def env_variables(client: CheckedClient) -> None:
    shared, mine = client.refold.env_variables, client.account.env_variables
    page = await client.call("env_variables.list_definitions", shared.list_definitions(), by=ORGANISATION)
    ids = {each.name: each.id for each in page if each.id}
    secret = ids["API_SECRET"]
    assert secret
    found = await client.call(
        "env_variables.get_definition", shared.get_definition(secret), secret, by=ORGANISATION
    )
    assert found.definition
    assert found.definition.name == "API_SECRET"
    kept = await client.call(
        "env_variables.set",
        mine.set(secret, "s3cret"),
        body={"variable_definition_id": secret, "value": "s3cret", "linked_account_id": ME},
    )
    assert kept.id
    one = await client.call("env_variables.get", mine.get(secret), secret, query={"linked_account_id": ME})
    assert (one.name, one.value, one.encrypted) == ("API_SECRET", "[REDACTED]", True)
    values = await client.call(
        "env_variables.list",
        mine.list("linked_account"),
        "linked_account",
        query={"linked_account_id": ME},
    )
    assert kept.id in {each.id for each in values}
    await client.call("env_variables.delete", mine.delete(kept.id), kept.id)
    assert kept.id not in {each.id for each in await mine.list("linked_account")}


async def human_tasks(client: CheckedClient) -> None:
    tasks = client.refold.human_tasks
    task_id = client.sandbox.organisation.own(HumanTaskStore).first_id
    asked = await client.call("human_tasks.get", tasks.get(task_id), task_id, by=ORGANISATION)
    assert asked.status == "WAITING"
    answer = {"approved": True}
    await client.call(
        "human_tasks.submit", tasks.submit(task_id, answer), task_id, by=ORGANISATION, body={"data": answer}
    )
    assert (await tasks.get(task_id)).status == "SUBMITTED"
