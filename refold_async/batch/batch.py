"""`Batch`: what a program holds of a fan-out."""

from __future__ import annotations

import asyncio
import math
import os
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, Unpack

import msgspec

from refold_async import deadlines
from refold_async.batch.call import Call
from refold_async.batch.engine import Attempt, Engine
from refold_async.batch.failures import limit_of
from refold_async.batch.in_order import InOrder
from refold_async.batch.journal import Journal
from refold_async.batch.lanes import Lanes
from refold_async.batch.outcomes import Outcome
from refold_async.batch.progress import BatchProgress
from refold_async.batch.reader import Reader
from refold_async.batch.roads import PlainRoad, Road
from refold_async.batch.settings import BatchOptions, BatchSettings
from refold_async.batch.source import Calls, Source
from refold_async.batch.summary import BatchSummary, Tally
from refold_async.batch.tasks import Tasks, to_the_end
from refold_async.batch.tickets import Ticket
from refold_async.checks import check_count
from refold_async.errors import RefoldError, SettingsError
from refold_async.hooks import safely

if TYPE_CHECKING:
    from refold_async.batch.resuming import Resuming

_TICK: Final = 0.25


class BatchReport(msgspec.Struct, frozen=True):
    """What `Refold.run` gives.

    Attributes:
        outcomes: One for each call, in the order of the input.
        summary: What it came to.
    """

    outcomes: list[Outcome]
    summary: BatchSummary


class Batch:
    """A fan-out under way: made by `Refold.batch`, entered with `async with`, iterated for outcomes.

    Outcomes come as calls end; a consumer that is slow slows the batch. Leaving the block early
    cancels what is under way; `under_way` then names it.

    Where the batch cannot go on (the input raises, the journal fails), it starts nothing more, reports
    what is under way, skips what is in hand, and then raises that error from the iteration, or where the
    block ends.
    """

    def __init__(self, calls: Calls, road: Road, settings: BatchSettings) -> None:
        self._source: Final = Source(calls)
        self._road: Final = road
        self._settings: Final = settings
        self._tally: Final = Tally()
        self._tasks: Final = Tasks(self._cut_off)
        self._engine: Engine | None = None
        self._reader: Reader | None = None
        self._resuming: Resuming | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._began = 0.0
        self._seconds: float | None = None
        self._told = False

    @classmethod
    def with_attempts(cls, calls: Calls, attempt: Attempt, **options: Unpack[BatchOptions]) -> Self:
        """Make a batch whose attempts are made by a function in place of Refold: to measure the machinery.

        Args:
            calls: The input.
            attempt: Takes a `Ticket`, and gives its result, or an `Again`; raises `RefoldError` where it
                failed. It adds 1 to `ticket.attempts`.
            options: As for `Refold.batch`.
        """
        return cls(calls, PlainRoad(attempt), BatchSettings(**options))

    def __repr__(self) -> str:
        tally, state = self._tally, "not begun" if self._engine is None else "under way"
        if self._seconds is not None:
            state = "ended"
        return f"Batch({state}, {tally.done} done, {tally.failed} failed, {tally.skipped} skipped)"

    async def __aenter__(self) -> Self:
        if self._engine is not None:
            raise SettingsError("a batch can be entered once; make another one")
        self._began = asyncio.get_running_loop().time()
        await self._road.open()
        try:
            if self._settings.journal is not None:
                self._resuming = await self._open_journal(self._settings.journal)
        except BaseException:
            self._road.close()
            raise
        self._start()
        return self

    async def _open_journal(self, journal: str | os.PathLike[str] | Journal) -> Resuming:
        from refold_async.batch.resuming import Resuming  # noqa: PLC0415 - sqlite3 is loaded where it is used

        return await Resuming.open(journal, self._road.base_url)

    def _start(self) -> None:
        settings, loop = self._settings, asyncio.get_running_loop()
        lanes = Lanes(settings.account_bounds(), breadth=settings.concurrency, window=settings.window)
        attempt, screen = self._road.attempt, None
        if self._resuming is not None:
            attempt, screen = self._resuming.around(attempt), self._resuming.screen
        engine = self._engine = Engine(
            attempt, lanes, self._tally, concurrency=settings.concurrency, failure_limit=limit_of(settings)
        )
        self._reader = Reader(self._source, engine, lanes, screen)
        self._road.refusal = engine.refusal
        engine.on_stop = self._let_go
        engine.on_abandon = self._abandon
        engine.on_outcome = self._road.on_outcome
        if self._resuming is not None:
            self._road.before_sending = self._resuming.before_sending
            self._resuming.on_failure = lambda: engine.stop("journal_failed")
        self._tasks.start(self._reader.work())
        for _ in range(settings.concurrency):
            self._tasks.start(engine.work())
        if (outer := deadlines.earlier(math.inf)) < math.inf:
            self._timers["deadline"] = loop.call_at(outer, engine.stop, "deadline")
        if settings.on_progress is not None:
            self._tick()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        engine = self._running()
        left_early = not engine.over
        self._cut_off()
        if left_early:
            self._tasks.cancel()
        try:
            await self._tasks.join()
        finally:
            self._abandon_waiting()
            await to_the_end(self._close())
        if error is None:
            self._raise()

    async def _close(self) -> None:
        """Let go of the input, the journal and the session, whatever happens on the way."""
        try:
            try:
                await self._source.aclose()
            finally:
                if self._resuming is not None:
                    await self._resuming.aclose()
        finally:
            self._road.close()
            self._seconds = asyncio.get_running_loop().time() - self._began
            if self._settings.on_progress is not None:
                safely(self._settings.on_progress, self.progress)

    def _let_go(self) -> None:
        """Have nobody wait for what is not to be run any more."""
        self._road.stop()
        if self._reader is not None:
            self._reader.stop()

    def _abandon_waiting(self) -> None:
        """Have it noted of each call cut off between two attempts how the first one ended."""
        for ticket in self._running().under_way:
            if ticket.error is not None:
                self._abandon(ticket, ticket.error)

    def _abandon(self, ticket: Ticket, error: RefoldError) -> None:
        self._road.abandon(ticket, error)
        if self._resuming is not None:
            self._resuming.abandon(ticket, error)

    def _cut_off(self) -> None:
        """Start nothing more, and let everybody go."""
        engine = self._running()
        if not engine.over:
            engine.end()
        for timer in self._timers.values():
            timer.cancel()

    def __aiter__(self) -> Self:
        self._running()
        return self

    async def __anext__(self) -> Outcome:
        engine = self._engine or self._running()
        outcome = engine.take() or await engine.next()
        if outcome is None:
            self._raise()
            raise StopAsyncIteration
        return outcome

    def in_order(self, *, window: int = 1000) -> InOrder:
        """Give the outcomes in the order of the input.

        Args:
            window: How far past the oldest call without an outcome the input is read; what came too
                early is kept until then. Default 1,000.

        Raises:
            SettingsError: `window` is below 1.
        """
        check_count("window", window)
        engine, reader = self._running(), self._reader
        assert reader is not None  # noqa: S101 - a batch that was entered has one
        reader.keep_within(window)
        return InOrder(engine.next, reader.deliver, self._raise)

    def stop(self) -> None:
        """Start nothing more: what is under way ends and is reported, the rest in hand is skipped."""
        self._running().stop("stopped")

    @property
    def under_way(self) -> tuple[Call, ...]:
        """The calls begun that have no outcome; after the block was left early, those that were cut off."""
        tickets = sorted(self._running().under_way, key=lambda ticket: ticket.index)
        return tuple(ticket.call for ticket in tickets)

    @property
    def summary(self) -> BatchSummary:
        """What the batch came to, so far or at its end."""
        engine = self._running()
        return self._tally.summary(
            seconds=self._elapsed(), under_way=len(engine.under_way), stopped=engine.stopped
        )

    @property
    def progress(self) -> BatchProgress:
        """How far the batch is."""
        engine, tally, elapsed = self._running(), self._tally, self._elapsed()
        read, total = (self._reader.read if self._reader else 0), self._source.total
        ended = tally.done + tally.failed + tally.skipped
        rate = ended / elapsed if elapsed > 0 else 0.0
        return BatchProgress(
            done=tally.done,
            failed=tally.failed,
            skipped=tally.skipped,
            under_way=len(engine.under_way),
            held=max(0, read - ended - len(engine.under_way)),
            read=read,
            total=total,
            elapsed=elapsed,
            rate=rate,
            left=(total - ended) / rate if total is not None and rate > 0 else None,
            ended=engine.over,
        )

    def _elapsed(self) -> float:
        if self._seconds is not None:
            return self._seconds
        return asyncio.get_running_loop().time() - self._began

    def _tick(self) -> None:
        if self._settings.on_progress is not None and not self._running().over:
            safely(self._settings.on_progress, self.progress)
            self._timers["tick"] = asyncio.get_running_loop().call_later(_TICK, self._tick)

    def _raise(self) -> None:
        """Raise what ended the batch, once."""
        error = self._tasks.error
        if error is None and self._reader is not None:
            error = self._reader.error
        if error is None and self._resuming is not None:
            error = self._resuming.error
        if error is None or self._told:
            return
        self._told = True
        if self.under_way:
            error.add_note(f"under way when the batch ended: {', '.join(map(repr, self.under_way[:20]))}")
        raise error

    def _running(self) -> Engine:
        if self._engine is None:
            raise SettingsError("enter the batch first: `async with refold.batch(...) as outcomes:`")
        return self._engine
