"""What a batch came to, and how far it is."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async import BatchProgress, Done
from refold_async.batch.latencies import Latencies
from refold_async.batch.scheduler import QueuedCall

from .stubs import RESULT, attempt, calls, make_batch, not_found, outcomes_of, reconnect, succeed


@given(
    values=st.lists(st.floats(2e-6, 1e5), min_size=1, max_size=200),
    share=st.sampled_from([0.5, 0.9, 0.99, 1.0]),
)
def test_a_percentile_is_within_a_step_of_the_exact_one(values: list[float], share: float) -> None:
    latencies = Latencies()
    for value in values:
        latencies.add(value)
    place = max(0, -(-round(share * 100) * len(values) // 100) - 1)
    exact = sorted(values)[place]
    assert latencies.percentile(share) == pytest.approx(exact, rel=0.045)


def test_odd_times_are_counted_too() -> None:
    latencies = Latencies()
    assert latencies.percentile(0.5) is None
    for value in (0.0, 1e-9, 1e12):
        latencies.add(value)
    assert latencies.count == 3
    assert latencies.longest == 1e12


async def test_a_summary_prints_what_happened() -> None:
    def behave(queued: QueuedCall) -> object:
        if queued.index == 1:
            return reconnect()
        return not_found() if queued.index in {2, 3} else RESULT

    _, batch = await outcomes_of(calls(21), attempt(behave), concurrency=1)
    said = str(batch.summary)
    assert said.startswith("17 done, 3 failed, 1 skipped\n")
    assert "failures: NotFoundError 2, ReconnectRequiredError 1" in said
    assert "fates: rejected 3" in said
    assert "skipped: reconnect 1" in said
    assert "to reconnect: account-1 (hubspot)" in said


async def test_a_long_list_to_reconnect_is_cut_short_in_print() -> None:
    _, batch = await outcomes_of(calls(30, accounts=30), attempt(lambda _: reconnect()))
    assert len(batch.summary.reconnect) == 30
    assert "and 20 more" in str(batch.summary)


async def test_progress_is_reported_and_ends_complete() -> None:
    reported: list[BatchProgress] = []
    await outcomes_of(calls(40), succeed, on_progress=reported.append)
    assert reported[0].done == 0
    last = reported[-1]
    assert (last.done, last.total, last.read, last.held, last.ended, last.left) == (40, 40, 40, 0, True, 0.0)


async def test_frequent_progress_leaves_no_expired_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("refold_async.batch.batch._PROGRESS_INTERVAL", 0.001)
    slowly = attempt(lambda _: RESULT, seconds=0.002)
    async with make_batch(calls(20), slowly, concurrency=1, on_progress=id) as batch:
        kept = [len(batch._timers) async for _ in batch]
    assert max(kept) == 1


async def test_an_on_progress_that_raises_is_logged_and_ignored(caplog: pytest.LogCaptureFixture) -> None:
    def fail(progress: BatchProgress) -> None:
        raise ZeroDivisionError

    outcomes, _ = await outcomes_of(calls(5), succeed, on_progress=fail)
    assert len(outcomes) == 5
    assert "a hook raised" in caplog.text


async def test_the_total_of_a_generator_is_not_known() -> None:
    async with make_batch(iter(calls(3)), succeed) as batch:
        assert isinstance(await anext(batch), Done)
        assert (batch.progress.total, batch.progress.left) == (None, None)
        assert "running" in repr(batch)
    assert "ended" in repr(batch)


def test_latencies_do_not_depend_on_their_order() -> None:
    values = [random.Random(3).expovariate(10) for _ in range(500)]
    one, other = Latencies(), Latencies()
    for value in values:
        one.add(value)
    for value in reversed(values):
        other.add(value)
    assert one.percentile(0.9) == other.percentile(0.9)
