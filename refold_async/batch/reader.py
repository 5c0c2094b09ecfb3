"""Reads the input ahead of the workers, as far as fair turns between accounts need it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from refold_async import calls as call_checks
from refold_async.batch.runner import Hold, RecordingError, Settled
from refold_async.batch.scheduler import FairScheduler, QueuedCall
from refold_async.batch.source import CallSource
from refold_async.batch.worker_pool import WorkerPool
from refold_async.calls import Call, Failed, Outcome, Skipped
from refold_async.errors import InterruptedRunError, InvalidCallError, JournalError, RefoldError

_READ_SIZE: Final = 256
"""Calls read at a time, so that a long read does not block the event loop."""

KnownOutcomes = Callable[[Sequence[QueuedCall]], Awaitable[Sequence[Outcome | None]]]
"""Returns the outcome of each call that a journal says need not be run, else `None`."""

Resume = Callable[[QueuedCall, RefoldError], Awaitable[Hold | Settled | None]]
"""Returns what `SettlingRunner.resume` does."""


class Reader:
    """Reads calls into the scheduler while there is room for them.

    Args:
        source: The input.
        pool: Runs the calls.
        scheduler: Queues the calls.
        known_outcomes: Looks calls up in the journal, if there is one.
        resume: Settles a call that an earlier run left unknown, if the batch settles.

    Attributes:
        read: Calls read so far.
        error: Why reading ended early.
    """

    def __init__(
        self,
        source: CallSource,
        pool: WorkerPool,
        scheduler: FairScheduler,
        known_outcomes: KnownOutcomes | None,
        resume: Resume | None = None,
    ) -> None:
        self._source: Final = source
        self._pool: Final = pool
        self._scheduler: Final = scheduler
        self._known_outcomes: Final = known_outcomes
        self._resume: Final = resume
        self._clock: Final = asyncio.get_running_loop().time
        self._window: int | None = None
        self._delivered = 0
        self.read = 0
        self.error: BaseException | None = None

    async def work(self) -> None:
        """Read until the input ends or the batch stops: the main loop of the reader."""
        pool, source = self._pool, self._source
        suspended = True
        while not source.ended and pool.stopped is None and not pool.over:
            room = self._room()
            if room <= 0:
                await pool.reader_queue.wait()
                suspended = True
            elif suspended:
                await self._admit(await source.read(room))
                suspended = False
            else:
                # A synchronous input never suspends: without this, the workers would not run meanwhile.
                await asyncio.sleep(0)
                suspended = True
        if source.error is not None:
            await asyncio.sleep(0)  # idle workers start the calls before it
            self.error = source.error
            pool.stop("input_failed")
        pool.exhausted = True
        pool.end_if_finished()

    def limit_to(self, window: int) -> None:
        """Read no further than `window` calls past the last one delivered in order."""
        self._window = window

    def delivered(self, number: int) -> None:
        """Note how many calls have been delivered in order, and read on if there is room again."""
        self._delivered = number
        if self._window is None:
            return
        if 2 * (self.read - number) <= self._window or self._pool.has_idle_workers():
            self._pool.reader_queue.wake()

    def _room(self) -> int:
        if self._pool.is_full():
            return 0
        room = min(self._scheduler.room(), _READ_SIZE)
        if self._window is None:
            return room
        return min(room, self._delivered + self._window - self.read)

    async def _admit(self, calls: list[Call]) -> None:
        """Add calls to the scheduler, except those whose outcome is known."""
        now = self._clock()
        admitted = []
        for index, call in enumerate(calls, self.read):
            queued = QueuedCall(call, index, now)
            try:
                call_checks.check(call)
            except InvalidCallError as error:
                self._pool.reject(queued, error)
            else:
                admitted.append(queued)
        self.read += len(calls)
        if self._known_outcomes is not None and admitted:
            admitted = await self._without_known(admitted, self._known_outcomes)
        # The batch may have stopped during the look-up; what is added now would never be drained.
        reason = self._pool.stopped
        add = self._scheduler.add
        for queued in admitted:
            if reason is None:
                add(queued)
            else:
                self._pool.put(Skipped(queued.call, reason, index=queued.index))
        self._pool.wake_workers()

    async def _without_known(self, calls: list[QueuedCall], look_up: KnownOutcomes) -> list[QueuedCall]:
        """Put the outcomes that the journal knows, and return the other calls."""
        try:
            outcomes = await look_up(calls)
        except JournalError as error:
            self.error = error
            self._pool.stop("journal_failed")
            return calls
        for queued, outcome in zip(calls, outcomes, strict=True):
            if isinstance(outcome, Failed):
                await self._put_failure(queued, outcome)
            elif outcome is not None:
                self._pool.put(outcome)
        return [queued for queued, outcome in zip(calls, outcomes, strict=True) if outcome is None]

    async def _put_failure(self, queued: QueuedCall, outcome: Failed) -> None:
        """Put a failure that an earlier run left, or have it settled."""
        pool = self._pool
        answer: object = None
        if self._resume is not None and pool.stopped is None:
            try:
                answer = await self._resume(queued, outcome.error)
            except RecordingError as unrecorded:
                pool.stop("journal_failed")
                answer = unrecorded.answer
        if isinstance(answer, Settled):
            pool.end_settled(queued, self._clock(), answer)
        elif isinstance(answer, Hold) and pool.stopped is None:
            pool.hold_back(queued, answer)
        elif isinstance(outcome.error, InterruptedRunError):
            # No failure of this run: if it could stop the batch, no resumed run would get past it.
            pool.put(outcome)
        else:
            pool.put_failure(outcome)
