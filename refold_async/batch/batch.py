"""`Batch`: what a program holds of a fan-out."""

from __future__ import annotations

import asyncio
import math
import os
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self, Unpack

import msgspec

from refold_async import deadlines
from refold_async._core.checks import check_count
from refold_async.batch.failures import limit_of
from refold_async.batch.in_order import InOrder
from refold_async.batch.journal import Journal
from refold_async.batch.reader import Calls, Reader, Source
from refold_async.batch.runner import CallRunner, FunctionRunner
from refold_async.batch.scheduler import FairScheduler, QueuedCall
from refold_async.batch.settings import BatchOptions, BatchSettings
from refold_async.batch.summary import BatchProgress, BatchSummary, Counters
from refold_async.batch.tasks import BatchTasks, to_the_end
from refold_async.batch.worker_pool import Attempt, WorkerPool
from refold_async.calls import Call, Outcome
from refold_async.errors import RefoldError, SettingsError
from refold_async.hooks import safely

if TYPE_CHECKING:
    from refold_async.batch.journal.replay import JournalReplay

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

    def __init__(self, calls: Calls, road: CallRunner, settings: BatchSettings) -> None:
        self._source: Final = Source(calls)
        self._runner: Final = road
        self._settings: Final = settings
        self._counters: Final = Counters()
        self._tasks: Final = BatchTasks(self._cut_off)
        self._pool: WorkerPool | None = None
        self._reader: Reader | None = None
        self._replay: JournalReplay | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._began = 0.0
        self._seconds: float | None = None
        self._told = False

    @classmethod
    def with_attempts(cls, calls: Calls, attempt: Attempt, **options: Unpack[BatchOptions]) -> Self:
        """Make a batch whose attempts are made by a function in place of Refold: to measure the machinery.

        Args:
            calls: The input.
            attempt: Takes a `QueuedCall`, returns its result or a `RetryAfter`; raises `RefoldError` if it
                failed. It adds 1 to `item.attempts`.
            options: As for `Refold.batch`.
        """
        return cls(calls, FunctionRunner(attempt), BatchSettings(**options))

    def __repr__(self) -> str:
        tally, state = self._counters, "not begun" if self._pool is None else "under way"
        if self._seconds is not None:
            state = "ended"
        return f"Batch({state}, {tally.done} done, {tally.failed} failed, {tally.skipped} skipped)"

    async def __aenter__(self) -> Self:
        if self._pool is not None:
            raise SettingsError("a batch can be entered once; make another one")
        self._began = asyncio.get_running_loop().time()
        await self._runner.open()
        try:
            if self._settings.journal is not None:
                self._replay = await self._open_journal(self._settings.journal)
        except BaseException:
            self._runner.close()
            raise
        self._start()
        return self

    async def _open_journal(self, journal: str | os.PathLike[str] | Journal) -> JournalReplay:
        from refold_async.batch.journal.replay import JournalReplay  # noqa: PLC0415 - sqlite3 is loaded where it is used

        return await JournalReplay.open(journal, self._runner.base_url)

    def _start(self) -> None:
        settings, loop = self._settings, asyncio.get_running_loop()
        scheduler = FairScheduler(
            settings.account_bounds(), breadth=settings.concurrency, window=settings.window
        )
        attempt, screen = self._runner.attempt, None
        if self._replay is not None:
            attempt, screen = self._replay.around(attempt), self._replay.screen
        pool = self._pool = WorkerPool(
            attempt,
            scheduler,
            self._counters,
            concurrency=settings.concurrency,
            failure_limit=limit_of(settings),
        )
        self._reader = Reader(self._source, pool, scheduler, screen)
        self._runner.refusal = pool.refusal
        pool.on_stop = self._let_go
        pool.on_abandon = self._abandon
        pool.on_outcome = self._runner.on_outcome
        if self._replay is not None:
            self._runner.before_sending = self._replay.before_sending
            self._replay.on_failure = lambda: pool.stop("journal_failed")
        self._tasks.start(self._reader.work())
        for _ in range(settings.concurrency):
            self._tasks.start(pool.work())
        if (outer := deadlines.earlier(math.inf)) < math.inf:
            self._timers["deadline"] = loop.call_at(outer, pool.stop, "deadline")
        if settings.on_progress is not None:
            self._tick()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pool = self._running()
        left_early = not pool.over
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
                if self._replay is not None:
                    await self._replay.aclose()
        finally:
            self._runner.close()
            self._seconds = asyncio.get_running_loop().time() - self._began
            if self._settings.on_progress is not None:
                safely(self._settings.on_progress, self.progress)

    def _let_go(self) -> None:
        """Have nobody wait for what is not to be run any more."""
        self._runner.stop()
        if self._reader is not None:
            self._reader.stop()

    def _abandon_waiting(self) -> None:
        """Have it noted of each call cut off between two attempts how the first one ended."""
        for item in self._running().under_way:
            if item.error is not None:
                self._abandon(item, item.error)

    def _abandon(self, item: QueuedCall, error: RefoldError) -> None:
        self._runner.abandon(item, error)
        if self._replay is not None:
            self._replay.abandon(item, error)

    def _cut_off(self) -> None:
        """Start nothing more, and let everybody go."""
        pool = self._running()
        if not pool.over:
            pool.end()
        for timer in self._timers.values():
            timer.cancel()

    def __aiter__(self) -> Self:
        self._running()
        return self

    async def __anext__(self) -> Outcome:
        pool = self._pool or self._running()
        outcome = pool.take() or await pool.next()
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
        pool, reader = self._running(), self._reader
        assert reader is not None  # noqa: S101 - a batch that was entered has one
        reader.keep_within(window)
        return InOrder(pool.next, reader.deliver, self._raise)

    def stop(self) -> None:
        """Start nothing more: what is under way ends and is reported, the rest in hand is skipped."""
        self._running().stop("stopped")

    @property
    def under_way(self) -> tuple[Call, ...]:
        """The calls begun that have no outcome; after the block was left early, those that were cut off."""
        items = sorted(self._running().under_way, key=lambda item: item.index)
        return tuple(item.call for item in items)

    @property
    def summary(self) -> BatchSummary:
        """What the batch came to, so far or at its end."""
        pool = self._running()
        return self._counters.summary(
            seconds=self._elapsed(), under_way=len(pool.under_way), stopped=pool.stopped
        )

    @property
    def progress(self) -> BatchProgress:
        """How far the batch is."""
        pool, tally, elapsed = self._running(), self._counters, self._elapsed()
        read, total = (self._reader.read if self._reader else 0), self._source.total
        ended = tally.done + tally.failed + tally.skipped
        rate = ended / elapsed if elapsed > 0 else 0.0
        return BatchProgress(
            done=tally.done,
            failed=tally.failed,
            skipped=tally.skipped,
            under_way=len(pool.under_way),
            held=max(0, read - ended - len(pool.under_way)),
            read=read,
            total=total,
            elapsed=elapsed,
            rate=rate,
            left=(total - ended) / rate if total is not None and rate > 0 else None,
            ended=pool.over,
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
        if error is None and self._replay is not None:
            error = self._replay.error
        if error is None or self._told:
            return
        self._told = True
        if self.under_way:
            error.add_note(f"under way when the batch ended: {', '.join(map(repr, self.under_way[:20]))}")
        raise error

    def _running(self) -> WorkerPool:
        if self._pool is None:
            raise SettingsError("enter the batch first: `async with refold.batch(...) as outcomes:`")
        return self._pool
