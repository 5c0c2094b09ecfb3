"""The documented operations against the sandbox, and the bodies that the reference shows."""

import json
import pickle
from typing import Any

import msgspec
import pytest

from refold_async import (
    ActionFailed,
    ActionResult,
    AuthenticationError,
    Cache,
    ConflictError,
    InvalidCallError,
    NotFoundError,
    RateLimitedError,
    ReconnectRequiredError,
    Refold,
    StatusError,
    TypedResult,
    UnreadableReplyError,
)
from refold_async._core.decoding import read_as
from refold_async._core.operation import Effect
from refold_async._core.responses import Response
from refold_async.api import action_replies
from refold_async.api.action_schema import ActionParameter
from refold_async.api.actions import Action
from refold_async.cli.error_messages import hint_for
from refold_async.cli.exits import Exit, exit_code_of
from refold_async.integrations.starlette.problems import problem_of
from refold_async.results import of_call
from refold_async.sandbox import Sandbox
from tests.reference import FOLDER, needs_reference


class Contact(msgspec.Struct):
    id: str
    properties: dict[str, Any]


class Contacts(msgspec.Struct):
    results: list[Contact]


async def test_list_schema_and_execute(sandbox: Sandbox, refold: Refold, transport: str) -> None:
    account = refold.account("demo-user-1")
    by_id = {action.action_id: action for action in await account.actions.list("hubspot")}
    assert by_id["get_contact"].effect == "read"
    assert by_id["create_contact"].effect == "write"
    schema = await account.actions.schema("hubspot", "create_contact")
    assert "email" in [parameter.name for parameter in schema]
    assert schema.check({"email": "new@example.com"}) == []
    written = await account.actions.execute("hubspot", "create_contact", {"email": "new@example.com"})
    assert written.node_status == "Success"
    read = await account.actions.execute("hubspot", "get_contact", {"limit": "2"})
    assert len(read.into(Contacts).results) == 2
    assert msgspec.json.decode(read.raw) == read.data
    with pytest.raises(UnreadableReplyError, match="the data does not fit Contact: "):
        read.into(Contact)
    assert [run.action_id for run in sandbox.ledger.writes()] == ["create_contact"]


async def test_a_base_url_beyond_ascii_goes_out_as_urls_are_written(sandbox: Sandbox, transport: str) -> None:
    host, port = sandbox.base_url.removeprefix("http://").split(":")
    wide = host.replace("1", "\N{FULLWIDTH DIGIT ONE}")
    async with Refold(sandbox.api_key, base_url=f"http://{wide}:{port}/é") as refold:
        with pytest.raises(NotFoundError):
            await refold.call("GET", "/nothing")
    [request] = sandbox.requests
    assert (request.raw_path, request.headers["Host"]) == ("/%C3%A9/nothing", f"{host}:{port}")


async def test_what_goes_over_the_wire(sandbox: Sandbox, refold: Refold, transport: str) -> None:
    await refold.account("demo-user-1").actions.execute("hubspot", "get_contact", {"limit": "1"})
    [request] = sandbox.requests
    assert (request.method, request.raw_path) == (
        "POST", "/api/v2/integration-schema/hubspot/actions/get_contact/execute",
    )  # fmt: skip
    assert request.headers["x-api-key"] == sandbox.api_key
    assert request.headers["linked_account_id"] == "demo-user-1"
    assert request.headers["Content-Type"] == "application/json"
    assert "Authorization" not in request.headers
    assert request.json() == {"limit": "1"}


@pytest.mark.parametrize(("action_id", "effect"), [("get_contact", "read"), ("create_contact", "write")])
async def test_data_that_does_not_fit_raises_with_its_call(
    refold: Refold, action_id: str, effect: str
) -> None:
    account = refold.account("demo-user-1")
    result = await account.actions.execute("hubspot", action_id, {"email": "ann@example.com"})
    with pytest.raises(UnreadableReplyError, match="the data does not fit int") as caught:
        result.into(int)
    error = caught.value
    assert (error.operation, error.slug, error.action_id) == ("actions.execute", "hubspot", action_id)
    assert (error.linked_account_id, error.effect) == ("demo-user-1", effect)
    assert pickle.loads(pickle.dumps(result)) == result


async def test_the_errors_of_the_service(sandbox: Sandbox, refold: Refold) -> None:
    account = refold.account("demo-user-1")
    with pytest.raises(NotFoundError) as caught:
        await account.actions.execute("hubspot", "no_such_action")
    error = caught.value
    assert error.message == "Action no_such_action not found in Application hubspot"
    assert (error.slug, error.action_id, error.linked_account_id, error.effect) == (
        "hubspot", "no_such_action", "demo-user-1", "write",
    )  # fmt: skip
    assert (error.operation, error.attempts, error.fate) == ("actions.execute", 1, "rejected")
    assert error.elapsed is not None
    assert "hubspot/no_such_action, account 'demo-user-1'" in str(error)
    with pytest.raises(ActionFailed) as failed:
        await account.actions.execute("playground", "fail", {"http_status": 404})
    assert (failed.value.fate, failed.value.result.http_status) == ("rejected", 404)


async def test_an_error_names_what_the_path_named(refold: Refold) -> None:
    account = refold.account("demo-user-1")
    for call, ids in (
        (account.executions.get("none"), {"execution_id": "none"}),
        (account.call("GET", "/api/v2/public/execution/none"), {"execution_id": "none"}),
        (account.call("GET", "/no/such path"), {"path": "/no/such path"}),
        (account.actions.schema("hubspot", "none"), {}),
    ):
        with pytest.raises(NotFoundError) as caught:
            await call
        error = pickle.loads(pickle.dumps(caught.value))
        assert (error.ids, error.linked_account_id) == (ids, "demo-user-1")
        assert all(f", {name} {value!r}, account 'demo-user-1'" in str(error) for name, value in ids.items())


async def test_a_reconnect_is_not_reported_as_an_invalid_key(sandbox: Sandbox, refold: Refold) -> None:
    sandbox.expire("demo-user-1", "hubspot")
    account = refold.account("demo-user-1")
    with pytest.raises(ReconnectRequiredError) as caught:
        await account.actions.execute("hubspot", "get_contact")
    assert caught.value.needs_reconnect
    assert (await account.applications.get("hubspot")).connection == "reconnect"
    async with Refold("tk_wrong", base_url=sandbox.base_url) as stranger:
        with pytest.raises(AuthenticationError) as refused:
            await stranger.account("demo-user-1").actions.list("hubspot")
    assert not refused.value.needs_reconnect


async def test_applications_and_their_connections(sandbox: Sandbox, refold: Refold) -> None:
    sandbox.disconnect("demo-user-1", "slack")
    states = {app.slug: app.connection for app in await refold.account("demo-user-1").applications.list()}
    assert states["hubspot"] == "connected"
    assert states["slack"] == "connect"


async def test_lists_and_schemas_are_cached_and_executes_are_not(sandbox: Sandbox) -> None:
    async with Refold(sandbox.api_key, base_url=sandbox.base_url, cache=Cache()) as refold:
        account, other = refold.account("demo-user-1"), refold.account("demo-user-2")
        for _ in range(2):
            first = await account.actions.list("hubspot")
            first.clear()
            assert await account.actions.list("hubspot")
            await account.actions.schema("hubspot", "get_contact")
            await account.actions.execute("hubspot", "get_contact")
        assert len(sandbox.requests) == 4
        await other.actions.list("hubspot")
        assert len(sandbox.requests) == 5


@needs_reference
def test_every_body_of_the_reference_reads_and_writes_without_loss() -> None:
    seen = set()
    for example in json.loads((FOLDER / "examples.json").read_text()):
        path, body = example["path"], example["body"]
        if not path.startswith("/api/v2/integration-schema/") or not 200 <= example["status"] < 300:
            continue
        data = json.dumps(body).encode()
        if path.endswith("/execute"):
            result = action_replies.read_result(ActionResult, Response(200, {}, data))
            assert result.node_status == body["node_status"]
            assert result.data == body["data"]
        else:
            answer: Any = list[Action] if path.endswith("/actions") else list[ActionParameter]
            for read, shown in zip(msgspec.to_builtins(read_as(answer, data)), body, strict=True):
                assert {name: value for name, value in shown.items() if name in read} == {
                    name: read[name] for name in shown if name in read
                }
                assert read.keys() & shown.keys()
        seen.add(path.rpartition("/")[2])
    assert len(seen) == 3


def test_an_account_id_must_be_a_string() -> None:
    for given in (None, 5, b"demo-user-1"):
        with pytest.raises(InvalidCallError, match="linked_account_id must be a string, not "):
            Refold("key").account(given)  # type: ignore[arg-type]


async def test_parameters_are_a_mapping(sandbox: Sandbox, refold: Refold) -> None:
    for params in ("limit=1", ["limit"], b"{}", 5):
        with pytest.raises(InvalidCallError, match="params must be a mapping, not ") as caught:
            await refold.account("demo-user-1").actions.execute("hubspot", "get_contact", params)  # type: ignore[arg-type]
        assert (caught.value.action_id, caught.value.linked_account_id) == ("get_contact", "demo-user-1")
    assert not sandbox.requests


@pytest.mark.parametrize("effect", ["read", "write"])
async def test_an_error_after_success_says_that_the_call_was_done(refold: Refold, effect: Effect) -> None:
    account = refold.account("demo-user-1")
    params = {"email": "ann@example.com"}
    result = await account.actions.execute("hubspot", "create_contact", params, effect=effect)

    async def first_record() -> object:
        return await anext(result.records("no.such.list"))

    async def typed() -> object:
        broken = ActionResult("Success", 200, msgspec.Raw(b'"\xff"'))
        return TypedResult(of_call(broken, (("hubspot", "create_contact"), "demo-user-1", effect)), int).data

    async def fitted() -> object:
        return result.into(list[int])

    for read in (first_record, typed, fitted):
        with pytest.raises(UnreadableReplyError, match=r"^the action was done, but ") as caught:
            await read()
        error = caught.value
        assert (error.fate, error.transient, error.effect) == ("done", False, effect)
        assert "fate: done" in str(error)
        assert error.args == (error.message,)
        copied = pickle.loads(pickle.dumps(error))
        assert (copied.fate, str(copied)) == ("done", str(error))
        problem = problem_of(error)
        assert (problem.status, problem.type) == (500, "urn:refold-async:unreadable-result")
        assert "It was done" in problem.detail
        assert exit_code_of(error) == Exit.UNKNOWN
        assert "do not run it again" in (hint_for(error) or "")


@pytest.mark.parametrize(
    ("kind", "status"),
    [(NotFoundError, 404), (ReconnectRequiredError, 401), (RateLimitedError, 429), (ConflictError, 409)],
)
def test_an_unknown_fate_is_never_described_as_not_done(kind: type[StatusError], status: int) -> None:
    certain, unknown = kind("no", fate="rejected", status=status), kind("no", fate="unknown", status=status)
    certain.effect = unknown.effect = "read"
    assert "Nothing was done" in problem_of(certain).detail
    assert "Nothing was done" not in problem_of(unknown).detail
    assert problem_of(unknown).fate == "unknown"
    assert problem_of(unknown).status == problem_of(certain).status
