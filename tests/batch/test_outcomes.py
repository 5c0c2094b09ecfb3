"""Each call read from the input has one outcome, whatever happens to it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator

import pytest

from refold_async import (
    AuthenticationError,
    Call,
    ClosedError,
    Done,
    Failed,
    InvalidCallError,
    RefoldError,
    SettingsError,
    Skipped,
)
from refold_async.batch.scheduler import QueuedCall

from .stubs import (
    RESULT,
    again,
    attempt,
    calls,
    make_batch,
    not_found,
    outcomes_of,
    reconnect,
    succeed,
    throttled_by_app,
)


async def test_each_call_has_one_outcome_with_its_times() -> None:
    inputs = calls(300)
    outcomes, batch = await outcomes_of(inputs, attempt(lambda _: RESULT, seconds=0.001), concurrency=7)
    assert sorted(outcome.index for outcome in outcomes) == list(range(300))
    for outcome in outcomes:
        match outcome:
            case Done(call, result):
                assert (call, result, outcome.attempts) == (inputs[outcome.index], RESULT, 1)
                assert outcome.elapsed > 0.0005
                assert outcome.queued >= 0
            case _:
                pytest.fail(repr(outcome))
    assert (batch.summary.done, batch.summary.attempts, batch.under_way) == (300, 300, ())


async def test_concurrency_bounds_the_calls_under_way() -> None:
    running, most = 0, 0

    async def made(queued: QueuedCall) -> object:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1
        return RESULT

    await outcomes_of(calls(100), made, concurrency=6)
    assert most == 6


async def test_a_failure_is_an_outcome_and_raises_nothing() -> None:
    made = attempt(lambda queued: not_found() if queued.index % 3 == 0 else RESULT)
    outcomes, batch = await outcomes_of(calls(30), made)
    assert Counter(type(outcome) for outcome in outcomes) == {Done: 20, Failed: 10}
    assert batch.summary.errors == {"NotFoundError": 10}
    assert batch.summary.fates == {"rejected": 10}


async def test_a_call_that_cannot_be_sent_fails_and_the_others_run() -> None:
    inputs = [
        Call(3, "hubspot", "get_contact"),  # type: ignore[arg-type]
        Call("a", "hubspot", "get_contact", ["no mapping"]),  # type: ignore[arg-type]
        Call("a", "hubspot", "get_contact", key=""),
        Call("a", "hubspot", "get_contact", effect="harmless"),  # type: ignore[arg-type]
        Call("a", "hubspot", "get_contact", effect=["read"]),  # type: ignore[arg-type]
        Call("a", "hubspot", "get_contact"),
    ]
    outcomes, batch = await outcomes_of(inputs, succeed)
    failed = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert [type(outcome.error) for outcome in failed] == [InvalidCallError] * 5
    assert {(outcome.error.fate, outcome.attempts) for outcome in failed} == {("not_sent", 0)}
    assert batch.summary.done == 1


async def test_a_call_is_tried_again_until_it_succeeds() -> None:
    made = attempt(lambda queued: RESULT if queued.attempts == 3 else again(0.001))
    outcomes, batch = await outcomes_of(calls(20), made, concurrency=3)
    assert {outcome.attempts for outcome in outcomes} == {3}
    assert (batch.summary.done, batch.summary.attempts) == (20, 60)


async def test_a_call_waiting_for_a_retry_delays_no_other() -> None:
    made = attempt(lambda queued: again(0.05) if queued.index == 0 and queued.attempts == 1 else RESULT)
    outcomes, _ = await outcomes_of(calls(20, accounts=1), made, concurrency=1, per_account=1)
    assert [outcome.index for outcome in outcomes] == [*range(1, 20), 0]


async def test_a_throttled_account_waits_alone() -> None:
    def behave(queued: QueuedCall) -> object:
        return throttled_by_app() if queued.index == 0 else RESULT

    inputs = [Call("busy", "x", "get_y"), Call("busy", "x", "get_y"), *calls(20)]
    async with make_batch(inputs, attempt(behave), concurrency=1) as batch:
        seen = [(await anext(batch)).index for _ in range(21)]
    assert sorted(seen) == [0, *range(2, 22)]


async def test_a_broken_connection_skips_its_other_calls() -> None:
    def behave(queued: QueuedCall) -> object:
        return reconnect() if queued.call.linked_account_id == "account-0" else RESULT

    inputs = [*calls(30, accounts=3), Call("account-0", "slack", "get_channel")]
    outcomes, batch = await outcomes_of(inputs, attempt(behave), concurrency=1)
    reasons = [outcome.reason for outcome in outcomes if isinstance(outcome, Skipped)]
    assert reasons == ["reconnect"] * 9
    assert set(batch.summary.reconnect) == {("account-0", "hubspot"), ("account-0", "slack")}
    assert batch.summary.done == 20


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (AuthenticationError("refused", fate="rejected", status=401), "api_key_refused"),
        (ClosedError("closed"), "client_closed"),
    ],
)
async def test_an_error_common_to_all_calls_stops_the_batch(error: RefoldError, reason: str) -> None:
    outcomes, batch = await outcomes_of(calls(1000), attempt(lambda _: error), concurrency=4)
    assert 1 <= sum(isinstance(outcome, Failed) for outcome in outcomes) <= 4
    assert {outcome.reason for outcome in outcomes if isinstance(outcome, Skipped)} == {reason}
    assert batch.summary.stopped == reason


def refused(message: str) -> AuthenticationError:
    return AuthenticationError(message, fate="rejected", status=401)


async def test_a_401_of_one_customer_does_not_blame_the_key() -> None:
    made = attempt(lambda queued: refused("no such session") if queued.index == 50 else RESULT)
    _, batch = await outcomes_of(calls(100), made, concurrency=2)
    assert (batch.summary.stopped, batch.summary.done, batch.summary.failed) == (None, 99, 1)


@pytest.mark.parametrize(
    "message", ["Invalid Credentials", "Invalid token", "Authorization Token Missing", "bad API key"]
)
async def test_a_revoked_key_stops_the_batch(message: str) -> None:
    made = attempt(lambda queued: refused(message) if queued.index >= 50 else RESULT)
    _, batch = await outcomes_of(calls(1000), made, concurrency=2)
    assert (batch.summary.stopped, batch.summary.done) == ("api_key_refused", 50)
    assert batch.summary.failed <= 2


async def test_on_failure_stop_ends_at_the_first_failure() -> None:
    made = attempt(lambda queued: not_found() if queued.index == 5 else RESULT)
    outcomes, batch = await outcomes_of(calls(100), made, concurrency=2, on_failure="stop")
    assert batch.summary.stopped == "failed_call"
    assert (batch.summary.failed, batch.summary.done) == (1, 6)
    assert all(outcome.reason == "failed_call" for outcome in outcomes if isinstance(outcome, Skipped))


async def test_a_share_of_failures_stops_the_batch_once_enough_calls_ended() -> None:
    made = attempt(lambda queued: not_found() if queued.index % 2 else RESULT)
    _, batch = await outcomes_of(calls(500), made, concurrency=1, stop_at_failure_share=0.5)
    assert batch.summary.stopped == "failure_share"
    assert batch.summary.done + batch.summary.failed == 20


async def test_stop_lets_calls_under_way_end() -> None:
    async with make_batch(calls(100), attempt(lambda _: RESULT, seconds=0.01), concurrency=5) as batch:
        outcomes = []
        async for outcome in batch:
            outcomes.append(outcome)
            batch.stop()
    assert Counter(type(outcome) for outcome in outcomes)[Done] in range(5, 11)
    assert len(outcomes) == batch.progress.read == batch.summary.ended
    assert batch.under_way == ()


async def test_a_pending_retry_of_a_stopped_batch_fails_with_its_last_error() -> None:
    def behave(queued: QueuedCall) -> object:
        return again(60) if queued.index == 0 else not_found()

    outcomes, _ = await outcomes_of(calls(2), attempt(behave), concurrency=1, on_failure="stop")
    retried = next(outcome for outcome in outcomes if outcome.index == 0)
    assert isinstance(retried, Failed)
    assert retried.error.status == 503


async def test_a_retry_requested_after_the_stop_fails() -> None:
    async def made(queued: QueuedCall) -> object:
        queued.attempts += 1
        batch.stop()
        return again(60)

    batch = make_batch(calls(5), made, concurrency=1)  # before it is entered: an eager worker calls at once
    async with batch:
        outcomes = [outcome async for outcome in batch]
    assert [type(outcome) for outcome in outcomes[1:]] == [Failed]
    assert isinstance(outcomes[0], Skipped)


async def test_retries_that_come_due_while_the_consumer_sleeps_are_made() -> None:
    made = attempt(lambda queued: again(0.01) if queued.index == 0 and queued.attempts == 1 else RESULT)
    async with make_batch(calls(3), made, concurrency=1) as batch:
        await asyncio.sleep(0.05)
        assert [outcome.index async for outcome in batch] == [1, 2, 0]


async def test_retries_that_come_due_together_are_made_together() -> None:
    meeting = asyncio.Barrier(3)

    async def made(queued: QueuedCall) -> object:
        queued.attempts += 1
        if queued.attempts == 1:
            return again(0.01)
        await meeting.wait()
        return RESULT

    async with asyncio.timeout(5):
        outcomes, _ = await outcomes_of(calls(3), made, concurrency=3)
    assert len(outcomes) == 3


async def test_in_order_yields_the_order_of_the_input() -> None:
    made = attempt(lambda queued: again(0.02) if queued.index == 0 and queued.attempts == 1 else RESULT)
    async with make_batch(calls(500), made, concurrency=5) as batch:
        seen = []
        async for outcome in batch.in_order(window=20):
            seen.append(outcome.index)
            assert batch.progress.read <= outcome.index + 1 + 20
    assert seen == list(range(500))


@pytest.mark.parametrize("window", [1, 2, 3])
async def test_in_order_never_stalls_on_a_small_window(window: int) -> None:
    made = attempt(lambda queued: again(0.001) if queued.attempts == 1 and queued.index % 4 == 0 else RESULT)
    async with make_batch(calls(50), made, concurrency=5, per_account=1) as batch:
        seen = [outcome.index async for outcome in batch.in_order(window=window)]
    assert seen == list(range(50))


async def test_a_slow_consumer_slows_the_batch() -> None:
    async with make_batch(calls(1000), succeed, concurrency=5) as batch:
        async for outcome in batch:
            await asyncio.sleep(0.002)
            progress = batch.progress
            assert progress.done <= 2 * 5 + 5
            if outcome.index > 2:
                break


async def test_the_input_is_read_only_as_far_as_it_is_needed() -> None:
    read = 0

    def endless() -> Iterator[Call]:
        nonlocal read
        while True:
            read += 1
            yield Call(f"account-{read}", "x", "get_y")

    async with make_batch(endless(), succeed, concurrency=5) as batch:
        for _ in range(100):
            await anext(batch)
    assert read <= 100 + 2 * 5 + 5 + 2 * 5 + 10


async def test_the_window_limits_the_calls_held() -> None:
    inputs = calls(500, accounts=1)
    async with make_batch(
        inputs, attempt(lambda _: RESULT, seconds=0.001), concurrency=2, window=16
    ) as batch:
        async for _ in batch:
            assert batch.progress.held <= 16


@pytest.mark.parametrize("is_async", [False, True])
async def test_the_input_may_be_any_iterable(is_async: bool) -> None:
    async def asynchronous() -> AsyncIterator[Call]:
        for call in calls(50):
            await asyncio.sleep(0)
            yield call

    async with make_batch(asynchronous() if is_async else iter(calls(50)), succeed) as batch:
        assert len([outcome async for outcome in batch]) == 50


@pytest.mark.parametrize("nothing", [[], ()])
async def test_an_empty_input_ends_at_once(nothing: list[Call]) -> None:
    outcomes, batch = await outcomes_of(nothing, succeed)
    assert outcomes == []
    assert batch.summary.ended == 0


async def test_one_account_with_thousands_of_calls_does_not_delay_the_others() -> None:
    """The lone calls of 100 accounts all end before a tenth of the 2,000 that stand before them."""

    def behave(queued: QueuedCall) -> object:
        return again(0.001) if queued.call.linked_account_id == "busy" and queued.attempts == 1 else RESULT

    inputs = [*[Call("busy", "x", "get_y")] * 2000, *calls(100, accounts=100)]
    busy = 0
    async with make_batch(inputs, attempt(behave), concurrency=20, per_account=2) as batch:
        left = 100
        async for outcome in batch:
            busy += outcome.call.linked_account_id == "busy"
            left -= outcome.call.linked_account_id != "busy"
            if not left:
                break
    assert busy < 200


async def test_a_batch_is_entered_once_and_iterated_inside_its_block() -> None:
    batch = make_batch(calls(1), succeed)
    with pytest.raises(SettingsError, match="enter the batch first"):
        aiter(batch)
    async with batch:
        assert len([outcome async for outcome in batch]) == 1
    with pytest.raises(SettingsError, match="entered only once"):
        async with batch:
            pass


async def test_several_tasks_may_share_the_outcomes() -> None:
    async with make_batch(calls(200), attempt(lambda _: RESULT, seconds=0.001)) as batch:

        async def consume() -> list[int]:
            return [outcome.index async for outcome in batch]

        parts = await asyncio.gather(*(consume() for _ in range(3)))
    assert sorted(index for part in parts for index in part) == list(range(200))
