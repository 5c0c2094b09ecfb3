"""`Batch`: what a program holds of a fan-out."""

from __future__ import annotations

import asyncio
import functools
import math
import os
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Final, NoReturn, Self

import msgspec

from refold_async import deadlines
from refold_async._core.checks import check_count, check_seconds
from refold_async.batch.failures import failure_limit
from refold_async.batch.history import RunHistory
from refold_async.batch.in_order import InOrder
from refold_async.batch.journal import Journal
from refold_async.batch.journal.opened import OpenJournal
from refold_async.batch.reader import Reader
from refold_async.batch.result_check import CheckingRunner
from refold_async.batch.runner import CallRunner, ManagedRunner
from refold_async.batch.scheduler import FairScheduler
from refold_async.batch.settings import BatchSettings
from refold_async.batch.settling import SettlingRunner
from refold_async.batch.source import Calls, CallSource
from refold_async.batch.status import BatchStatus
from refold_async.batch.summary import BatchProgress, BatchSummary, Counters
from refold_async.batch.tasks import BatchTasks, run_shielded
from refold_async.batch.validation import CallValidator, ValidatingRunner
from refold_async.batch.worker_pool import WorkerPool
from refold_async.calls import Call, Done, Outcome
from refold_async.errors import SettingsError
from refold_async.hooks import Hooks, safely

if TYPE_CHECKING:
    from refold_async.batch.figures import RunFigures
    from refold_async.batch.journal.replay import JournalReplay

_PROGRESS_INTERVAL: Final = 0.25
_RECORD_INTERVALS: Final = 0.1, 2.0


class BatchReport(msgspec.Struct, frozen=True):
    """What `Refold.run` returns.

    Attributes:
        outcomes: One for each call, in the order of the input.
        summary: The totals.
    """

    outcomes: list[Outcome]
    summary: BatchSummary


class Batch:
    """A running fan-out: made by `Refold.batch`, entered with `async with`, iterated for outcomes.

    Outcomes come as calls end; a slow consumer slows the batch. Leaving the block early cancels the calls
    under way; `under_way` then names them.

    With a journal, an outcome is delivered when the next one is asked for, or when the block is left
    without an exception. A resumed run hands those over that were not.

    If the batch cannot go on (the input raises, the journal fails), it starts nothing more, reports the
    calls under way, skips the queued ones, and then raises that error from the iteration, or at the end of
    the block.
    """

    def __init__(
        self,
        calls: Calls,
        runner: ManagedRunner,
        settings: BatchSettings,
        hooks: Sequence[Hooks] = (),
        validator: CallValidator | None = None,
    ) -> None:
        self._source: Final = CallSource(calls)
        self._runner: Final = runner
        self._settings: Final = settings
        self._hooks: Final = hooks
        self._validator: Final = validator
        self._counters: Final = Counters()
        self._history: Final = RunHistory()
        self._tasks: Final = BatchTasks(self._end)
        self._pool: WorkerPool | None = None
        self._reader: Reader | None = None
        self._replay: JournalReplay | None = None
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._began_at = datetime.now(UTC)
        self._status: BatchStatus | None = None
        self._raised = False
        self._handed: list[int] = []
        self._delivers = True

    def __repr__(self) -> str:
        counters, state = self._counters, "not started" if self._pool is None else "running"
        if self._status is not None and self._status.seconds is not None:
            state = "ended"
        return f"Batch({state}, {counters.done} done, {counters.failed} failed, {counters.skipped} skipped)"

    async def __aenter__(self) -> Self:
        if self._pool is not None:
            raise SettingsError("a batch can be entered only once; create another one")
        began, self._began_at = asyncio.get_running_loop().time(), datetime.now(UTC)
        await self._runner.open()
        try:
            if self._settings.journal is not None:
                self._replay = await self._open_journal(self._settings.journal)
        except BaseException:
            self._runner.close()
            raise
        self._start(began)
        return self

    if not TYPE_CHECKING:  # type checkers report these uses themselves

        def __enter__(self) -> NoReturn:
            raise TypeError("a batch is asynchronous; use `async with refold.batch(...) as outcomes`")

        def __exit__(self, *_: object) -> None:
            pass

        def __await__(self) -> NoReturn:
            raise TypeError(
                "a batch is not awaitable; use `async with refold.batch(...) as outcomes`,"
                " or `await refold.run(...)` for all outcomes at once"
            )

    async def _open_journal(self, journal: str | os.PathLike[str] | Journal | OpenJournal) -> JournalReplay:
        from refold_async.batch.journal.replay import JournalReplay  # noqa: PLC0415 - sqlite3 is loaded when used

        settles = self._settings.settle is not None
        return await JournalReplay.open(journal, self._runner.base_url, settles=settles)

    def _start(self, began: float) -> None:
        settings, replay, loop = self._settings, self._replay, asyncio.get_running_loop()
        runner: CallRunner = self._runner
        if settings.result_check is not None:
            runner = CheckingRunner(runner, settings.result_check)
        if replay is not None:
            runner = replay.recording(runner)
        resume = None
        if settings.settle is not None:
            runner = SettlingRunner(runner, self._runner, settings.settle, replay)
            resume = runner.resume
        if self._validator is not None:
            runner = ValidatingRunner(runner, self._validator)
        scheduler = FairScheduler(
            settings.account_bounds(), breadth=settings.concurrency, window=settings.window
        )
        pool = self._pool = WorkerPool(
            runner,
            scheduler,
            self._counters,
            self._history,
            self._source,
            hooks=self._hooks,
            concurrency=settings.concurrency,
            failure_limit=failure_limit(settings),
        )
        known_outcomes = None if replay is None else replay.known_outcomes
        self._reader = Reader(self._source, pool, scheduler, known_outcomes, resume)
        self._status = BatchStatus(
            self._counters, self._runner, pool, self._reader, self._source, began=began
        )
        self._tasks.start(self._reader.work())
        for _ in range(settings.concurrency):
            self._tasks.start(pool.work())
        if (outer := deadlines.earlier(math.inf)) < math.inf:
            self._timers["deadline"] = loop.call_at(outer, pool.stop, "deadline")
        if settings.on_progress is not None:
            self._report_progress()
        if replay is not None:
            self._timers["figures"] = loop.call_later(_RECORD_INTERVALS[0], self._record_figures)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pool = self._entered()
        left_early = not pool.over
        self._end()
        if left_early:
            self._tasks.cancel()
        try:
            await self._tasks.join()
        finally:
            pool.abandon_waiting()
            if error is None:
                self._deliver_handed()
            await run_shielded(self._close())
        if error is None:
            self._raise()

    async def _close(self) -> None:
        """Close the input, the journal and the session, even if one of them fails to close."""
        try:
            try:
                await self._source.aclose()
            finally:
                self._entered_status().end()
                if self._replay is not None:
                    try:
                        self._record_figures()
                    finally:  # it must not stay locked, whatever happens
                        await self._replay.aclose()
        finally:
            self._runner.close()
            if self._settings.on_progress is not None:
                safely(self._settings.on_progress, self.progress)

    def _end(self) -> None:
        """Start nothing more, and wake everything that waits."""
        pool = self._entered()
        if not pool.over:
            pool.end()
        for timer in self._timers.values():
            timer.cancel()

    def __aiter__(self) -> Self:
        self._entered()
        return self

    async def __anext__(self) -> Outcome:
        pool = self._pool or self._entered()
        if self._handed:
            self._deliver_handed()
        outcome = pool.get_nowait() or await pool.get()
        if outcome is None:
            self._raise()
            raise StopAsyncIteration
        if self._replay is not None:
            self._handed.append(outcome.index)
        return outcome

    async def groups(
        self, *, least: int = 1, within: float | None = None, size: int | None = None
    ) -> AsyncGenerator[list[Outcome]]:
        """Iterate over lists of the outcomes that there are.

        A group is delivered when the next one is asked for: write it to where it must not be lost first.

        Args:
            least: Wait until a group has so many outcomes, the last one excepted. Default 1.
            within: Wait so many seconds at most once there is one. Default: as long as it takes.
            size: Wait no longer once its results have so many bytes. Default: however large they are.
        """
        check_count("least", least)
        if within is not None:
            check_seconds("within", within)
        pool = self._entered()
        while True:
            try:
                group = [await anext(self)]
            except StopAsyncIteration:
                return
            while outcome := pool.get_nowait():
                group.append(outcome)
            if len(group) < least:
                await self._fill(group, least, within, math.inf if size is None else size)
            if self._replay is not None:
                self._handed.extend(each.index for each in group[1:])
            yield group

    async def _fill(self, group: list[Outcome], least: int, within: float | None, size: float) -> None:
        """Wait for more outcomes of a group."""
        pool = self._entered()
        held = sum(map(_size_of, group))
        try:
            async with asyncio.timeout(within):
                while len(group) < least and held < size and (outcome := await pool.get()):
                    group.append(outcome)
                    held += _size_of(outcome)
        except TimeoutError:
            return
        except BaseException:
            # Nobody has seen them: whoever handles the cancellation can ask for them again.
            pool.outcomes.extendleft(reversed(group))
            self._handed.clear()
            raise

    async def collect(self) -> list[Outcome]:
        """Return all outcomes to come; they are delivered when the block is left without an exception."""
        pool, outcomes = self._entered(), []
        while (outcome := pool.get_nowait() or await pool.get()) is not None:
            outcomes.append(outcome)
        self._handed.extend(outcome.index for outcome in outcomes)
        self._raise()
        return outcomes

    def keep_undelivered(self) -> None:
        """Deliver nothing more: a resumed run hands over again what was taken last, and all that follows."""
        self._delivers = False

    def _deliver_handed(self) -> None:
        """Record that the outcomes which the consumer has taken are delivered."""
        if self._replay is not None and self._delivers:
            for index in self._handed:
                self._replay.delivered(index)
        self._handed.clear()

    def in_order(self, *, window: int = 1000) -> InOrder:
        """Iterate over the outcomes in the order of the input.

        Args:
            window: How far past the oldest call without an outcome the input is read; outcomes that come
                early are kept until then. Default 1,000.

        Raises:
            SettingsError: If `window` is below 1.
        """
        check_count("window", window)
        pool, reader = self._entered(), self._reader
        assert reader is not None  # noqa: S101 - a batch that was entered has one
        reader.limit_to(window)
        handed = functools.partial(self._hand_in_order, reader)
        return InOrder(pool.get, handed, self._deliver_handed, self._raise)

    def _hand_in_order(self, reader: Reader, outcome: Outcome, number: int) -> None:
        reader.delivered(number)
        if self._replay is not None:
            self._handed.append(outcome.index)

    def stop(self) -> None:
        """Start nothing more: calls under way end and are reported, queued ones are skipped."""
        self._entered().stop("stopped")

    @property
    def under_way(self) -> tuple[Call, ...]:
        """The calls that have begun and have no outcome; after leaving early, those that were cancelled."""
        calls = {queued.index: queued.call for queued in self._entered().under_way}
        return tuple(calls[index] for index in sorted(calls))

    @property
    def under_way_at(self) -> tuple[int, ...]:
        """The positions in the input of the calls in `under_way`."""
        return tuple(sorted(queued.index for queued in self._entered().under_way))

    @property
    def entered(self) -> bool:
        """Whether it was entered, so that it has a summary."""
        return self._pool is not None

    @property
    def resumed(self) -> bool:
        """Whether its journal has calls of an earlier run."""
        self._entered()
        return self._replay is not None and not self._replay.fresh

    @property
    def summary(self) -> BatchSummary:
        """The totals so far, or at the end."""
        return self._entered_status().summary(None if self._replay is None else self._replay.recorded)

    @property
    def progress(self) -> BatchProgress:
        """The progress so far."""
        return self._entered_status().progress()

    async def write_report(self, path: str | os.PathLike[str], *, title: str = "Batch") -> None:
        """Write a report of the run so far to a file: a page if it ends in `.html`, else figures in `.json`.

        Only its owner may read the file. Call it after the block for the whole run.

        Args:
            path: The file; an existing one is replaced.
            title: What was run, as its heading.

        Raises:
            SettingsError: If the path ends in neither.
            OSError: If the file cannot be written.
        """
        from refold_async import reports  # noqa: PLC0415 - loaded when used

        form = reports.form_of(path)
        run = self.figures(title)
        await asyncio.to_thread(lambda: reports.write(path, form(run)))

    def figures(self, title: str) -> RunFigures:
        """Return the figures of the run so far, for a report with a title."""
        from refold_async.batch.figures import figures  # noqa: PLC0415 - loaded when used

        return figures(
            title,
            self.summary,
            self._history,
            self._counters.latencies.steps(),
            began=self._began_at,
            ended=self._entered().over,
            rate_limit=self._runner.rate_limit,
            run=None if self._replay is None else self._replay.run,
        )

    def _record_figures(self) -> None:
        """Record the figures so far in the journal: often at first, then every two seconds."""
        if self._replay is None:
            return
        from refold_async.batch.figures import encode_figures  # noqa: PLC0415 - loaded when used

        self._replay.record_run(encode_figures(self.figures("Batch")))
        if not self._entered().over:
            wait = min(max(self._entered_status().elapsed(), _RECORD_INTERVALS[0]), _RECORD_INTERVALS[1])
            loop = asyncio.get_running_loop()
            self._timers["figures"] = loop.call_later(wait, self._record_figures)

    def _report_progress(self) -> None:
        if self._settings.on_progress is not None and not self._entered().over:
            safely(self._settings.on_progress, self.progress)
            self._timers["progress"] = asyncio.get_running_loop().call_later(
                _PROGRESS_INTERVAL, self._report_progress
            )

    def _raise(self) -> None:
        """Raise the error that ended the batch, once."""
        error = self._tasks.error
        if error is None and self._reader is not None:
            error = self._reader.error
        if error is None and self._replay is not None:
            error = self._replay.error
        if error is None or self._raised:
            return
        self._raised = True
        if self.under_way:
            error.add_note(f"under way when the batch ended: {', '.join(map(repr, self.under_way[:20]))}")
        raise error

    def _entered_status(self) -> BatchStatus:
        self._entered()
        assert self._status is not None  # noqa: S101 - a batch that was entered has one
        return self._status

    def _entered(self) -> WorkerPool:
        if self._pool is None:
            raise SettingsError("enter the batch first: `async with refold.batch(...) as outcomes:`")
        return self._pool


def _size_of(outcome: Outcome) -> int:
    return len(memoryview(outcome.result.raw)) if isinstance(outcome, Done) else 0
