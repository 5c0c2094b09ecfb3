"""The sandbox's bodies compared with those in the reference."""

import re

import pytest

from refold_async.api.operations import OPERATIONS
from tests.reference import FOLDER, needs_reference

from .raw_client import ACTIONS, APPLICATIONS, RawClient
from .reference import example, without_ids


@needs_reference
@pytest.mark.parametrize(
    ("documented", "method", "path"),
    [
        (("POST", "/{slug}/actions/{action_id}/execute"), "POST", "/hubspot/actions/no_such_action/execute"),
        (("GET", "/{slug}/actions/{action_id}"), "GET", "/hubspot/actions/no_such_action"),
        (("GET", "/{slug}/actions"), "GET", "/unknown/actions"),
    ],
)
async def test_unknown_actions_and_apps_are_the_documented_404s(
    raw_client: RawClient, documented: tuple[str, str], method: str, path: str
) -> None:
    answer = await raw_client.call(method, ACTIONS + path, headers=raw_client.headers())
    assert answer.status == 404
    assert answer.json == example(documented[0], ACTIONS + documented[1], 404)


@needs_reference
async def test_an_unknown_application_is_the_documented_404(raw_client: RawClient) -> None:
    answer = await raw_client.get(f"{APPLICATIONS}/test-app")
    assert answer.status == 404
    assert without_ids(answer.json) == without_ids(example("GET", f"{APPLICATIONS}/{{slug}}", 404))


@needs_reference
@pytest.mark.parametrize("path", [APPLICATIONS, f"{APPLICATIONS}/hubspot"])
async def test_a_wrong_key_is_the_documented_401(raw_client: RawClient, path: str) -> None:
    answer = await raw_client.call("GET", path, headers=raw_client.headers(key="tk_wrong"))
    assert answer.status == 401
    assert answer.json == example("GET", APPLICATIONS, 401)


@needs_reference
async def test_a_wrong_token_is_the_documented_401(raw_client: RawClient) -> None:
    answer = await raw_client.call("GET", APPLICATIONS, headers={"Authorization": "Bearer nonsense"})
    assert answer.json == example("GET", "/api/v2/public/session/active-linked-account", 401)


@needs_reference
async def test_a_missing_token_is_the_documented_401(raw_client: RawClient) -> None:
    answer = await raw_client.call("GET", APPLICATIONS, headers={"Authorization": "Bearer "})
    assert answer.json == example("POST", "/api/v2/public/connect-url", 401)


@needs_reference
async def test_an_unknown_linked_account_is_the_documented_404(raw_client: RawClient) -> None:
    answer = await raw_client.get(APPLICATIONS, "user_99999")
    documented = example("DELETE", "/api/v2/public/linked-account/{linked_account_id}", 404)
    assert without_ids(answer.json) == without_ids(documented)


@needs_reference
async def test_the_search_schema_is_the_documented_one(raw_client: RawClient) -> None:
    answer = await raw_client.get(f"{ACTIONS}/hubspot/actions/search_contacts")
    assert answer.json == example("GET", f"{ACTIONS}/{{slug}}/actions/{{action_id}}", 200)


@needs_reference
async def test_the_list_holds_the_documented_actions(raw_client: RawClient) -> None:
    answer = await raw_client.get(f"{ACTIONS}/hubspot/actions")
    documented = example("GET", f"{ACTIONS}/{{slug}}/actions", 200)
    assert [each for each in answer.json if each in documented] == [
        each for each in documented if each in answer.json
    ]
    assert {each["action_id"] for each in documented} <= {each["action_id"] for each in answer.json}


@needs_reference
async def test_a_read_has_the_documented_fields(raw_client: RawClient) -> None:
    answer = await raw_client.execute("hubspot", "get_contact", {"limit": "1"})
    documented = example("POST", f"{ACTIONS}/{{slug}}/actions/{{action_id}}/execute", 200)
    assert answer.json.keys() == documented.keys()
    [shown], [given] = documented["data"]["results"], answer.data["results"]
    assert given.keys() == shown.keys()
    assert given["properties"].keys() >= shown["properties"].keys()


@needs_reference
@pytest.mark.parametrize(
    ("note", "slug"), [("OAuth (Connected)", "hubspot"), ("Key-Based (Available)", "netsuite")]
)
async def test_an_application_has_the_documented_fields(raw_client: RawClient, note: str, slug: str) -> None:
    answer = await raw_client.get(f"{APPLICATIONS}/{slug}")
    documented = example("GET", f"{APPLICATIONS}/{{slug}}", 200, note)
    assert answer.json.keys() == documented.keys()
    same = ("name", "auth_type", "type", "slug", "tags", "ecosystem", "auth_type_options", "auth_input_map")
    assert {name: answer.json[name] for name in same} == {name: documented[name] for name in same}
    assert [each.keys() for each in answer.json.get("connected_accounts", [])] == [
        each.keys() for each in documented.get("connected_accounts", [])
    ]


@needs_reference
def test_the_table_lists_the_specified_operations() -> None:
    specification = (FOLDER / "openapi.yaml").read_text()
    found, path = set(), ""
    for line in specification.splitlines():
        if match := re.match(r"  (/\S+):$", line):
            path = match[1]
        elif match := re.match(r"    (get|post|put|patch|delete):$", line):
            found.add((match[1].upper(), re.sub(r"{\w+}", "{}", path)))
    assert found <= {(each.method, re.sub(r"{\w+}", "{}", each.path)) for each in OPERATIONS}


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/"), ("GET", "/api/v2/public/nothing"), ("POST", APPLICATIONS), ("GET", f"{ACTIONS}//actions")],
)
async def test_an_unknown_path_is_a_404(raw_client: RawClient, method: str, path: str) -> None:
    answer = await raw_client.call(method, path, headers=raw_client.headers())
    assert answer.status == 404
    assert answer.json["status_code"] == 404
    assert answer.json["http_error_type"] == "NOT_FOUND"
