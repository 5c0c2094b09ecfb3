"""The rate limit: never above the rate in any window, first come, first served, and no waiter blocked."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async._core.rate_limits import BucketState, TokenBucket
from refold_async.errors import DeadlineExceededError, SettingsError
from refold_async.settings import HOSTED_LIMIT, RateLimit

from .virtual import VirtualTime

RATES = st.sampled_from([0.5, 1.0, 3.0, 7.0, 20.0, 100.0])


@dataclass
class Arrivals:
    """A token bucket in virtual time, and who acquired a token when."""

    limit: RateLimit | None
    time: VirtualTime = field(default_factory=VirtualTime)
    tokens: list[tuple[int, float]] = field(default_factory=list)
    waiting: list["asyncio.Task[None]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.rate_limiter = TokenBucket(BucketState(self.limit), clock=self.time.clock, sleep=self.time.sleep)

    def arrive(self) -> None:
        self.waiting.append(asyncio.create_task(self._wait(len(self.waiting))))

    async def _wait(self, number: int) -> None:
        if not self.rate_limiter.try_acquire():
            await self.rate_limiter.acquire()
        self.tokens.append((number, self.time.now))

    @property
    def moments(self) -> list[float]:
        return [moment for _, moment in self.tokens]


def assert_within_limit(moments: list[float], limit: RateLimit) -> None:
    """In no window do more calls start than the burst and what the rate makes of the window."""
    for first, begin in enumerate(moments):
        for last in range(first, len(moments)):
            allowed = (limit.burst or 1) + limit.per_second * (moments[last] - begin)
            assert last - first + 1 <= allowed + 1e-6


@given(RATES, st.integers(1, 8), st.lists(st.floats(0, 0.5), max_size=40))
def test_never_above_the_rate_and_in_order(rate: float, burst: int, gaps: list[float]) -> None:
    async def scenario() -> Arrivals:
        arrivals = Arrivals(RateLimit(rate, burst=burst))
        for gap in gaps:
            arrivals.arrive()
            await arrivals.time.run(until=arrivals.time.now + gap)
        await arrivals.time.run()
        return arrivals

    arrivals = asyncio.run(scenario())
    assert [number for number, _ in arrivals.tokens] == list(range(len(gaps)))
    assert_within_limit(arrivals.moments, RateLimit(rate, burst=burst))


@given(RATES, st.integers(1, 8), st.lists(st.floats(0, 3), max_size=60))
def test_the_bucket_alone_never_goes_above_the_rate(rate: float, burst: int, gaps: list[float]) -> None:
    bucket, now, taken = BucketState(RateLimit(rate, burst=burst)), 0.0, []
    for gap in gaps:
        now += gap
        if bucket.wait(now) == 0:
            bucket.take(now)
            taken.append(now)
    assert_within_limit(taken, RateLimit(rate, burst=burst))


@pytest.mark.parametrize(("burst", "at_once"), [(1, 1), (2, 1), (3, 2), (5, 4), (10, 9)])
async def test_one_slot_of_a_burst_is_kept_back(burst: int, at_once: int) -> None:
    arrivals = Arrivals(RateLimit(8, burst=burst))
    for _ in range(burst + 3):
        arrivals.arrive()
    await arrivals.time.run()
    first = arrivals.moments[0]
    assert arrivals.moments.count(first) == at_once
    steps = [moment - first for moment in arrivals.moments[at_once:]]
    assert steps == [n / 8 for n in range(1, len(steps) + 1)]


@given(
    st.integers(1, 4),
    st.lists(st.tuples(st.sampled_from(["arrive", "cancel", "step"]), st.integers(0, 30)), max_size=40),
)
def test_cancelling_any_waiter_loses_no_token_and_blocks_no_other(
    burst: int, script: list[tuple[str, int]]
) -> None:
    limit = RateLimit(10, burst=burst)

    async def scenario() -> tuple[Arrivals, set[int]]:
        arrivals = Arrivals(limit)
        cancelled = set()
        for step, number in script:
            if step == "arrive":
                arrivals.arrive()
            elif step == "step":
                await arrivals.time.run(until=arrivals.time.now + number / 100)
            elif number < len(arrivals.waiting) and arrivals.waiting[number].cancel():
                cancelled.add(number)
        await arrivals.time.run()
        await asyncio.gather(*arrivals.waiting, return_exceptions=True)
        assert arrivals.rate_limiter._queue.available == 1
        return arrivals, cancelled

    arrivals, cancelled = asyncio.run(scenario())
    served = [number for number, _ in arrivals.tokens]
    assert served == sorted(served)
    assert set(served) | cancelled == set(range(len(arrivals.waiting)))
    assert_within_limit(arrivals.moments, limit)


async def test_a_cancelled_waiter_spends_no_token() -> None:
    arrivals = Arrivals(RateLimit(1))
    for _ in range(3):
        arrivals.arrive()
    await arrivals.time.settle()
    arrivals.waiting[1].cancel()
    await arrivals.time.run()
    await asyncio.gather(*arrivals.waiting, return_exceptions=True)
    assert [(number, moment - 1000) for number, moment in arrivals.tokens] == [(0, 0.0), (2, 1.0)]


async def test_waiters_are_served_in_order() -> None:
    arrivals = Arrivals(RateLimit(1))
    for _ in range(3):
        arrivals.arrive()
    await arrivals.time.settle()
    arrivals.time.now += 1.0
    assert not arrivals.rate_limiter.try_acquire()
    await arrivals.time.run()
    await asyncio.gather(*arrivals.waiting)
    assert [number for number, _ in arrivals.tokens] == [0, 1, 2]


@pytest.mark.parametrize("limit", [None, RateLimit(1000, burst=50)])
async def test_a_pause_holds_for_all(limit: RateLimit | None) -> None:
    arrivals = Arrivals(limit)
    arrivals.arrive()
    await arrivals.time.settle()
    arrivals.rate_limiter.pause(5)
    arrivals.rate_limiter.pause(1)
    assert arrivals.rate_limiter.delay() == 5
    for _ in range(3):
        arrivals.arrive()
    await arrivals.time.run()
    await asyncio.gather(*arrivals.waiting)
    assert arrivals.moments[0] == 1000
    assert all(moment >= 1005 for moment in arrivals.moments[1:])


async def test_a_pause_also_holds_for_waiters_that_sleep_already() -> None:
    arrivals = Arrivals(RateLimit(1))
    arrivals.arrive()
    arrivals.arrive()
    await arrivals.time.settle()
    arrivals.rate_limiter.pause(30)
    await arrivals.time.run()
    await asyncio.gather(*arrivals.waiting)
    assert arrivals.moments == [1000, 1030]


async def test_without_a_limit_no_call_waits() -> None:
    arrivals = Arrivals(None)
    for _ in range(100):
        arrivals.arrive()
    await arrivals.time.settle()
    assert arrivals.moments == [1000] * 100
    arrivals.rate_limiter.pause(1)
    assert not arrivals.rate_limiter.try_acquire()
    arrivals.time.now += 1
    assert arrivals.rate_limiter.try_acquire()
    arrivals.rate_limiter.on_response(False)
    assert arrivals.rate_limiter.delay() == 0


def test_reprs_show_the_state() -> None:
    bucket = BucketState(RateLimit(20, burst=5))
    assert repr(bucket) == "BucketState(interval=0.05, next=-inf, open_at=-inf)"
    assert "BucketState(interval=0.05" in repr(TokenBucket(bucket))
    assert RateLimit(20, burst=5) == HOSTED_LIMIT


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((0,), "RateLimit: per_second must be a positive number, not 0"),
        ((-1,), "RateLimit: per_second must be a positive number, not -1"),
        ((float("nan"),), "RateLimit: per_second must be a positive number, not nan"),
        ((float("inf"),), "RateLimit: per_second must be a positive number, not inf"),
        ((1e-320,), "RateLimit: per_second must be a positive number, not 1e-320"),
        (("20",), "RateLimit: per_second must be a positive number, not '20'"),
        ((None,), "RateLimit: per_second must be a positive number, not None"),
        ((True,), "RateLimit: per_second must be a positive number, not True"),
        ((1, 0), "RateLimit: burst must be an integer of at least 1, not 0"),
        ((1, 1.5), "RateLimit: burst must be an integer of at least 1, not 1.5"),
        ((1, True), "RateLimit: burst must be an integer of at least 1, not True"),
    ],
)
def test_impossible_limits_are_refused(arguments: tuple[Any, ...], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        RateLimit(*arguments)
    assert caught.value.message.startswith(words.partition(", not")[0])
    assert caught.value.message.endswith(words.partition(", not")[2])


def test_without_a_burst_calls_that_waited_and_start_late_are_made_up_for() -> None:
    bucket = BucketState(RateLimit(10))
    bucket.take(0.0)
    bucket.take(0.25, waited=True)
    assert bucket.wait(0.25) == 0.0
    bucket.take(0.25, waited=True)
    assert bucket.wait(0.25) == pytest.approx(0.05)


@pytest.mark.parametrize("late", [0.0, 0.1, 0.2, 0.5, 5.0])
def test_late_starts_fit_into_a_burst_of_5(late: float) -> None:
    bucket, now, taken = BucketState(RateLimit(10)), 0.0, []
    for number in range(40):
        now += bucket.wait(now) + (late if number % 7 == 3 else 0.0)
        bucket.take(now, waited=True)
        taken.append(now)
    assert_within_limit(taken, RateLimit(10, burst=5))


def test_with_a_burst_of_1_a_late_call_is_not_made_up_for() -> None:
    bucket = BucketState(RateLimit(10, burst=1))
    bucket.take(0.0)
    bucket.take(0.25, waited=True)
    assert bucket.wait(0.25) == pytest.approx(0.1)


def test_a_429_without_retry_after_pauses_for_one_burst_then_longer() -> None:
    bucket = BucketState(RateLimit(20, burst=5))
    bucket.respond(10.0, throttled=True)
    assert bucket.wait(10.0) == pytest.approx(0.25)
    bucket.respond(10.1, throttled=True)  # sent before the pause
    assert bucket.wait(10.1) == pytest.approx(0.15)
    bucket.respond(10.3, throttled=True)
    assert bucket.wait(10.3) == pytest.approx(0.5)
    bucket.respond(11.0, throttled=False)
    bucket.respond(12.0, throttled=True)
    assert bucket.wait(12.0) == pytest.approx(0.25)
    for second in range(20, 80, 6):
        bucket.respond(second, throttled=True)
    assert bucket.wait(74.0) == 5.0


@pytest.mark.parametrize("limit", [None, RateLimit(100)])
def test_a_429_to_a_probe_pauses_for_as_long_as_it_asks(limit: RateLimit | None) -> None:
    bucket = BucketState(limit)
    bucket.pause(10.0, probe=True)
    assert bucket.wait(10.0) == 0
    bucket.take(10.0)
    bucket.respond(10.1, throttled=True)
    bucket.pause(10.1 + 0.2, probe=True)
    assert bucket.wait(10.1) == pytest.approx(0.2)
    bucket.pause(10.15 + 0.05, probe=True)
    assert bucket.wait(10.15) == pytest.approx(0.15), "a shorter pause cuts no longer one short"


async def test_a_deadline_that_cannot_be_met_is_refused_with_the_wait() -> None:
    limiter = TokenBucket(BucketState(RateLimit(0.01)))
    await limiter.acquire()
    with pytest.raises(DeadlineExceededError) as refused:
        await limiter.acquire(asyncio.get_running_loop().time() + 5)
    assert refused.value.retry_after == pytest.approx(100, abs=1)
    assert not await limiter.aclose()  # type: ignore[func-returns-value]
