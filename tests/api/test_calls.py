"""Every public method of every scope, over a real socket: what arrives, and what comes back."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from aiohttp import web

from refold_async import KeyAccount, Refold, ServerError, TokenAccount, UnreadableReplyError
from refold_async.api.action_schema import ActionSchema
from refold_async.results import ActionResult
from tests.reference import needs_reference

from . import comparing, specification
from .recorder import Arrived, Recorder, row_of, rows
from .sample import CUSTOMER, NOTHING, Sample
from .surface import SAMPLES, SCOPES, Method, methods

CALLS = [
    pytest.param(method, sample, id=f"{method.scope}:{key.rpartition(':')[2]}")
    for method in methods()
    for key, sample in method.samples.items()
]
DOCUMENTED = [
    pytest.param(method, sample, id=f"{method.scope}:{key.rpartition(':')[2]}")
    for method in methods()
    for key, sample in method.samples.items()
    if not sample.is_derived
]

OF_EVERY_REQUEST = {
    "Host", "User-Agent", "Accept", "Accept-Encoding", "Content-Length", "Content-Type", "x-api-key",
    "Authorization", "linked_account_id",
}  # fmt: skip


@pytest.fixture
def scopes(refold: Refold, account: KeyAccount, token_account: TokenAccount) -> dict[str, Any]:
    return {"Refold": refold, "KeyAccount": account, "TokenAccount": token_account}


def test_every_public_method_of_every_scope_has_a_sample() -> None:
    assert [f"{method.scope}: {method.key}" for method in methods() if not method.samples] == []


def test_every_sample_is_of_a_method() -> None:
    used = {key for method in methods() for key in method.samples}
    assert set(SAMPLES) - used == set()


@pytest.mark.parametrize(("method", "sample"), CALLS)
async def test_what_arrives_and_what_comes_back(
    method: Method, sample: Sample, recorder: Recorder, scopes: dict[str, Any]
) -> None:
    resource = getattr(scopes[method.scope], method.resource)
    outcome = getattr(resource, method.name)(*sample.args, **sample.kwargs)
    if sample.is_derived:
        with contextlib.suppress(UnreadableReplyError):
            await outcome
        assert (recorder.last.method, recorder.last.path) == (sample.method, sample.path)
        return
    answer = await outcome

    arrived = recorder.arrived[0]
    _check_request(arrived, method, sample)
    _check_answer(answer, recorder.arrived[-1] if method.name == "execute_and_follow" else arrived)


@needs_reference
@pytest.mark.parametrize(("method", "sample"), DOCUMENTED)
async def test_every_request_fits_the_specification(
    method: Method, sample: Sample, recorder: Recorder, scopes: dict[str, Any]
) -> None:
    resource = getattr(scopes[method.scope], method.resource)
    outcome = getattr(resource, method.name)(*sample.args, **sample.kwargs)
    await outcome
    assert recorder.arrived
    assert [fault for each in recorder.arrived for fault in specification.faults(each)] == []


def _check_request(arrived: Arrived, method: Method, sample: Sample) -> None:
    assert (arrived.method, arrived.path) == (sample.method, sample.path)
    named = {"linked_account_id": CUSTOMER} if sample.names_account and method.scope == "KeyAccount" else {}
    assert arrived.query == {**sample.query, **named}
    assert {k: v for k, v in arrived.headers.items() if k not in OF_EVERY_REQUEST} == sample.headers
    assert arrived.body == sample.body
    assert ("Content-Type" in arrived.headers) == (sample.body is not NOTHING)
    if method.scope == "TokenAccount":
        assert arrived.headers["Authorization"] == "Bearer session.jwt"
        assert "x-api-key" not in arrived.headers
    else:
        assert arrived.headers["x-api-key"] == "tk_test"
        assert "Authorization" not in arrived.headers
    assert (arrived.headers.get("linked_account_id") == CUSTOMER) == (method.scope == "KeyAccount")


def _check_answer(answer: object, arrived: Arrived) -> None:
    sent = arrived.row.get("answer")
    if isinstance(answer, ActionResult):
        answer = {"node_status": answer.node_status, "data": answer.data}
    if isinstance(answer, ActionSchema):
        answer = list(answer)
    assert comparing.lost(sent, msgspec.to_builtins(answer)) == []


def test_no_scope_holds_what_its_credential_cannot_do() -> None:
    accepted = {"Refold": {"key", "either", "none"}, "TokenAccount": {"token", "either", "none"}}
    accepted["KeyAccount"] = accepted["Refold"]
    for method in methods():
        for sample in method.samples.values():
            row = row_of(sample.method, sample.path)
            # A token serves for the three action operations too, though the specification names only the key.
            if row is not None and "integration-schema" not in row["path"]:
                assert row["accepts"] in accepted[method.scope], method.key


ABSENT_FROM_A_TOKEN = {
    "GET /api/v2/public/linked-account/{linked_account_id}",  # its own: `linked_account.get`
}


def test_each_scope_holds_all_that_its_credential_can_do() -> None:
    on = {
        scope: {
            (sample.method, row_of(sample.method, sample.path)["path"])  # type: ignore[index]
            for method in methods()
            if method.scope == scope
            for sample in method.samples.values()
            if row_of(sample.method, sample.path)
        }
        for scope in SCOPES
    }
    by_key = on["Refold"] | on["KeyAccount"]
    missing = [
        f"{row['method']} {row['path']}"
        for row in rows()
        if (row["accepts"] in {"key", "either", "none"} and (row["method"], row["path"]) not in by_key)
        or (
            row["accepts"] in {"token", "either", "none"}
            and (row["method"], row["path"]) not in on["TokenAccount"]
        )
    ]
    assert set(missing) == ABSENT_FROM_A_TOKEN


async def test_ids_reach_their_segment_whole(refold: Refold, recorder: Recorder) -> None:
    await refold.linked_accounts.get("a@b.test/1?x#y")
    assert recorder.last.raw_path == "/api/v2/public/linked-account/a%40b.test%2F1%3Fx%23y"


async def test_a_parameter_left_at_its_default_is_not_sent(account: KeyAccount, recorder: Recorder) -> None:
    await account.executions.list()
    assert recorder.last.query == {}
    await account.workflows.execute("w-1", "hubspot")
    assert recorder.last.body == {}
    await account.config_fields.options("hubspot", "f-1")
    assert recorder.last.body is NOTHING
    await account.events.trigger("paid")
    assert recorder.last.body == {"event": "paid"}


REPEATS: dict[str, tuple[int, Callable[[KeyAccount], Awaitable[Any]]]] = {
    "a search by POST": (2, lambda it: it.tables.search("t-1", {"a": "b"})),
    "a delete by an id that is never given again": (2, lambda it: it.schedules.delete("s-1")),
    "a delete by a name that may be given again": (1, lambda it: it.datarefs.delete("contacts")),
    "a change to a given value": (2, lambda it: it.config_fields.update("hubspot", "f-1", 1)),
    "a clearing": (1, lambda it: it.datarefs.clear("contacts")),
    "an addition": (1, lambda it: it.tables.add_records("t-1", {"a": 1})),
    "an event": (1, lambda it: it.events.trigger("paid")),
    "an event that drops repeats": (2, lambda it: it.events.trigger("paid", effect="idempotent")),
}


@pytest.mark.parametrize("name", REPEATS)
async def test_which_unknown_fates_are_retried(account: KeyAccount, recorder: Recorder, name: str) -> None:
    times, call = REPEATS[name]
    left = [503]
    recorder.answer = lambda _: web.json_response({}, status=left.pop()) if left else None
    if times == 1:
        with pytest.raises(ServerError) as caught:
            await call(account)
        assert caught.value.fate == "unknown"
    else:
        await call(account)
    assert len(recorder.arrived) == times


@pytest.mark.parametrize(("force", "times"), [(True, 1), (None, 2)])
async def test_a_new_token_is_fetched_once(
    refold: Refold, recorder: Recorder, force: bool | None, times: int
) -> None:
    left = [503]
    recorder.answer = lambda _: web.json_response({}, status=left.pop()) if left else None
    call = refold.session_tokens.create(CUSTOMER, force_refresh=force)
    if times == 1:
        with pytest.raises(ServerError):
            await call
    else:
        assert (await call).token
    assert len(recorder.arrived) == times
