"""Keys, tokens, accounts and connections: who is accepted, and how the others are refused."""

from typing import Any

import aiohttp
import pytest

from refold_async.sandbox import Sandbox

from .raw_client import ACTIONS, APPLICATIONS, RawClient

LIST = f"{ACTIONS}/hubspot/actions"


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, "Invalid Credentials"),
        ({"x-api-key": ""}, "Invalid Credentials"),
        ({"x-api-key": "tk_sandboxx", "linked_account_id": "demo-user-1"}, "Invalid Credentials"),
        ({"linked_account_id": "demo-user-1"}, "Invalid Credentials"),
        ({"Authorization": "Basic abc"}, "Authorization Token Missing"),
        ({"Authorization": "Bearer abc"}, "Invalid token"),
    ],
)
async def test_missing_or_invalid_credentials_are_refused(
    raw_client: RawClient, headers: dict[str, str], message: str
) -> None:
    for path in (LIST, APPLICATIONS, "/api/v2/public/workflow"):
        answer = await raw_client.call("GET", path, headers=headers)
        assert (answer.status, answer.json["message"]) == (401, message)
        assert answer.json["http_error_type"] == "UNAUTHORIZED"


async def test_an_invalid_key_takes_precedence_over_a_valid_token(
    raw_client: RawClient, sandbox: Sandbox
) -> None:
    token = sandbox.issue_token("demo-user-1")
    headers = {"x-api-key": "tk_wrong", "Authorization": f"Bearer {token}"}
    assert (await raw_client.call("GET", LIST, headers=headers)).status == 401


async def test_a_token_acts_on_its_account(raw_client: RawClient, sandbox: Sandbox) -> None:
    headers = {"Authorization": f"Bearer {sandbox.issue_token('demo-user-7')}"}
    assert (await raw_client.call("GET", LIST, headers=headers)).status == 200
    path = f"{LIST}/create_contact/execute"
    await raw_client.call("POST", path, headers=headers, json={"email": "a@example.com"})
    assert [run.linked_account_id for run in sandbox.ledger.runs] == ["demo-user-7"]


async def test_a_token_expires_and_can_be_revoked(raw_client: RawClient, sandbox: Sandbox) -> None:
    revoked, expired = sandbox.issue_token("demo-user-1"), sandbox.issue_token("demo-user-1", expires_in=-1)
    assert sandbox.revoke_token(revoked)
    assert not sandbox.revoke_token(revoked)
    for token in (revoked, expired):
        answer = await raw_client.call("GET", LIST, headers={"Authorization": f"Bearer {token}"})
        assert (answer.status, answer.json["error"]) == (401, "INVALID_TOKEN")


async def test_tokens_are_unique_and_are_removed_with_their_account(
    raw_client: RawClient, sandbox: Sandbox
) -> None:
    sandbox.add_account("acme")
    first, second = sandbox.issue_token("acme"), sandbox.issue_token("acme")
    assert first != second
    sandbox.remove_account("acme")
    answer = await raw_client.call("GET", LIST, headers={"Authorization": f"Bearer {first}"})
    assert answer.json["message"] == "Invalid token"


@pytest.mark.parametrize("path", [LIST, f"{LIST}/get_contact", APPLICATIONS, f"{APPLICATIONS}/hubspot"])
async def test_a_key_needs_an_account(raw_client: RawClient, path: str) -> None:
    answer = await raw_client.get(path, None)
    assert (answer.status, answer.json["error_code"]) == (404, "MISSING_REQUIRED_FIELD")


async def test_the_account_may_be_in_the_query_and_the_header_takes_precedence(
    raw_client: RawClient, sandbox: Sandbox
) -> None:
    sandbox.connect("demo-user-2", "netsuite")
    path = f"{APPLICATIONS}/netsuite"
    from_query = await raw_client.get(path, None, params={"linked_account_id": "demo-user-2"})
    from_header = await raw_client.get(path, "demo-user-1", params={"linked_account_id": "demo-user-2"})
    assert from_query.json["connected"] is True
    assert "connected" not in from_header.json


async def test_api_keys_can_be_added_and_removed(raw_client: RawClient, sandbox: Sandbox) -> None:
    sandbox.add_api_key("tk_new")
    sandbox.remove_api_key("tk_sandbox")
    assert sandbox.api_key == "tk_new"
    assert (await raw_client.call("GET", LIST, headers=raw_client.headers(key="tk_sandbox"))).status == 401
    assert (await raw_client.get(LIST)).status == 200
    with pytest.raises(ValueError, match="last"):
        sandbox.remove_api_key("tk_new")


@pytest.mark.parametrize("account_id", ["acme", "jane+1@example.com", "Zoë/1 ?#%", "42"])
async def test_any_string_is_an_account_id(raw_client: RawClient, sandbox: Sandbox, account_id: str) -> None:
    sandbox.add_account(account_id)
    assert account_id in sandbox.account_ids
    assert (await raw_client.create_contact(account=account_id)).status == 200
    assert sandbox.ledger.writes(linked_account_id=account_id)


@pytest.mark.parametrize(
    "account_id", ["demo-user-0", "demo-user-1001", "demo-user-01", "demo-user-", "demo-user-x"]
)
async def test_only_seeded_accounts_exist(raw_client: RawClient, sandbox: Sandbox, account_id: str) -> None:
    assert account_id not in sandbox.account_ids
    assert (await raw_client.get(LIST, account_id)).status == 404


def test_account_ids_are_a_lazy_sequence() -> None:
    sandbox = Sandbox(accounts=10**12)
    ids = sandbox.account_ids
    assert len(ids) == 10**12
    assert ids[0] == "demo-user-1"
    assert ids[10**12 - 1] in ids
    assert ids[10**11 : 10**11 + 2] == [f"demo-user-{10**11 + 1}", f"demo-user-{10**11 + 2}"]
    assert ids[2:0:-1] == ["demo-user-3", "demo-user-2"]
    assert ids[10**12 :] == []


def test_account_ids_reflect_added_and_removed_accounts() -> None:
    sandbox = Sandbox(accounts=3)
    sandbox.add_account("acme")
    assert sandbox.remove_account("demo-user-2")
    assert not sandbox.remove_account("demo-user-2")
    assert list(sandbox.account_ids) == ["demo-user-1", "demo-user-3", "acme"]
    assert sandbox.account_ids[1] == "demo-user-3"
    assert sandbox.account_ids[-1] == "acme"
    assert sandbox.account_ids[:2] == ["demo-user-1", "demo-user-3"]
    sandbox.add_account("demo-user-2")
    assert len(sandbox.account_ids) == 4
    assert "demo-user-2" in sandbox.account_ids
    sandbox.add_account("acme", connected=[])
    assert repr(sandbox.account_ids) == "<4 linked account ids>"


async def test_a_removed_account_is_unknown(raw_client: RawClient, sandbox: Sandbox) -> None:
    sandbox.remove_account("demo-user-1")
    answer = await raw_client.get(LIST)
    assert answer.status == 404
    assert "Linked Account with account id demo-user-1" in answer.json["message"]


async def states(raw_client: RawClient, slug: str) -> tuple[Any, Any, list[str]]:
    app = (await raw_client.get(f"{APPLICATIONS}/{slug}")).json
    statuses = [each["status"] for each in app.get("connected_accounts", [])]
    return app.get("connected"), app["reauth_required"], statuses


async def test_the_life_cycle_of_a_connection(raw_client: RawClient, sandbox: Sandbox) -> None:
    assert await states(raw_client, "salesforce") == (None, False, [])
    refused = await raw_client.execute("salesforce", "list_leads")
    assert (refused.status, refused.json["error_code"]) == (403, "APPLICATION_NOT_CONNECTED")

    sandbox.connect("demo-user-1", "salesforce")
    assert await states(raw_client, "salesforce") == (True, False, ["active"])
    assert (await raw_client.execute("salesforce", "list_leads")).data["records"]

    sandbox.expire("demo-user-1", "salesforce")
    assert await states(raw_client, "salesforce") == (True, True, ["expired"])
    refused = await raw_client.execute("salesforce", "list_leads")
    assert (refused.status, refused.json["reauth_required"]) == (401, True)
    assert refused.json["error_code"] == "REAUTH_REQUIRED"

    sandbox.connect("demo-user-1", "salesforce")
    assert (await raw_client.execute("salesforce", "list_leads")).status == 200

    sandbox.disconnect("demo-user-1", "salesforce")
    sandbox.disconnect("demo-user-1", "salesforce")
    assert (await raw_client.execute("salesforce", "list_leads")).status == 403
    assert sandbox.ledger.count("salesforce") == 2


async def test_connections_belong_to_one_account(raw_client: RawClient, sandbox: Sandbox) -> None:
    sandbox.disconnect("demo-user-1", "hubspot")
    assert (await raw_client.create_contact(account="demo-user-1")).status == 403
    assert (await raw_client.create_contact(account="demo-user-2")).status == 200


async def test_an_account_can_start_with_other_connections(raw_client: RawClient, sandbox: Sandbox) -> None:
    sandbox.add_account("acme", connected=["netsuite"])
    applications = (await raw_client.get(APPLICATIONS, "acme")).json
    assert [app["slug"] for app in applications if app.get("connected")] == ["netsuite"]


@pytest.mark.parametrize(
    ("query", "slugs"),
    [
        ({"slug": "slack"}, ["slack"]),
        ({"tags": "CRM"}, ["hubspot", "salesforce"]),
        ({"tags": "CRM,Accounting", "auth_type": "keybased"}, ["netsuite"]),
        ({"ecosystem": "true"}, []),
    ],
)
async def test_applications_can_be_filtered(
    raw_client: RawClient, query: dict[str, str], slugs: list[str]
) -> None:
    answer = await raw_client.get(APPLICATIONS, params=query)
    assert [app["slug"] for app in answer.json] == slugs


def test_seeding_refuses_unknown_accounts_and_apps() -> None:
    sandbox = Sandbox(accounts=1)
    with pytest.raises(LookupError, match="nobody"):
        sandbox.issue_token("nobody")
    with pytest.raises(LookupError, match="nobody"):
        sandbox.connect("nobody", "slack")
    with pytest.raises(LookupError, match="hubspott"):
        sandbox.connect("demo-user-1", "hubspott")
    with pytest.raises(LookupError, match="has not connected"):
        sandbox.expire("demo-user-1", "netsuite")


async def test_two_keys_share_one_organisation(session: aiohttp.ClientSession) -> None:
    async with Sandbox(api_key="pk_live") as sandbox:
        raw_client = RawClient(sandbox, session)
        assert (await raw_client.get(LIST)).status == 200
        answer = await raw_client.get(LIST, "nobody")
        assert "in environment production not found" in answer.json["message"]
