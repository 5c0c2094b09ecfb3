"""Linked accounts, their tokens, credentials and connect pages."""

import pytest

from .recording_client import V2, RecordingClient

ACCOUNTS = f"{V2}/linked-account"
ONE = ACCOUNTS + "/{linked_account_id}"
TOKENS = f"{V2}/session-token"
ACTIVE = f"{V2}/session/active-linked-account"
CREDENTIAL = f"{V2}/linked-account/default-app/auth-credentials/{{key}}"
SAVE = f"{V2}/linked-account/integration/save-key-credentials/{{slug}}"


async def mint(recorder: RecordingClient, account_id: str, *, force: bool = False) -> str:
    query = {"force_refresh": str(force).lower()}
    body = {"linked_account_id": account_id}
    return str((await recorder.call("POST", TOKENS, account=None, query=query, json=body))["token"])


async def test_a_created_account_can_be_read_and_upserted(recorder: RecordingClient) -> None:
    fields = {"account_id": "acme", "name": "Acme", "udf": {"plan": "free"}}
    await recorder.call("POST", ACCOUNTS, account=None, json=fields)
    created = await recorder.call("GET", ONE, "acme", account=None)
    assert (created["name"], created["integrations"], created["udf"][0]["key_value"]) == ("Acme", [], "free")
    again = {"linked_account_id": "acme", "payload": {"udf": {"plan": "pro"}}}
    assert (await recorder.call("PUT", ACCOUNTS, account=None, json=again))["new_account"] is False
    changed = await recorder.call("GET", ONE, "acme", account=None)
    assert (changed["name"], [each["key_value"] for each in changed["udf"]]) == ("Acme", ["pro"])
    assert changed["udf"][0]["_id"] == created["udf"][0]["_id"]
    new = await recorder.call("PUT", ACCOUNTS, account=None, json={"account_id": "other"})
    assert new["new_account"] is True
    await recorder.call("POST", ACCOUNTS, account=None, json=fields)
    assert recorder.status == 400


async def test_paging_does_not_instantiate_other_accounts(recorder: RecordingClient) -> None:
    found, page, answer = [], 1, {}
    while page:
        answer = await recorder.call("GET", ACCOUNTS, account=None, query={"page": str(page), "limit": "400"})
        found += [each["account_id"] for each in answer["docs"]]
        page = answer["nextPage"]
    assert found == list(recorder.sandbox.account_ids)
    assert (answer["totalDocs"], answer["totalPages"], answer["page"], answer["hasNextPage"]) == (
        1000,
        3,
        3,
        False,
    )
    await recorder.call("GET", ACCOUNTS, account=None, query={"page": "0"})
    assert recorder.status == 400


async def test_accounts_are_found_by_an_environment_variable(recorder: RecordingClient) -> None:
    definitions = await recorder.call(
        "GET", f"{V2}/env/definitions", account=None, query={"name": "callback"}
    )
    [definition] = definitions["docs"]
    value = {"variable_definition_id": definition["_id"], "value": "https://a.example"}
    await recorder.call("POST", f"{V2}/env/values", account="demo-user-3", json=value)
    for wanted, found in (("https://a.example", ["demo-user-3"]), ("https://b.example", [])):
        query = {"env_variable_name": "CALLBACK_URL", "env_variable_value": wanted}
        answer = await recorder.call("GET", ACCOUNTS, account=None, query=query)
        assert [each["account_id"] for each in answer["docs"]] == found


async def test_deleting_an_account_deletes_its_data(recorder: RecordingClient) -> None:
    token = await mint(recorder, "demo-user-1")
    workflow = await recorder.call("POST", f"{V2}/workflow", account="demo-user-1", json={"name": "Mine"})
    await recorder.call("DELETE", ONE, "demo-user-1", account=None)
    await recorder.call("GET", ACTIVE, token=token)
    assert recorder.status == 401
    await recorder.call("GET", f"{V2}/workflow/{{workflowId}}", workflow["workflow"]["_id"], account=None)
    assert recorder.status == 404
    await recorder.call("POST", ACCOUNTS, account=None, json={"account_id": "demo-user-1"})
    await recorder.call("GET", ACTIVE, token=token)
    assert recorder.status == 401


async def test_a_token_is_minted_once_until_forced_or_revoked(recorder: RecordingClient) -> None:
    first = await mint(recorder, "demo-user-1")
    assert await mint(recorder, "demo-user-1") == first
    assert await mint(recorder, "demo-user-2") != first
    forced = await mint(recorder, "demo-user-1", force=True)
    assert forced != first
    assert (await recorder.call("GET", ACTIVE, token=forced))["account_id"] == "demo-user-1"
    await recorder.call("POST", f"{TOKENS}/revoke", token=forced)
    await recorder.call("GET", ACTIVE, token=forced)
    assert recorder.status == 401
    assert await mint(recorder, "demo-user-1") != forced


async def test_a_token_reads_and_writes_its_own_account_alone(recorder: RecordingClient) -> None:
    token = await mint(recorder, "demo-user-1")
    await recorder.call("GET", ONE, "demo-user-2", token=token)
    assert recorder.status == 404
    await recorder.call("PUT", ACCOUNTS, token=token, json={"account_id": "demo-user-2", "name": "Mine"})
    assert (await recorder.call("GET", ONE, "demo-user-1", token=token))["name"] == "Mine"


async def test_keys_connect_an_app_and_its_integration_can_be_deleted(recorder: RecordingClient) -> None:
    names = ("account_id", "consumer_key", "consumer_secret", "token_id", "token_secret")
    keys = dict.fromkeys(names, "1")
    await recorder.call("PUT", SAVE, "netsuite", account="demo-user-1", json={"account_id": "1"})
    assert recorder.status == 400
    await recorder.call("PUT", SAVE, "hubspot", account="demo-user-1", json=keys)
    assert recorder.status == 400
    await recorder.call("PUT", SAVE, "netsuite", account="demo-user-1", json=keys)
    shown = await recorder.call("GET", f"{V2}/application/{{slug}}", "netsuite", account="demo-user-1")
    assert shown["connected"] is True
    await recorder.call("DELETE", ACCOUNTS + "/integration/{slug}", "netsuite", account="demo-user-1")
    shown = await recorder.call("GET", f"{V2}/application/{{slug}}", "netsuite", account="demo-user-1")
    assert "connected" not in shown


@pytest.mark.parametrize(
    ("auth_object", "fault"),
    [
        ({}, "exactly one"),
        ({"oauth2": {}, "keybased": {}}, "exactly one"),
        ({"saml": {}}, "not supported"),
        ({"oauth2": {"access_token": "a"}}, "refresh_token"),
    ],
)
async def test_migration_errors_have_status_200(
    recorder: RecordingClient, auth_object: dict[str, object], fault: str
) -> None:
    body = {"slug": "salesforce", "auth_object": auth_object}
    answer = await recorder.call("PUT", f"{V2}/migrate-token", account="demo-user-1", json=body)
    assert recorder.status == 200
    assert fault in answer["error"]
    shown = await recorder.call("GET", f"{V2}/application/{{slug}}", "salesforce", account="demo-user-1")
    assert "connected" not in shown


async def test_default_app_credentials_are_added_updated_and_deleted(recorder: RecordingClient) -> None:
    me = "demo-user-1"
    actions = [
        (await recorder.call("PUT", CREDENTIAL, "k", account=me, json={"value": value}))["action"]
        for value in ("a", 2)
    ]
    assert actions == ["added", "updated"]
    await recorder.call("DELETE", CREDENTIAL, "k", account=me)
    await recorder.call("DELETE", CREDENTIAL, "k", account=me)
    assert recorder.status == 404


async def test_the_connect_page_finds_its_properties_by_its_own_token(recorder: RecordingClient) -> None:
    token = await mint(recorder, "demo-user-1")
    query = {"linked_account_id": "demo-user-1", "config_id": "a b"}
    made = await recorder.call(
        "POST", f"{V2}/connect-url", token=token, query=query, json={"base_color": "#fff"}
    )
    base, _, rest = made["hosted_url"].partition("/connect/")
    page_token, _, config = rest.partition("?")
    assert (base, config) == (recorder.sandbox.base_url, "config_id=a%20b")
    assert await recorder.call("GET", f"{V2}/hosted-properties", token=page_token) == {"base_color": "#fff"}
    other = {"linked_account_id": "demo-user-2"}
    await recorder.call("POST", f"{V2}/connect-url", token=token, query=other, json={})
    assert recorder.status == 403


async def test_only_oauth_apps_have_a_consent_page(recorder: RecordingClient) -> None:
    path = f"{V2}/linked-account/integration/oauth-url/{{slug}}"
    answer = await recorder.call("GET", path, "slack", account="demo-user-1", query={"tenant": "a"})
    assert answer["auth_url"].startswith("https://slack.example/oauth/authorize?tenant=a&client_id=")
    await recorder.call("GET", path, "netsuite", account="demo-user-1")
    assert recorder.status == 400
