"""Random calls, waits, limits and consumers in virtual time: work stalls only if none is ready."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from refold_async import Batch, Call, Outcome, PerAccount, RateLimit
from refold_async._core.pipeline import RetryAfter
from refold_async.batch.scheduler import AccountQueue, QueuedCall
from refold_async.batch.worker_pool import WorkerPool

from .stubs import RESULT, again, make_batch, not_found, throttled_by_app
from .virtual_time import VirtualLoop

PLANS = st.lists(st.sampled_from(["ok", "again", "slow", "app", "throttled", "fail"]), max_size=3)
WAITS = st.sampled_from([0.01, 0.1, 1.0, 5.0, 30.0])
BOUNDS = [
    None,
    PerAccount(concurrency=1),
    PerAccount(concurrency=2),
    PerAccount(rate=RateLimit(5, burst=3)),
    PerAccount(concurrency=1, rate=RateLimit(0.5, burst=1)),
]


@dataclass(frozen=True)
class Planned:
    """One call: its account, what its attempts come to, and the seconds that it waits."""

    account: int
    plan: list[str]
    wait: float


@dataclass(frozen=True)
class World:
    """A batch, and who reads its outcomes."""

    calls: list[Planned]
    concurrency: int
    bounds: PerAccount | None
    window: int
    in_order: int | None
    lag: float
    stops_at: int | None


planned = st.builds(Planned, account=st.integers(0, 6), plan=PLANS, wait=WAITS)
worlds = st.builds(
    World,
    calls=st.sampled_from([0, 1, 4, 12, 24, 24]).flatmap(
        lambda size: st.lists(planned, min_size=size, max_size=size)
    ),
    concurrency=st.sampled_from([1, 1, 2, 3, 5]),
    bounds=st.sampled_from(BOUNDS),
    window=st.sampled_from([1, 2, 5, 20, 1000]),
    in_order=st.sampled_from([None, None, 1, 3, 7, 1000]),
    lag=st.sampled_from([0.0, 0.0, 0.3, 2.0]),
    stops_at=st.one_of(st.none(), st.none(), st.integers(0, 40)),
)


class Run:
    """A batch run in a world, watched by its clock."""

    def __init__(self, world: World, loop: VirtualLoop) -> None:
        self.world, self.loop = world, loop
        self.running: Counter[str] = Counter()
        self.outcomes: list[Outcome] = []
        self.idle: list[str] = []
        self.batch = make_batch(
            [Call(f"account-{planned.account}", "hubspot", "get_contact") for planned in world.calls],
            self.attempt,
            concurrency=world.concurrency,
            per_account=world.bounds,
            window=world.window,
        )

    async def attempt(self, queued: QueuedCall) -> object:
        planned = self.world.calls[queued.index]
        what = planned.plan[queued.attempts] if queued.attempts < len(planned.plan) else "ok"
        queued.attempts += 1
        self.running[queued.call.linked_account_id] += 1
        self.check_bounds(queued.call.linked_account_id)
        await asyncio.sleep(planned.wait if what == "slow" else 0)
        self.running[queued.call.linked_account_id] -= 1
        if what in {"fail", "throttled"}:
            raise not_found() if what == "fail" else throttled_by_app()
        if what == "app":
            return RetryAfter(planned.wait, throttled_by_app())
        return again(planned.wait) if what == "again" else RESULT

    def check_bounds(self, account: str) -> None:
        assert self.running.total() <= self.world.concurrency
        if self.world.bounds is not None and self.world.bounds.concurrency is not None:
            assert self.running[account] <= self.world.bounds.concurrency

    def watch(self) -> None:
        """Note who is idle although there is work, unless a slow consumer blocks everyone."""
        pool, reader = self.batch._entered(), self.batch._reader
        has_idle = self.running.total() < self.world.concurrency
        if pool.over or pool.stopped or not has_idle or len(pool.outcomes) > self.world.concurrency:
            return
        if any(self.may_start(pool, queue) for queue in pool._scheduler._queues.values()):
            self.idle.append(f"a worker at {self.loop.now}")
        elif reader is not None and reader.read < len(self.world.calls) and reader._room() > 0:
            self.idle.append(f"the reader at {self.loop.now}")

    def may_start(self, pool: WorkerPool, queue: AccountQueue) -> bool:
        before = self.loop.now - 1e-6  # a timer due right now is about to run
        is_due = any(of is queue and queued and at <= before for at, _, of, queued in pool._scheduler._timers)
        return (
            bool(queue.calls or is_due)
            and queue.running < queue.allowed
            and queue.next_start(before) <= before
        )

    async def main(self) -> None:
        async with self.batch as batch:
            self.loop.before_sleep = self.watch
            async for outcome in self.in_turn(batch):
                self.outcomes.append(outcome)
                if len(self.outcomes) % 3 == 0:
                    await asyncio.sleep(self.world.lag)
                if len(self.outcomes) == self.world.stops_at:
                    batch.stop()

    def in_turn(self, batch: Batch) -> AsyncIterator[Outcome]:
        return batch if self.world.in_order is None else batch.in_order(window=self.world.in_order)


@settings(max_examples=150)
@given(world=worlds)
def test_idle_workers_pick_up_ready_calls(world: World) -> None:
    loop = VirtualLoop()
    run = Run(world, loop)
    try:
        loop.run_until_complete(run.main())
    finally:
        loop.close()
    assert run.idle == []
    assert sorted(outcome.index for outcome in run.outcomes) == list(range(run.batch.progress.read))
    assert world.stops_at is not None or len(run.outcomes) == len(world.calls)
