"""Calling any path: what goes over the wire, what running it twice does, and what is refused."""

import subprocess
import sys
from ast import literal_eval
from typing import Any

import msgspec
import pytest

from refold_async import (
    Account,
    BadRequestError,
    ConnectionFailedError,
    InvalidCallError,
    NotFoundError,
    RawAnswer,
    Refold,
    ServerError,
    UnreadableReplyError,
)
from refold_async.api.operations import OPERATIONS
from refold_async.api.raw_calls import operation_of
from refold_async.sandbox import Fault, Sandbox
from tests.declared import answers

ACCOUNTS = "/api/v2/public/linked-account"


async def test_an_organisation_calls_a_path(sandbox: Sandbox, refold: Refold, transport: str) -> None:
    answer = await refold.call("GET", ACCOUNTS, query={"limit": 2, "page": None}, headers={"X-Team": "blue"})
    assert (answer.status, answer.content_type.partition(";")[0]) == (200, "application/json")
    assert len(answer.data["docs"]) == 2
    [request] = sandbox.requests
    assert (request.method, request.raw_path, request.query) == ("GET", ACCOUNTS, {"limit": "2"})
    assert (request.headers["x-api-key"], request.headers["X-Team"]) == (sandbox.api_key, "blue")
    assert "linked_account_id" not in request.headers


async def test_an_account_calls_a_path_with_json_as_it_is(
    sandbox: Sandbox, refold: Refold, transport: str
) -> None:
    body = b'{"email": "a@b.example", "score": 1.10, "middle": null}'
    path = "/api/v2/integration-schema/hubspot/actions/create_contact/execute"
    answer = await refold.account("demo-user-1").call("POST", path, body=msgspec.Raw(body))
    assert answer.data["node_status"] == "Success"
    [request] = sandbox.requests
    assert (request.headers["linked_account_id"], request.body) == ("demo-user-1", body)


async def test_a_token_calls_a_path(sandbox: Sandbox, refold: Refold) -> None:
    made = await refold.session_tokens.create("demo-user-2")
    async with Account.from_token(made.token or "", base_url=sandbox.base_url) as account:
        answer = await account.call("GET", "/api/v2/public/session/active-linked-account")
    assert answer.data["account_id"] == "demo-user-2"


async def test_ids_go_out_escaped_once(sandbox: Sandbox, refold: Refold) -> None:
    sandbox.add_account("a/b ü")
    answer = await refold.call("GET", f"{ACCOUNTS}/a%2Fb ü")
    assert answer.data["account_id"] == "a/b ü"
    assert sandbox.requests[-1].raw_path == f"{ACCOUNTS}/a%2Fb%20%C3%BC"


async def test_a_documented_operation_is_named_in_errors(refold: Refold) -> None:
    with pytest.raises(NotFoundError) as caught:
        await refold.account("demo-user-1").call("GET", "/api/v2/integration-schema/nope/actions/x")
    error = caught.value
    assert (error.operation, error.slug, error.action_id) == ("actions.schema", "nope", "x")
    with pytest.raises(NotFoundError) as caught:
        await refold.call("GET", "/api/v9/customers/jane@example.com")
    assert caught.value.operation == "raw.call"


def test_hooks_see_no_id_in_the_path_of_an_unknown_operation() -> None:
    operation, values = operation_of("GET", "/api/v9/jane@example.com")
    assert (operation.path, values) == ("/{part}/{part}/{part}", ("api", "v9", "jane@example.com"))


async def test_a_read_is_tried_again_and_a_write_is_not(sandbox: Sandbox, refold: Refold) -> None:
    sandbox.faults.add(Fault(drop="after", times=1))
    assert (await refold.call("GET", ACCOUNTS)).status == 200
    sandbox.faults.add(Fault(drop="after", times=1))
    with pytest.raises(ConnectionFailedError) as caught:
        await refold.call("POST", ACCOUNTS, body={"linked_account_id": "new"})
    assert (caught.value.fate, caught.value.effect, caught.value.attempts) == ("unknown", "write", 1)
    sandbox.faults.add(Fault(status=503, times=1))
    assert (await refold.call("PUT", ACCOUNTS, body={"linked_account_id": "new"})).status == 200
    sandbox.faults.add(Fault(status=503, times=1))
    with pytest.raises(ServerError):
        await refold.call("PUT", ACCOUNTS, body={"linked_account_id": "new"}, effect="write")


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda each: each.name)
def test_each_documented_operation_is_found_at_its_path(operation: Any) -> None:
    path = operation.path.replace("{", "").replace("}", "")
    found, _ = operation_of(operation.method, path)
    assert (found.path, found.effect) == (operation.path, operation.effect)
    assert operation.name in {found.name, "workflows.execute_and_wait"}


def test_each_operation_is_called_by_a_resource() -> None:
    assert set(answers()) == set(OPERATIONS)


LOADED = """
import sys
from refold_async.api.operations import OPERATIONS
from refold_async.api.raw_calls import operation_of
print(operation_of("GET", "/api/v2/public/linked-account")[0].name)
print(sorted(name for name in sys.modules if name.startswith("refold_async.api.")))
"""


def test_looking_up_a_path_loads_no_resource() -> None:
    told = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    name, loaded = told.stdout.splitlines()
    assert name == "linked_accounts.list"
    assert literal_eval(loaded) == ["refold_async.api.operations", "refold_async.api.raw_calls"]


@pytest.mark.parametrize(
    ("method", "path", "effect"),
    [
        ("GET", "/api/v3/anything", "read"),
        ("POST", "/api/v3/anything", "write"),
        ("PUT", "/api/v3/anything", "write"),
        ("DELETE", "/api/v3/anything", "write"),
        ("POST", "/API/V2/public/config/field", "write"),
        ("POST", "/api/v2/public/config/f%69eld", "read"),
    ],
)
def test_the_effect_of_an_undocumented_path_is_that_of_its_method(
    method: Any, path: str, effect: str
) -> None:
    assert operation_of(method, path)[0].effect == effect


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "api", "https://elsewhere.example/api", "//elsewhere.example/api", "@elsewhere.example/", "/api//x",
        "/api/", "/api/../x", "/api/%2e%2e/x", "/api/.", "/api?x=1", "/api#x", "/a\r\nx-api-key: y", "/a%0d%0ab",
        "/api/%ff", "/\ud800",
    ],
)  # fmt: skip
async def test_an_invalid_path_is_refused(sandbox: Sandbox, refold: Refold, path: str) -> None:
    with pytest.raises(InvalidCallError):
        await refold.call("GET", path)
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "name",
    [
        "x-api-key", "X-API-Key", "Authorization", "Host", "linked_account_id", "Content-Length", "Content-Type",
        "Transfer-Encoding", "Connection", "host:", "Host: elsewhere.example", "", "x y", "x\r\nHost",
    ],
)  # fmt: skip
async def test_headers_of_identity_and_host_are_refused(refold: Refold, name: str) -> None:
    with pytest.raises(InvalidCallError):
        await refold.call("GET", ACCOUNTS, headers={name: "elsewhere.example"})


async def test_an_invalid_method_is_refused(refold: Refold) -> None:
    with pytest.raises(InvalidCallError, match="method must be one of GET, POST, PUT, PATCH, DELETE"):
        await refold.call("get\r\n", ACCOUNTS)  # type: ignore[arg-type]


async def test_an_error_of_the_service_has_its_own_class(refold: Refold) -> None:
    with pytest.raises(BadRequestError) as caught:
        await refold.call("POST", ACCOUNTS, body={})
    assert caught.value.fate == "rejected"


def test_an_answer_without_json_keeps_its_body() -> None:
    assert RawAnswer(204, "", b"").data is None
    marked = RawAnswer(200, "", b'\xef\xbb\xbf{"a": 1}')
    assert marked.data == marked.into(dict[str, int]) == {"a": 1}
    with pytest.raises(UnreadableReplyError, match=r"the data does not fit list\[int\]: Expected `array`"):
        marked.into(list[int])
    answer = RawAnswer(200, "text/csv", b"a,b")
    assert repr(answer) == "RawAnswer(200, 3 bytes)"
    with pytest.raises(UnreadableReplyError):
        _ = answer.data
