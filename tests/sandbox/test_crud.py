"""Actions on the records of an app, and the format of its answers."""

from typing import Any

import aiohttp
import pytest

from refold_async.sandbox import Sandbox
from refold_async.sandbox.apps import App, AppAction, ObjectType

from .raw_client import Answer, RawClient

OBJECTS = [
    ("contact", "contacts", {"email": "jane@example.com"}, {"firstname": "Jane"}),
    ("company", "companies", {"name": "Acme"}, {"city": "Oslo"}),
    ("deal", "deals", {"dealname": "Renewal"}, {"amount": "500"}),
]


def errored(answer: Answer) -> tuple[int, Any]:
    assert answer.status == 200
    assert answer.json["node_status"] == "Errored"
    return answer.json["http_status"], answer.json["data"]


@pytest.mark.parametrize(("name", "_plural", "given", "changed"), OBJECTS)
async def test_the_life_cycle_of_a_record(
    raw_client: RawClient,
    sandbox: Sandbox,
    name: str,
    _plural: str,
    given: dict[str, str],
    changed: dict[str, str],
) -> None:
    created = (await raw_client.execute("hubspot", f"create_{name}", given)).data
    assert created["archived"] is False
    assert created["properties"].items() >= given.items()
    by_id = {f"{name}_id": created["id"]}

    updated = (await raw_client.execute("hubspot", f"update_{name}", {**by_id, **changed})).data
    assert updated["properties"].items() >= {**given, **changed}.items()
    assert updated["createdAt"] == created["createdAt"]
    assert (await raw_client.execute("hubspot", f"get_{name}_by_id", by_id)).data == updated
    assert (await raw_client.execute("hubspot", f"get_{name}", by_id)).data == updated

    assert (await raw_client.execute("hubspot", f"delete_{name}", by_id)).data == {}
    for action_id in (f"get_{name}_by_id", f"update_{name}", f"delete_{name}"):
        status, data = errored(await raw_client.execute("hubspot", action_id, by_id))
        assert (status, data["category"]) == (404, "OBJECT_NOT_FOUND")
    assert [run.ok for run in sandbox.ledger.writes()] == [True, True, True, False, False]


@pytest.mark.parametrize(("name", "plural", "given", "_changed"), OBJECTS)
async def test_paging_returns_each_record_once(
    raw_client: RawClient, name: str, plural: str, given: dict[str, str], _changed: dict[str, str]
) -> None:
    new = (await raw_client.execute("hubspot", f"create_{name}", given)).data["id"]
    [gone] = (await raw_client.execute("hubspot", f"get_{name}", {"limit": 1})).data["results"]
    await raw_client.execute("hubspot", f"delete_{name}", {f"{name}_id": gone["id"]})

    async def walk(action_id: str, params: dict[str, str]) -> list[str]:
        ids, after = list[str](), dict[str, str]()
        while True:
            page = (await raw_client.execute("hubspot", action_id, {**params, "limit": "4", **after})).data
            ids += [each["id"] for each in page["results"]]
            if not page["paging"]:
                return ids
            after = {"after": page["paging"]["next"]["after"]}

    ids = await walk(f"get_{name}", {})
    assert len(ids) == len(set(ids)) == 12
    assert new in ids
    assert gone["id"] not in ids
    search = {"propertyName": "hs_object_id", "operator": "NEQ", "value": "none"}
    assert await walk(f"search_{plural}", search) == ids


@pytest.mark.parametrize("limit", ["x", "-1", "101", "nan", "inf"])
async def test_an_invalid_limit_is_the_apps_error(raw_client: RawClient, limit: str) -> None:
    assert errored(await raw_client.execute("hubspot", "get_contact", {"limit": limit}))[0] == 400


async def test_an_invalid_cursor_is_the_apps_error(raw_client: RawClient) -> None:
    assert errored(await raw_client.execute("hubspot", "get_contact", {"after": "x"}))[0] == 400


async def test_pages_hold_ten_records_by_default(raw_client: RawClient) -> None:
    page = (await raw_client.execute("hubspot", "get_contact")).data
    assert len(page["results"]) == 10
    assert page["paging"]["next"]["after"] == page["results"][-1]["id"]


@pytest.mark.parametrize(
    ("operator", "value", "found"),
    [
        ("EQ", "200", {"b"}),
        ("eq", "200", {"b"}),
        ("NEQ", "200", {"a", "c", "d"}),
        ("LT", "200", {"a"}),
        ("LTE", "200", {"a", "b"}),
        ("GT", "90", {"b", "c", "a"}),
        ("GTE", "1000", {"c"}),
        ("IN", "100, 1000", {"a", "c"}),
        ("NOT_IN", "100,1000", {"b", "d"}),
        ("CONTAINS_TOKEN", "*00", {"a", "b", "c"}),
        ("NOT_CONTAINS_TOKEN", "000", {"a", "b", "d"}),
        ("HAS_PROPERTY", "-", {"a", "b", "c"}),
        ("NOT_HAS_PROPERTY", "-", {"d"}),
    ],
)
async def test_search_operators(raw_client: RawClient, operator: str, value: str, found: set[str]) -> None:
    for name, amount in (("a", "100"), ("b", "200"), ("c", "1000"), ("d", None)):
        await raw_client.execute("hubspot", "create_deal", {"dealname": f"mine {name}", "amount": amount})
    search = {"propertyName": "amount", "operator": operator, "value": value, "query": "mine", "limit": "50"}
    data = (await raw_client.execute("hubspot", "search_deals", search)).data
    assert {each["properties"]["dealname"][-1] for each in data["results"]} == found
    assert data["total"] == len(found)


async def test_an_unknown_operator_is_the_apps_error(raw_client: RawClient) -> None:
    search = {"propertyName": "email", "operator": "LIKE", "value": "x"}
    assert errored(await raw_client.execute("hubspot", "search_contacts", search))[0] == 400


@pytest.mark.parametrize(
    ("action_id", "params", "missing"),
    [
        ("create_contact", {"firstname": "Jane"}, "email"),
        ("create_contact", {"email": ""}, "email"),
        ("create_contact", {"email": None}, "email"),
        ("search_contacts", {"propertyName": "email", "operator": "EQ"}, "value"),
        ("update_contact", {"email": "a@example.com"}, "contact_id"),
        ("httprequest", {"method": "GET"}, "url"),
    ],
)
async def test_a_missing_parameter_is_a_400(
    raw_client: RawClient, sandbox: Sandbox, action_id: str, params: object, missing: str
) -> None:
    answer = await raw_client.execute("hubspot", action_id, params)
    assert answer.status == 400
    assert answer.json["message"] == f"Required parameter '{missing}' is missing"
    assert answer.json["error_code"] == "VALIDATION_ERROR"
    assert not sandbox.ledger.runs


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff", b"[" * 100_000, b"NaN"])
async def test_a_body_that_is_not_an_object_is_a_400(raw_client: RawClient, body: bytes) -> None:
    path = "/api/v2/integration-schema/hubspot/actions/get_contact/execute"
    answer = await raw_client.call("POST", path, headers=raw_client.headers(), data=body)
    assert (answer.status, answer.json["error_code"]) == (400, "VALIDATION_ERROR")


async def test_an_empty_body_means_no_parameters(raw_client: RawClient) -> None:
    path = "/api/v2/integration-schema/hubspot/actions/get_contact/execute"
    assert (await raw_client.call("POST", path, headers=raw_client.headers())).data["results"]


async def test_records_are_deterministic_and_differ_by_account(session: aiohttp.ClientSession) -> None:
    async def contacts(seed: int, account: str) -> object:
        async with Sandbox(seed=seed) as sandbox:
            return (await RawClient(sandbox, session).execute("hubspot", "get_contact", account=account)).data

    first = await contacts(1, "demo-user-1")
    assert await contacts(1, "demo-user-1") == first
    assert await contacts(2, "demo-user-1") != first
    assert await contacts(1, "demo-user-2") != first


async def test_writes_are_visible_to_their_account_only(raw_client: RawClient) -> None:
    new = (await raw_client.create_contact("mine@example.com", "demo-user-1")).data["id"]
    assert (
        errored(await raw_client.execute("hubspot", "get_contact_by_id", {"contact_id": new}, "demo-user-2"))[
            0
        ]
        == 404
    )


CONTACTS = "/crm/v3/objects/contacts"
PROPERTIES = {"properties": {"email": "a@example.com"}}
FILTER = {"propertyName": "email", "operator": "NEQ", "value": "x"}


@pytest.mark.parametrize(
    ("raw", "effect"),
    [
        ({"method": "GET", "url": f"{CONTACTS}?limit=1"}, "read"),
        ({"method": "GET", "url": CONTACTS, "query_params": {"limit": "1"}}, "read"),
        ({"method": "get", "url": f"https://api.hubapi.com{CONTACTS}/51"}, "read"),
        ({"method": "POST", "url": CONTACTS, "body": PROPERTIES}, "write"),
        ({"method": "POST", "url": CONTACTS, "body": '{"properties": {"email": "a@example.com"}}'}, "write"),
        ({"method": "PATCH", "url": f"{CONTACTS}/51", "body": PROPERTIES}, "write"),
        ({"method": "DELETE", "url": f"{CONTACTS}/51"}, "write"),
        (
            {
                "method": "POST",
                "url": f"{CONTACTS}/search",
                "body": {"filterGroups": [{"filters": [FILTER]}]},
            },
            "read",
        ),
    ],
)
async def test_raw_requests_reach_the_same_records(
    raw_client: RawClient, sandbox: Sandbox, raw: dict[str, object], effect: str
) -> None:
    answer = await raw_client.execute("hubspot", "httprequest", raw)
    assert answer.json["node_status"] == "Success"
    assert answer.json["http_status"] == 200
    [run] = sandbox.ledger.runs
    assert (run.action_id, run.effect) == ("httprequest", effect)
    record = (await raw_client.execute("hubspot", "get_contact_by_id", {"contact_id": "51"})).json
    assert (record["node_status"] == "Errored") == (raw["method"] == "DELETE")


@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"method": "GET", "url": "/nowhere"}, 404),
        ({"method": "GET", "url": "/crm/v3/objects/items"}, 404),
        ({"method": "PUT", "url": "/crm/v3/objects/contacts/51"}, 404),
        ({"method": "GET", "url": "/crm/v3/objects/contacts/999"}, 404),
        ({"method": "POST", "url": "/crm/v3/objects/contacts", "body": {"properties": {}}}, 400),
        ({"method": "POST", "url": "/crm/v3/objects/contacts", "body": "{"}, 400),
        ({"method": "POST", "url": "/crm/v3/objects/contacts", "body": [1]}, 400),
    ],
)
async def test_raw_requests_fail_as_the_app_does(raw_client: RawClient, params: object, status: int) -> None:
    assert errored(await raw_client.execute("hubspot", "httprequest", params))[0] == status


async def test_slack_answers_in_its_own_format(raw_client: RawClient) -> None:
    listed = (await raw_client.execute("slack", "list_channels")).data
    assert [each["name"] for each in listed["channels"]] == ["general", "random", "sales"]
    posted = (await raw_client.execute("slack", "post_message", {"channel": "#random", "text": "hi"})).data
    assert posted["message"]["text"] == "hi"
    place = {"channel": posted["channel"], "ts": posted["ts"]}
    assert posted["channel"] == listed["channels"][1]["id"]

    await raw_client.execute("slack", "update_message", {**place, "text": "bye"})
    history = (await raw_client.execute("slack", "list_messages", {"channel": "random", "limit": 50})).data
    assert {each["channel"] for each in history["messages"]} == {posted["channel"]}
    assert history["messages"][-1]["text"] == "bye"
    assert history["response_metadata"] == {"next_cursor": ""}
    assert (await raw_client.execute("slack", "delete_message", place)).data == {"ok": True, **place}
    assert errored(await raw_client.execute("slack", "delete_message", place)) == (
        200,
        {"ok": False, "error": "message_not_found"},
    )


async def test_slack_pages_by_cursor(raw_client: RawClient) -> None:
    first = (await raw_client.execute("slack", "list_users", {"limit": 5})).data
    cursor = first["response_metadata"]["next_cursor"]
    second = (await raw_client.execute("slack", "list_users", {"limit": 5, "cursor": cursor})).data
    assert len(first["members"]) + len(second["members"]) == 8
    user = first["members"][0]
    assert (await raw_client.execute("slack", "get_user", {"user": user["id"]})).data["user"] == user


async def test_slack_validates_channels(raw_client: RawClient, sandbox: Sandbox) -> None:
    answer = await raw_client.execute("slack", "post_message", {"channel": "#nowhere", "text": "hi"})
    assert errored(answer) == (200, {"ok": False, "error": "channel_not_found"})
    assert [run.ok for run in sandbox.ledger.writes("slack")] == [False]
    made = (await raw_client.execute("slack", "create_channel", {"name": "nowhere"})).data
    assert made["channel"]["name"] == "nowhere"
    answer = await raw_client.execute("slack", "post_message", {"channel": "#nowhere", "text": "hi"})
    assert answer.data["channel"] == made["channel"]["id"]


async def test_the_playground_actions(raw_client: RawClient) -> None:
    assert (await raw_client.execute("playground", "echo", {"text": "hi", "data": [1, None]})).data == {
        "text": "hi",
        "data": [1, None],
    }
    assert (
        len((await raw_client.execute("playground", "get_payload", {"bytes": "100000"})).data["payload"])
        == 100_000
    )
    assert (await raw_client.execute("playground", "sleep", {"seconds": 0.01})).data == {"slept": 0.01}
    failed = await raw_client.execute(
        "playground", "fail", {"node_status": "Timed_Out", "http_status": 504, "message": "x"}
    )
    assert failed.json == {"node_status": "Timed_Out", "data": {"message": "x"}, "http_status": 504}
    assert errored(await raw_client.execute("playground", "sleep", {"seconds": "x"}))[0] == 400


@pytest.mark.parametrize("slug", ["playground", "salesforce", "netsuite"])
async def test_every_app_serves_raw_requests_and_creation(
    raw_client: RawClient, sandbox: Sandbox, slug: str
) -> None:
    sandbox.connect("demo-user-1", slug)
    app = sandbox.organisation.apps[slug]
    [create] = [action for action in app.actions if action.kind == "create"]
    params = dict.fromkeys(create.required, "7")
    record = (await raw_client.execute(slug, create.action_id, params)).data
    assert record.items() >= params.items()
    raw = {"method": "GET", "url": create.http.removeprefix("POST ") + f"/{record['id']}"}
    assert (await raw_client.execute(slug, "httprequest", raw)).data == record
    posted = {"method": "POST", "url": create.http.removeprefix("POST "), "body": params}
    assert (await raw_client.execute(slug, "httprequest", posted)).data.items() >= params.items()


async def test_search_by_words_and_by_text_order(raw_client: RawClient) -> None:
    for title in ("first of mine", "second of mine"):
        await raw_client.execute("playground", "create_note", {"title": title})
    found = (await raw_client.execute("playground", "search_notes", {"query": "OF MINE", "limit": 1})).data
    assert (found["total"], len(found["records"])) == (2, 1)
    later = {"query": "of mine", "propertyName": "title", "operator": "GT", "value": "first of mine"}
    [note] = (await raw_client.execute("playground", "search_notes", later)).data["records"]
    assert note["title"] == "second of mine"
    deleted = (await raw_client.execute("playground", "delete_note", {"note_id": note["id"]})).data
    assert deleted == {"id": note["id"], "deleted": True}


async def test_a_custom_app(raw_client: RawClient) -> None:
    fields = {"name": "company", "project": "1|2"}
    listing = AppAction(
        action_id="list_tasks",
        name="List",
        description="",
        kind="list",
        object="tasks",
        refers={"project": "projects"},
    )
    own = App(
        slug="own",
        name="Own",
        description="",
        auth_type="oauth2",
        tags=[],
        objects={
            "tasks": ObjectType(fields=fields),
            "projects": ObjectType(fields={"name": "one, two"}, seeded=2),
        },
        actions=[listing],
    )
    async with Sandbox(apps=[own]) as sandbox:
        caller = RawClient(sandbox, raw_client.session)
        every = (await caller.execute("own", "list_tasks", {"limit": 50})).data["records"]
        ones = (await caller.execute("own", "list_tasks", {"limit": 50, "project": "one"})).data["records"]
        assert len(every) == 12
        assert ones == [task for task in every if task["project"] == "1"]
