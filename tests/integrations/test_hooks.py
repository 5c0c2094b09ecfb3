"""Which hooks are called, in which order, and that nothing they do affects a call."""

import asyncio
import logging
from collections.abc import Mapping

import pytest

from refold_async import (
    ActionFailed,
    Cache,
    CallFacts,
    DeadlineExceededError,
    Fate,
    Hooks,
    Options,
    RateLimit,
    Refold,
    RefoldError,
    ServerError,
    SettingsError,
)
from refold_async.sandbox import Fault, Sandbox
from tests.sandbox.raw_client import until

from .changing import change


class HookRecorder(Hooks):
    """Records the calls of its hooks."""

    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []
        self.calls: list[CallFacts] = []

    @property
    def names(self) -> list[object]:
        return [event[0] for event in self.events]

    def on_call(self, call: CallFacts) -> None:
        self.calls.append(call)
        self.events.append(("call",))

    def on_wait(self, call: CallFacts, reason: str, seconds: float) -> None:
        assert seconds >= 0
        self.events.append(("wait", reason))

    def on_request(self, call: CallFacts, attempt: int) -> Mapping[str, str] | None:
        self.events.append(("request", attempt))
        return None

    def on_response(
        self, call: CallFacts, attempt: int, status: int | None, error: RefoldError | None, seconds: float
    ) -> None:
        assert seconds >= 0
        self.events.append(("response", attempt, status, type(error)))

    def on_retry(self, call: CallFacts, attempt: int, error: RefoldError, wait: float) -> None:
        self.events.append(("retry", attempt, type(error)))

    def on_done(
        self, call: CallFacts, attempts: int, error: BaseException | None, fate: Fate | None, seconds: float
    ) -> None:
        assert seconds >= 0
        self.events.append(("done", attempts, type(error), fate))


@pytest.fixture
def recorder() -> HookRecorder:
    return HookRecorder()


def client(sandbox: Sandbox, options: Options, *hooks: Hooks, **more: object) -> Refold:
    return Refold(sandbox.api_key, **change(options, hooks=hooks, **more))


async def read(refold: Refold, account: str = "demo-user-1") -> None:
    await refold.account(account).actions.execute("hubspot", "get_contact", {"limit": "1"})


async def write(refold: Refold, **params: object) -> None:
    await refold.account("demo-user-1").actions.execute("hubspot", "create_contact", params)


async def test_a_call_that_succeeds_at_once(
    sandbox: Sandbox, options: Options, recorder: HookRecorder
) -> None:
    async with client(sandbox, options, recorder) as refold:
        await read(refold)
    none = type(None)
    assert recorder.events == [("call",), ("request", 1), ("response", 1, 200, none), ("done", 1, none, None)]
    [call] = recorder.calls
    assert (call.operation, call.method, call.effect) == ("actions.execute", "POST", "read")
    assert (call.slug, call.action_id) == ("hubspot", "get_contact")
    assert call.linked_account_id == "demo-user-1"
    assert call.path == "/api/v2/integration-schema/{slug}/actions/{action_id}/execute"
    assert call.server == sandbox.base_url


async def test_a_call_that_is_retried(sandbox: Sandbox, options: Options, recorder: HookRecorder) -> None:
    sandbox.faults.add(Fault(status=503, times=1), Fault(drop="before", times=1))
    async with client(sandbox, options, recorder) as refold:
        await read(refold)
    assert recorder.names == [
        "call", "request", "response", "retry", "request", "response", "retry", "request", "response", "done",
    ]  # fmt: skip
    assert recorder.events[2][1:3] == (1, 503)
    assert recorder.events[5][1:3] == (2, None)


async def test_a_failed_action_reports_its_http_status_and_fate(
    sandbox: Sandbox, options: Options, recorder: HookRecorder
) -> None:
    sandbox.faults.add(Fault(node_status="Errored", http_status=422))
    async with client(sandbox, options, recorder) as refold:
        with pytest.raises(ActionFailed):
            await write(refold, email="a@example.com")
    assert recorder.events[-2:] == [
        ("response", 1, 200, ActionFailed),
        ("done", 1, ActionFailed, "rejected"),
    ]


async def test_the_wait_for_the_rate_limit(
    sandbox: Sandbox, options: Options, recorder: HookRecorder
) -> None:
    async with client(sandbox, options, recorder, rate_limit=RateLimit(20)) as refold:
        await asyncio.gather(read(refold), read(refold))
    assert recorder.events.count(("wait", "rate")) == 1
    waited = recorder.names.index("wait")
    assert recorder.names[:waited].count("request") == 1
    assert recorder.names[waited:].count("request") == 1


async def test_the_wait_for_a_connection_comes_before_the_request(
    sandbox: Sandbox, options: Options, recorder: HookRecorder
) -> None:
    sandbox.faults.add(Fault(latency=0.03))
    async with client(sandbox, options, recorder, max_connections=1) as refold:
        await asyncio.gather(read(refold), read(refold))
    assert recorder.events.count(("wait", "connection")) == 1
    waited = recorder.events.index(("wait", "connection"))
    assert ("request", 1) in recorder.events[:waited]
    assert recorder.events[waited + 1] == ("request", 1)


async def test_a_call_that_never_got_a_connection_sent_nothing(
    sandbox: Sandbox, options: Options, recorder: HookRecorder
) -> None:
    sandbox.faults.add(Fault(hang=True))
    async with client(sandbox, options, recorder, max_connections=1) as refold:
        hanging = asyncio.create_task(write(refold, email="a@example.com"))
        await until(lambda: sandbox.requests)
        recorder.events.clear()
        with pytest.raises(DeadlineExceededError):
            await refold.account("demo-user-1").actions.list("hubspot", timeout=0.03)
        assert recorder.events == [
            ("call",),
            ("wait", "connection"),
            ("done", 1, DeadlineExceededError, "not_sent"),
        ]
        hanging.cancel()
        await asyncio.wait([hanging])


async def test_a_cancelled_write_is_reported_as_unknown(
    sandbox: Sandbox, options: Options, recorder: HookRecorder
) -> None:
    sandbox.faults.add(Fault(hang=True))
    async with client(sandbox, options, recorder) as refold:
        call = asyncio.create_task(write(refold, email="a@example.com"))
        await until(lambda: sandbox.requests)
        call.cancel()
        await asyncio.wait([call])
    assert recorder.events == [("call",), ("request", 1), ("done", 1, asyncio.CancelledError, "unknown")]


async def test_a_call_cancelled_between_attempts_ends_with_on_done(
    sandbox: Sandbox, options: Options, recorder: HookRecorder
) -> None:
    sandbox.faults.add(Fault(status=503, headers={"Retry-After": "3"}))
    async with client(sandbox, options, recorder) as refold:
        call = asyncio.create_task(read(refold))
        await until(lambda: "retry" in recorder.names)
        call.cancel()
        await asyncio.wait([call])
    assert recorder.names == ["call", "request", "response", "retry", "done"]
    assert recorder.events[-1] == ("done", 1, asyncio.CancelledError, "unknown")


async def test_a_cached_response_calls_no_hook(
    sandbox: Sandbox, options: Options, recorder: HookRecorder
) -> None:
    async with client(sandbox, options, recorder, cache=Cache()) as refold:
        await refold.account("demo-user-1").actions.list("hubspot")
        await refold.account("demo-user-1").actions.list("hubspot")
    assert recorder.names == ["call", "request", "response", "done"]


async def test_equal_calls_have_distinct_facts(
    sandbox: Sandbox, options: Options, recorder: HookRecorder
) -> None:
    async with client(sandbox, options, recorder) as refold:
        await asyncio.gather(*(read(refold) for _ in range(5)))
    assert len(set(recorder.calls)) == 5


async def test_a_raising_hook_does_not_affect_the_call(
    sandbox: Sandbox, options: Options, recorder: HookRecorder, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Hooks):
        def __getattribute__(self, name: str) -> object:
            def fail(*_: object) -> None:
                raise ZeroDivisionError

            return fail if name.startswith("on_") else super().__getattribute__(name)

    sandbox.faults.add(Fault(status=503, times=1))
    with caplog.at_level(logging.WARNING, "refold_async"):
        async with client(sandbox, options, Broken(), recorder) as refold:
            await read(refold)
    assert recorder.names[-1] == "done"
    assert [record.message for record in caplog.records] == ["a hook raised, its exception is ignored"] * 7


class Adding(Hooks):
    def __init__(self, **headers: str) -> None:
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def on_request(self, call: CallFacts, attempt: int) -> Mapping[str, str] | None:
        return {**self.headers, "X-Attempt": str(attempt)}


async def test_headers_of_hooks_are_sent_with_each_attempt(sandbox: Sandbox, options: Options) -> None:
    sandbox.faults.add(Fault(status=503, times=1))
    async with client(sandbox, options, Adding(X_Team="blue")) as refold:
        await read(refold)
    sent = [{name.lower(): value for name, value in request.headers.items()} for request in sandbox.requests]
    assert [headers["x-attempt"] for headers in sent] == ["1", "2"]
    assert {headers["x-team"] for headers in sent} == {"blue"}
    assert {headers["linked_account_id"] for headers in sent} == {"demo-user-1"}


@pytest.mark.parametrize(
    "headers",
    [
        {"X_Api_Key": "stolen"},
        {"Linked_Account_Id": "demo-user-2"},
        {"Authorization": "Bearer x"},
        {"Host": "elsewhere"},
        {"Content_Length": "0"},
        {"X_Split": "a\r\nx-api-key: stolen"},
    ],
)
async def test_a_hook_cannot_replace_the_calls_own_headers(
    sandbox: Sandbox, options: Options, headers: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    adding = Adding()
    adding.headers = {
        name if name.startswith("Linked") else name.replace("_", "-"): value
        for name, value in headers.items()
    }
    async with client(sandbox, options, adding) as refold:
        await read(refold)
    [request] = sandbox.requests
    assert sandbox.ledger.runs[0].linked_account_id == "demo-user-1"
    assert not {"stolen", "demo-user-2", "Bearer x", "elsewhere"} & set(request.headers.values())
    assert "a hook raised, its exception is ignored" in caplog.messages


@pytest.mark.parametrize("hooks", ["otel", [object()], object()])
def test_invalid_hooks_are_refused(hooks: object) -> None:
    with pytest.raises(SettingsError, match="hooks"):
        Refold("tk_1", hooks=hooks)  # type: ignore[arg-type]


async def test_an_empty_list_of_hooks_is_allowed(sandbox: Sandbox, options: Options) -> None:
    async with client(sandbox, options) as refold:
        await read(refold)


async def test_a_single_hooks_object_is_allowed(
    sandbox: Sandbox, options: Options, recorder: HookRecorder
) -> None:
    async with Refold(sandbox.api_key, **change(options, hooks=recorder)) as refold:
        await read(refold)
    assert recorder.names == ["call", "request", "response", "done"]


async def test_a_5xx_after_a_write_is_reported_as_unknown(
    sandbox: Sandbox, options: Options, recorder: HookRecorder
) -> None:
    sandbox.faults.add(Fault(status=500))
    async with client(sandbox, options, recorder) as refold:
        with pytest.raises(ServerError):
            await write(refold, email="a@example.com")
    assert recorder.events[-1] == ("done", 1, ServerError, "unknown")
