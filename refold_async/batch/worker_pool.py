"""The workers of a batch: they take calls in turn, attempt them, and put down what became of them."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from refold_async._core.pipeline import RetryAfter
from refold_async.batch import failures
from refold_async.batch.scheduler import FairScheduler, QueuedCall
from refold_async.batch.summary import Connection, Counters
from refold_async.batch.tasks import WaitQueue
from refold_async.calls import Done, Failed, Outcome, Reason, Skipped
from refold_async.errors import RefoldError


class Skip(NamedTuple):
    """An attempt was not made."""

    reason: Reason


Attempt = Callable[[QueuedCall], Awaitable[object]]
"""Makes one attempt of a call: gives its result, an `RetryAfter`, or a `Skip`; raises `RefoldError` where
it failed for good. It counts itself in `item.attempts`."""


class WorkerPool:
    """Runs the calls that are in hand, with a fixed number of workers over one scheduler.

    Args:
        attempt: Makes one attempt of a call.
        scheduler: Whose call goes next.
        tally: Counts the outcomes.
        concurrency: How many workers there are.
        failure_limit: Says after a failure why the batch stops, where it does.

    Attributes:
        outcomes: What ended and was not handed over yet.
        under_way: The calls begun that have no outcome.
        stopped: Why nothing more is started.
        over: Whether all is done.
        exhausted: Whether the reader is done with the input.
    """

    def __init__(
        self,
        attempt: Attempt,
        scheduler: FairScheduler,
        tally: Counters,
        *,
        concurrency: int,
        failure_limit: Callable[[Counters], Reason | None],
    ) -> None:
        self._attempt: Final = attempt
        self._scheduler: Final = scheduler
        self._counters: Final = tally
        self._concurrency: Final = concurrency
        self._room: Final = 2 * concurrency
        self._failure_limit: Final = failure_limit
        self._clock: Final = asyncio.get_running_loop().time
        self._idle: Final = WaitQueue()
        self._consumers: Final = WaitQueue()
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = math.inf
        self._broken: set[Connection] = set()
        self.reading: Final = WaitQueue()
        self.outcomes: Final[deque[Outcome]] = deque()
        self.under_way: Final[set[QueuedCall]] = set()
        self.on_stop: Callable[[], object] = lambda: None
        self.on_abandon: Callable[[QueuedCall, RefoldError], object] = lambda _item, _error: None
        self.on_outcome: Callable[[Outcome], object] | None = None
        self.stopped: Reason | None = None
        self.exhausted = False
        self.over = False

    async def work(self) -> None:
        """Run calls until the batch is over: the life of one worker."""
        attempt, clock, idle = self._attempt, self._clock, self._idle
        now = clock()
        while not self.over:
            item = self._begin(now)
            if item is None:
                if self.exhausted and not self._scheduler.held:
                    return
                await idle.rest()
                now = clock()
                continue
            if self._broken and (reason := self.refusal(item)) is not None:
                self._skip(item, now, reason)
                continue
            try:
                answer = await attempt(item)
            except RefoldError as error:
                self._fail(item, now := clock(), error)
            else:
                self._hear(item, now := clock(), answer)

    def _begin(self, now: float) -> QueuedCall | None:
        """Take a call in turn, and count it among those under way, where one that is cancelled stays."""
        if len(self.outcomes) >= self._room:
            return None
        item = self._scheduler.take(now)
        if item is None:
            self._arm()
            if self.reading.waiting and self._scheduler.room() > 0:
                self.reading.wake()
            return None
        if self.reading.waiting:
            self._ask_for_more()
        if self._idle.waiting:
            if self._scheduler.ready:
                self._wake()
            self._arm()
        self.under_way.add(item)
        if not item.attempts:
            item.started_at = now
        return item

    def _hear(self, item: QueuedCall, now: float, answer: object) -> None:
        if type(answer) is RetryAfter:
            self._again(item, now, answer)
        elif type(answer) is Skip:
            self._skip(item, now, answer.reason)
        else:
            self._scheduler.release(item, now)
            self._conclude(item, now, Done, answer)

    def refusal(self, item: QueuedCall) -> Reason | None:
        """Say why a call that is about to be sent must not be, if so."""
        if self.stopped is not None:
            return self.stopped
        call = item.call
        return "reconnect" if (call.linked_account_id, call.slug) in self._broken else None

    def _again(self, item: QueuedCall, now: float, again: RetryAfter) -> None:
        if self.stopped is not None:
            self._abandon(item, now, again.error)
            self._scheduler.release(item, now)
            return
        item.error = again.error
        if failures.is_of_the_app(again.error):
            self._scheduler.throttle(item, now, again.wait)
        self._scheduler.postpone(item, now, now + again.wait)
        if self._idle.waiting:
            self._arm()

    def _skip(self, item: QueuedCall, now: float, reason: Reason) -> None:
        self._scheduler.release(item, now, well=False)
        if item.error is None:
            self._conclude(item, now, Skipped, reason)
        else:
            self._abandon(item, now, item.error)

    def _fail(self, item: QueuedCall, now: float, error: RefoldError) -> None:
        failures.name_call(error, item.call)
        throttled = failures.is_of_the_app(error)
        if throttled:
            self._scheduler.throttle(item, now, error.retry_after or 0.0)
        self._scheduler.release(item, now, well=not throttled)
        if error.needs_reconnect:
            connection = Connection(item.call.linked_account_id, item.call.slug)
            self._broken.add(connection)
            self._counters.reconnect[connection] = None
        self._conclude(item, now, Failed, error)
        self._stop_after(error)

    def _abandon(self, item: QueuedCall, now: float, error: RefoldError) -> None:
        """End a call that was to be tried again, and is not."""
        error.add_note(f"not tried again: the batch stopped ({self.stopped or 'reconnect'})")
        self.on_abandon(item, error)
        self._conclude(item, now, Failed, error)

    def _conclude(self, item: QueuedCall, now: float, kind: Callable[..., Outcome], what: object) -> None:
        self.under_way.discard(item)
        attempts = item.attempts
        started = item.started_at if attempts else now
        self._counters.rate_wait += item.paced
        self.put(
            kind(
                item.call,
                what,
                index=item.index,
                attempts=attempts,
                queued=started - item.read_at,
                elapsed=now - started,
            )
        )
        if self.exhausted:
            self.look_for_the_end()

    def put(self, outcome: Outcome) -> None:
        """Put down what became of a call."""
        self._counters.add(outcome)
        if self.on_outcome is not None:
            self.on_outcome(outcome)
        self.outcomes.append(outcome)
        if self._consumers.waiting:
            self._consumers.wake()

    def refuse(self, item: QueuedCall, error: RefoldError) -> None:
        """Put down that a call cannot be sent."""
        failures.name_call(error, item.call)
        self.count_failure(Failed(item.call, error, index=item.index))

    def count_failure(self, outcome: Failed) -> None:
        """Put down a failure, and stop where it is one too many."""
        self.put(outcome)
        self._stop_after(outcome.error)

    def _stop_after(self, error: RefoldError) -> None:
        served = self._counters.done > 0
        reason = failures.ends_the_batch(error, served=served) or self._failure_limit(self._counters)
        if reason is not None:
            self.stop(reason)

    async def next(self) -> Outcome | None:
        """Give the next outcome as soon as there is one; `None` when the batch is over."""
        while (outcome := self.take()) is None and not self.over:
            await self._consumers.rest()
        return outcome

    def take(self) -> Outcome | None:
        """Give the next outcome, if there is one already."""
        outcomes = self.outcomes
        if not outcomes:
            return None
        outcome = outcomes.popleft()
        if len(outcomes) <= self._concurrency:
            if self._idle.waiting and not self.over:
                self._wake()
                self._arm()
            if self.reading.waiting:
                self._ask_for_more()
        return outcome

    def stop(self, reason: Reason) -> None:
        """Start nothing more: what is under way goes on to its end, what is in hand is skipped."""
        if self.stopped is not None or self.over:
            return
        self.stopped = reason
        now = self._clock()
        for item in self._scheduler.drain():
            if item.error is None:
                self._conclude(item, now, Skipped, reason)
            else:
                self._abandon(item, now, item.error)
        self.on_stop()
        self.reading.wake_all()
        self.look_for_the_end()

    def added(self) -> None:
        """Hear that calls were added to the scheduler."""
        if self._idle.waiting:
            self._wake()

    def has_room(self) -> bool:
        """Whether the consumer keeps up."""
        return len(self.outcomes) < self._room

    def is_idle(self) -> bool:
        """Whether a worker has nothing to do."""
        return bool(self._idle.waiting)

    def look_for_the_end(self) -> None:
        """End the batch where the input is read and every call of it has its outcome."""
        if self.exhausted and not self.under_way and not self._scheduler.held and not self.over:
            self.end()

    def end(self) -> None:
        """Let everybody go: all is done, or the batch is cut off."""
        self.over = True
        if self._timer is not None:
            self._timer.cancel()
        self._scheduler.let_go()
        self._idle.wake_all()
        self.reading.wake_all()
        self._consumers.wake_all()

    def _wake(self) -> None:
        free = self._room - len(self.outcomes)
        if free > 0:
            self._idle.wake(self._scheduler.startable(min(free, len(self._idle.waiting))))

    def _ask_for_more(self) -> None:
        if self._scheduler.is_low() or (self._idle.waiting and self._scheduler.room() > 0):
            self.reading.wake()

    def _arm(self) -> None:
        """See to it that somebody is woken when the next waiting call is due."""
        due = self._scheduler.next_due()
        if due is None or self.over:
            return
        if self._timer is not None:
            if not self._timer.cancelled() and self._rings_at <= due:
                return
            self._timer.cancel()
        self._rings_at = due
        self._timer = asyncio.get_running_loop().call_at(due, self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._idle.wake()
