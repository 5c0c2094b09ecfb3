"""The limiter of one process, in virtual time, over moments that are reserved in memory."""

import asyncio
import math

import pytest

from refold_async import ClosedError, ConnectionFailedError, DeadlineExceededError, Hooks, RateLimit
from refold_async.fleet.shared_limiter import AwayError, Lease, SharedLimiter, slack_of
from tests.core.virtual import VirtualTime

LIMIT = RateLimit(20, burst=5)


class Store:
    """What the script does, in memory; away on request."""

    def __init__(self, virtual: VirtualTime, limit: RateLimit = LIMIT) -> None:
        self.virtual = virtual
        self.interval, self.slack = 1 / limit.per_second, slack_of(limit)
        self.due = virtual.now + self.slack
        self.away = False
        self.reserved: list[int] = []
        self.closed = False

    async def reserve(self, slots: int, *, pause: float = 0.0, returning: bool = False) -> Lease:
        if self.away:
            raise AwayError("test")
        now = self.virtual.now
        self.reserved.append(slots)
        if returning:
            self.due = max(self.due, now + self.slack)
        if pause:
            self.due = max(self.due, now + pause + self.slack)
        self.due = max(self.due, now)
        wait = self.due - self.slack - now
        self.due += slots * self.interval
        return Lease(wait, self.interval)

    async def aclose(self) -> None:
        self.closed = True


class Process:
    """A limiter, and when its calls started."""

    def __init__(self, store: Store, limit: RateLimit = LIMIT, **settings: object) -> None:
        self.virtual = store.virtual
        self.limiter = SharedLimiter(
            store,
            limit,
            4,
            clock=self.virtual.clock,
            sleep=self.virtual.sleep,
            **settings,  # type: ignore[arg-type]
        )
        self.starts: list[float] = []
        self.tasks: list[asyncio.Task[None]] = []

    def call(self, times: int = 1) -> None:
        for _ in range(times):
            self.tasks.append(asyncio.create_task(self._call()))

    async def _call(self) -> None:
        if not self.limiter.try_acquire():
            await self.limiter.acquire()
        self.starts.append(round(self.virtual.now - 1000, 6))


@pytest.fixture
def virtual() -> VirtualTime:
    return VirtualTime()


async def test_processes_take_turns_at_the_full_rate(virtual: VirtualTime) -> None:
    store = Store(virtual)
    processes = [Process(store) for _ in range(4)]
    for process in processes:
        process.call(10)
    await virtual.run()
    starts = sorted(start for process in processes for start in process.starts)
    assert starts == [round(n / 20, 6) for n in range(40)]
    assert {len(process.starts[:5]) for process in processes} == {5}
    assert set(store.reserved) == {1}
    for process in processes:
        await process.limiter.aclose()
    assert store.closed


async def test_one_process_alone_has_the_whole_rate_and_leases_grow_with_it(virtual: VirtualTime) -> None:
    fast = RateLimit(500, burst=50)
    store = Store(virtual, fast)
    process = Process(store, fast)
    process.call(100)
    await virtual.run()
    assert process.starts == pytest.approx([n / 500 for n in range(100)])
    assert max(store.reserved) == 10
    await process.limiter.aclose()


async def test_a_slot_that_was_missed_is_reserved_again(virtual: VirtualTime) -> None:
    store = Store(virtual)
    process = Process(store)
    process.call(3)
    await virtual.settle()
    virtual.now += 5  # the process stood still
    await virtual.run()
    assert process.starts[0] == 0
    assert process.starts[1:] == [5.0, 5.0]
    assert store.reserved == [1, 1, 1, 1]
    await process.limiter.aclose()


async def test_a_pause_holds_for_all_processes(virtual: VirtualTime) -> None:
    store = Store(virtual)
    one, other = Process(store), Process(store)
    one.limiter.pause(3)
    one.limiter.pause(3)
    await virtual.settle()
    assert store.reserved == [0]
    one.call(2)
    other.call(2)
    await virtual.run()
    assert sorted(one.starts + other.starts) == [3.0, 3.05, 3.1, 3.15]
    one.limiter.on_response(throttled=False)
    assert one.limiter.delay() == 0
    one.limiter.on_response(throttled=True)
    assert one.limiter.delay() == pytest.approx(0.25)
    await one.limiter.aclose()
    await other.limiter.aclose()


async def test_without_redis_it_uses_its_share_and_returns_without_a_burst(virtual: VirtualTime) -> None:
    class RateHooks(Hooks):
        def on_rate_limit(self, server: str, state: str, per_second: float) -> None:
            told.append((server, state, per_second))

    told: list[tuple[str, str, float]] = []
    store = Store(virtual)
    process = Process(store, hooks=(RateHooks(),), server="http://refold")
    process.call()
    await virtual.settle()
    store.away = True
    process.call(100)
    await virtual.run(until=1002.1)
    assert process.starts == pytest.approx([n / 5 for n in range(11)])
    assert "share" in repr(process.limiter)
    store.away = False
    await virtual.run()
    back = [start for start in process.starts if start > 2]
    # It keeps to its share until all others are back, then all of it is its own.
    assert back[:6] == pytest.approx([2.2 + n / 5 for n in range(6)])
    assert back[-1] - back[-11] == pytest.approx(10 / 20)
    assert told == [
        ("http://refold", "shared", 20),
        ("http://refold", "share", 5),
        ("http://refold", "shared", 20),
    ]
    await process.limiter.aclose()


async def test_without_redis_it_waits_or_fails_as_configured(virtual: VirtualTime) -> None:
    store = Store(virtual)
    store.away = True
    waits, fails = Process(store, when_away="wait"), Process(store, when_away="error")
    waits.call()
    fails.call()
    await virtual.run(until=1003)
    assert waits.starts == fails.starts == []
    with pytest.raises(ConnectionFailedError, match="away") as failed:
        await fails.tasks[0]
    assert failed.value.fate == "not_sent"
    fails.call(2)
    await virtual.settle()
    errors = await asyncio.gather(*fails.tasks[1:], return_exceptions=True)
    assert len(set(map(id, errors))) == 2  # each error names its call
    store.away = False
    await virtual.run()
    assert waits.starts == [3.5]
    await waits.limiter.aclose()
    await fails.limiter.aclose()


async def test_a_pause_while_away_holds_for_the_share(virtual: VirtualTime) -> None:
    store = Store(virtual)
    store.away = True
    process = Process(store)
    process.limiter.pause(2)
    process.call()
    await virtual.run(until=1003)
    assert process.starts == [2.0]
    await process.limiter.aclose()


async def test_a_slot_given_to_a_caller_that_is_cancelled_goes_to_the_next(virtual: VirtualTime) -> None:
    store = Store(virtual)
    limiter = Process(store).limiter
    first, second = (asyncio.create_task(limiter.acquire(math.inf)) for _ in range(2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    limiter._grant()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await second
    assert first.cancelled()
    await limiter.aclose()


async def test_a_deadline_that_cannot_be_met_is_refused_with_the_wait(virtual: VirtualTime) -> None:
    process = Process(Store(virtual))
    process.limiter.pause(30)
    with pytest.raises(DeadlineExceededError) as refused:
        await process.limiter.acquire(virtual.now + 10)
    assert refused.value.retry_after == pytest.approx(30)
    await process.limiter.aclose()


async def test_an_expired_deadline_is_reported(virtual: VirtualTime) -> None:
    store = Store(virtual)
    store.away = True
    limiter = SharedLimiter(store, LIMIT, 4, when_away="wait")
    with pytest.raises(DeadlineExceededError, match="timed out waiting for the rate limit"):
        await limiter.acquire(asyncio.get_running_loop().time() + 0.01)
    assert "0 waiting" in repr(limiter)
    await limiter.aclose()


async def test_closing_fails_the_waiters(virtual: VirtualTime) -> None:
    store = Store(virtual)
    process = Process(store)
    process.call(3)
    await virtual.settle()
    await process.limiter.aclose()
    await process.limiter.aclose()
    results = await asyncio.gather(*process.tasks, return_exceptions=True)
    assert [type(result) for result in results] == [type(None), ClosedError, ClosedError]
    with pytest.raises(ClosedError):
        await process.limiter.acquire(math.inf)


async def test_a_bug_in_the_store_reaches_the_waiters(virtual: VirtualTime) -> None:
    class BrokenStore(Store):
        async def reserve(self, slots: int, *, pause: float = 0.0, returning: bool = False) -> Lease:
            raise ZeroDivisionError

    process = Process(BrokenStore(virtual))
    with pytest.raises(ZeroDivisionError):
        await process.limiter.acquire(math.inf)
    await process.limiter.aclose()
