"""Random inputs, failures, retries, cancellations and consumer speeds, against what must always hold."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from refold_async import AuthenticationError, Call, Done, Failed, Outcome, PerAccount, Skipped
from refold_async.batch.scheduler import QueuedCall

from .stubs import RESULT, again, make_batch, not_found, reconnect, throttled_by_app

PLANS = st.lists(st.sampled_from(["ok", "ok", "ok", "again", "fail", "slow", "reconnect", "app"]), max_size=4)


@dataclass(frozen=True)
class World:
    """One run of a batch: its calls, each with what its attempts come to, and who disturbs it."""

    accounts: list[int]
    plans: list[list[str]]
    concurrency: int
    per_account: int | None
    window: int
    ordered: bool
    lag: list[int]
    breaks_at: int | None
    cancels_after: int | None
    input_fails: bool
    key_fails_at: int | None
    crashes_at: int | None
    stops_at: int | None


@st.composite
def worlds(draw: st.DrawFn) -> World:
    size = draw(st.integers(0, 40))
    rarely = st.one_of(st.none(), st.none(), st.none(), st.integers(0, 40))
    return World(
        accounts=draw(st.lists(st.integers(0, 4), min_size=size, max_size=size)),
        plans=draw(st.lists(PLANS, min_size=size, max_size=size)),
        concurrency=draw(st.integers(1, 6)),
        per_account=draw(st.one_of(st.none(), st.integers(1, 2))),
        window=draw(st.sampled_from([1, 2, 5, 1000])),
        ordered=draw(st.booleans()),
        lag=draw(st.lists(st.integers(0, 2), min_size=1, max_size=5)),
        breaks_at=draw(rarely),
        cancels_after=draw(rarely),
        input_fails=draw(st.sampled_from([False, False, True])),
        key_fails_at=draw(rarely),
        crashes_at=draw(rarely),
        stops_at=draw(rarely),
    )


class Run:
    """A batch run in a world, and what is seen of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.read: list[Call] = []
        self.finished: set[int] = set()
        self.seen: list[Outcome] = []
        self.error: BaseException | None = None
        self.cut_off = False
        self.batch = make_batch(
            self.source(),
            self.attempt,
            concurrency=world.concurrency,
            per_account=None if world.per_account is None else PerAccount(concurrency=world.per_account),
            window=world.window,
        )

    async def source(self) -> AsyncIterator[Call]:
        for place, account in enumerate(self.world.accounts):
            if place % 7 == 3:
                await asyncio.sleep(0)
            call = Call(f"account-{account}", "hubspot", "get_contact", {"place": place})
            self.read.append(call)
            yield call
        if self.world.input_fails:
            raise LookupError

    async def attempt(self, queued: QueuedCall) -> object:
        queued.attempts += 1
        plan = self.world.plans[queued.index]
        what = plan[queued.attempts - 1] if queued.attempts <= len(plan) else "ok"
        for _ in range(5 if what == "slow" else queued.index % 2):
            await asyncio.sleep(0)
        if queued.index == self.world.crashes_at:
            raise ZeroDivisionError
        if queued.index == self.world.key_fails_at:
            raise AuthenticationError("refused", fate="rejected", status=401)
        if what == "again":
            return again(0.0005)
        if what in {"fail", "reconnect"}:
            raise not_found() if what == "fail" else reconnect()
        if (
            what == "app"
            and queued.call.linked_account_id == "account-4"
            and self.world.accounts.count(4) == 1
        ):
            raise throttled_by_app()
        self.finished.add(queued.index)
        return RESULT

    async def consume(self) -> None:
        async with self.batch as batch:
            async for outcome in batch.in_order(window=self.world.window) if self.world.ordered else batch:
                self.seen.append(outcome)
                for _ in range(self.world.lag[len(self.seen) % len(self.world.lag)]):
                    await asyncio.sleep(0)
                if len(self.seen) == self.world.stops_at:
                    batch.stop()
                if len(self.seen) == self.world.breaks_at:
                    self.cut_off = True
                    break

    async def main(self) -> None:
        task = asyncio.create_task(self.consume())
        if self.world.cancels_after is not None:
            for _ in range(self.world.cancels_after):
                await asyncio.sleep(0)
            self.cut_off = self.cut_off or not task.done()
            task.cancel()
        await asyncio.wait([task], timeout=10)
        assert task.done(), "the batch hangs"
        self.error = asyncio.CancelledError() if task.cancelled() else task.exception()
        assert asyncio.all_tasks() == {asyncio.current_task()}


@settings(max_examples=150)
@given(world=worlds())
def test_every_call_read_has_one_outcome_or_is_listed_as_under_way(world: World) -> None:
    run = Run(world)
    asyncio.run(run.main())
    indexes = [outcome.index for outcome in run.seen]
    assert len(set(indexes)) == len(indexes)
    if world.ordered:
        assert indexes == sorted(indexes)
    for outcome in run.seen:
        assert outcome.call is run.read[outcome.index]
        match outcome:
            case Done():
                assert outcome.index in run.finished
            case Failed() | Skipped():
                assert outcome.index not in run.finished
    if run.error is None and not run.cut_off:
        assert sorted(indexes) == list(range(len(run.read)))
        assert run.batch.under_way == ()
        assert run.batch.summary.stopped or len(run.read) == len(world.accounts)
    elif isinstance(run.error, LookupError) and not run.cut_off:
        assert sorted(indexes) == list(range(len(run.read)))
    elif isinstance(run.error, ZeroDivisionError) and not run.cut_off:
        named = {call.params["place"] for call in run.batch.under_way if call.params}
        assert world.crashes_at in named
        assert named.isdisjoint(indexes)
