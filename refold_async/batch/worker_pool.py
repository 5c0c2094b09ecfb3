"""The workers of a batch: each takes the next call, attempts it, and puts its outcome in a queue."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from refold_async._core.pipeline import RetryAfter
from refold_async._core.retries import is_app_throttled
from refold_async.batch import failures
from refold_async.batch.history import RunHistory
from refold_async.batch.runner import CallRunner, Hold, RecordingError, Settled, Skip
from refold_async.batch.scheduler import FairScheduler, QueuedCall
from refold_async.batch.source import CallSource
from refold_async.batch.summary import Connection, Counters
from refold_async.batch.tasks import WaitQueue
from refold_async.calls import Done, Failed, Outcome, Reason, Skipped
from refold_async.errors import ClosedError, InterruptedRunError, RefoldError
from refold_async.hooks import Hooks, safely

_NOT_RESULTS: Final = frozenset({RetryAfter, Skip, Hold, Settled})
_settled_done: Final = partial(Done, settled=True)


class WorkerPool:
    """Runs queued calls with a fixed number of workers over one scheduler.

    Args:
        runner: Makes the attempts.
        scheduler: Decides whose call goes next.
        counters: Counts the outcomes.
        history: Counts what happened when.
        source: The input; a pending read is interrupted when the batch stops.
        hooks: Called with each outcome.
        concurrency: The number of workers.
        failure_limit: Called after a failure; returns why the batch stops, or `None`.

    Attributes:
        outcomes: Outcomes that the consumer has not taken yet.
        under_way: Calls that have begun and have no outcome.
        reader_queue: Where the reader waits until more input is needed.
        stopped: Why nothing more is started, or `None`.
        over: Whether the batch has ended.
        exhausted: Whether the input has been read to its end.
    """

    def __init__(
        self,
        runner: CallRunner,
        scheduler: FairScheduler,
        counters: Counters,
        history: RunHistory,
        source: CallSource,
        *,
        hooks: Sequence[Hooks],
        concurrency: int,
        failure_limit: Callable[[Counters], Reason | None],
    ) -> None:
        self._runner: Final = runner
        self._scheduler: Final = scheduler
        self._counters: Final = counters
        self._history: Final = history
        self._source: Final = source
        self._hooks: Final = hooks
        self._concurrency: Final = concurrency
        self._max_outcomes: Final = 2 * concurrency
        self._failure_limit: Final = failure_limit
        self._clock: Final = asyncio.get_running_loop().time
        self._began: Final = self._clock()
        self._idle: Final = WaitQueue()
        self._consumers: Final = WaitQueue()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due = math.inf
        self._disconnected: set[Connection] = set()
        self.reader_queue: Final = WaitQueue()
        self.outcomes: Final[deque[Outcome]] = deque()
        self.under_way: Final[set[QueuedCall]] = set()
        self.stopped: Reason | None = None
        self.exhausted = False
        self.over = False

    async def work(self) -> None:
        """Run calls until the batch is over: the main loop of one worker."""
        acquire, attempt = self._runner.acquire, self._runner.attempt
        clock, idle = self._clock, self._idle
        now = clock()
        while not self.over:
            queued = self._begin(now)
            if queued is None:
                if self.exhausted and not self._scheduler.held:
                    return
                await idle.wait()
                now = clock()
                continue
            if self._disconnected and (reason := self._reason_to_skip(queued)) is not None:
                self._skip(queued, now, reason)
                continue
            try:
                slot = acquire(queued)
                if slot is not None and not await self._wait_for(slot, queued):
                    now = clock()
                    continue
                answer = await attempt(queued)
            except RefoldError as error:
                self._fail(queued, now := clock(), error)
            except RecordingError as unrecorded:
                self.stop("journal_failed")
                self._finish_unrecorded(queued, now := clock(), unrecorded.answer)
            else:
                now = clock()
                if type(answer) in _NOT_RESULTS:
                    self._handle(queued, now, answer)
                else:  # inlined: most calls end here, and a method call is measurable
                    self._scheduler.release(queued, now)
                    self._finish(queued, now, Done, answer)

    def _begin(self, now: float) -> QueuedCall | None:
        """Take the next call and count it as under way; if it is cancelled, it stays there."""
        if len(self.outcomes) >= self._max_outcomes:
            return None
        queued = self._scheduler.take(now)
        if queued is None:
            self._set_timer()
            if self.reader_queue.waiting and self._scheduler.room() > 0:
                self.reader_queue.wake()
            return None
        if self.reader_queue.waiting:
            self._wake_reader()
        if self._idle.waiting:
            if self._scheduler.ready:
                self.wake_workers()
            self._set_timer()
        self.under_way.add(queued)
        if not queued.attempts:
            queued.started_at = now
        return queued

    async def _wait_for(self, slot: Awaitable[None], queued: QueuedCall) -> bool:
        """Wait for a slot of the rate limit, and return whether the call may still be sent."""
        await slot
        # The batch may have stopped, or the connection broken, during the wait.
        reason = self._reason_to_skip(queued)
        if reason is not None:
            self._skip(queued, self._clock(), reason)
        return reason is None

    def _handle(self, queued: QueuedCall, now: float, answer: object) -> None:
        if type(answer) is RetryAfter:
            self._postpone(queued, now, answer)
        elif type(answer) is Skip:
            self._skip(queued, now, answer.reason)
        elif type(answer) is Hold:
            self._hold(queued, now, answer)
        elif type(answer) is Settled:
            self._throttle_by(queued, now, answer.failure)
            self._scheduler.release(queued, now, succeeded=False)
            self.end_settled(queued, now, answer)
            if isinstance(answer.failure, ClosedError):
                self.stop("client_closed")
        else:
            self._scheduler.release(queued, now)
            self._finish(queued, now, Done, answer)

    def _hold(self, queued: QueuedCall, now: float, hold: Hold) -> None:
        if queued.attempts > queued.counted:
            self._note_attempt(queued, now, hold.error)
        queued.error = hold.error
        self._throttle_by(queued, now, hold.failure)
        if self.stopped is not None:
            self._scheduler.release(queued, now, succeeded=False)
            self._abandon(queued, now, hold.error)
            return
        self._scheduler.postpone(queued, now, hold.until)
        if self._idle.waiting:
            self._set_timer()

    def _throttle_by(self, queued: QueuedCall, now: float, failure: RefoldError | None) -> None:
        if failure is not None and is_app_throttled(failure):
            self._scheduler.throttle(queued, now, failure.retry_after or 0.0)

    def hold_back(self, queued: QueuedCall, hold: Hold) -> None:
        """Add a call that an earlier run left unknown, and that waits to be looked up."""
        queued.error = hold.error
        self._scheduler.add_delayed(queued, hold.until)
        self._set_timer()

    def end_settled(self, queued: QueuedCall, now: float, answer: Settled) -> None:
        """End a call with the verdict of its look-ups."""
        if answer.result is not None:
            self._finish(queued, now, _settled_done, answer.result)
            return
        failures.name_call(answer.error, queued.call)
        self._finish(queued, now, partial(Failed, verdict=answer.verdict), answer.error)
        # An earlier run's is no failure of this one: if it could stop the batch, no run would get past it.
        if not isinstance(answer.error, InterruptedRunError):
            self._stop_after(answer.error)

    def _finish_unrecorded(self, queued: QueuedCall, now: float, answer: object) -> None:
        """Finish a call whose outcome stands although the journal could not record it."""
        if isinstance(answer, RefoldError):
            self._fail(queued, now, answer)
        else:
            self._handle(queued, now, answer)

    def _reason_to_skip(self, queued: QueuedCall) -> Reason | None:
        """Return why a call must not be sent, or `None`."""
        if self.stopped is not None:
            return self.stopped
        call = queued.call
        return "reconnect" if (call.linked_account_id, call.slug) in self._disconnected else None

    def _note_attempt(self, queued: QueuedCall, now: float, error: RefoldError) -> None:
        """Count an attempt that failed."""
        self._note_repeat(queued)
        self._history.add_attempts(now - self._began, queued.attempts - queued.counted)
        self._history.add_error(now - self._began, error)
        queued.counted, queued.failure = queued.attempts, error

    def _note_repeat(self, queued: QueuedCall) -> None:
        """Count the failure of the attempt before the one that ended: only now was it made again."""
        if queued.failure is not None and queued.attempts > queued.counted:
            self._history.add_repeat(queued.failure)

    def _postpone(self, queued: QueuedCall, now: float, retry: RetryAfter) -> None:
        self._note_attempt(queued, now, retry.error)
        if self.stopped is not None:
            self._abandon(queued, now, retry.error)
            self._scheduler.release(queued, now)
            return
        queued.error = retry.error
        if is_app_throttled(retry.error):
            self._scheduler.throttle(queued, now, retry.wait)
        self._scheduler.postpone(queued, now, now + retry.wait)
        if self._idle.waiting:
            self._set_timer()

    def _skip(self, queued: QueuedCall, now: float, reason: Reason) -> None:
        self._scheduler.release(queued, now, succeeded=False)
        if queued.error is None:
            self._finish(queued, now, Skipped, reason)
        else:
            self._abandon(queued, now, queued.error)

    def _fail(self, queued: QueuedCall, now: float, error: RefoldError) -> None:
        failures.name_call(error, queued.call)
        if queued.attempts > queued.counted:
            self._note_attempt(queued, now, error)
        throttled = is_app_throttled(error)
        if throttled:
            self._scheduler.throttle(queued, now, error.retry_after or 0.0)
        self._scheduler.release(queued, now, succeeded=not throttled)
        if error.needs_reconnect:
            connection = Connection(queued.call.linked_account_id, queued.call.slug)
            self._disconnected.add(connection)
            self._counters.reconnect[connection] = None
        self._finish(queued, now, Failed, error)
        self._stop_after(error)

    def _abandon(self, queued: QueuedCall, now: float, error: RefoldError) -> None:
        """Fail a call that was waiting for another attempt, or to be looked up, and will not get that."""
        failures.name_call(error, queued.call)
        what = "retried" if queued.settling is None else "settled"
        error.add_note(f"not {what}: the batch stopped ({self.stopped or 'reconnect'})")
        self._runner.abandon(queued, error)
        self._finish(queued, now, Failed, error)

    def abandon_waiting(self) -> None:
        """Tell the runner of each call that was cut off between two attempts."""
        for queued in self.under_way:
            if queued.error is not None:
                self._runner.abandon(queued, queued.error)

    def _finish(self, queued: QueuedCall, now: float, kind: Callable[..., Outcome], what: object) -> None:
        self.under_way.discard(queued)
        if queued.failure is not None:
            self._note_repeat(queued)
        attempts = queued.attempts
        started = queued.started_at if attempts else now
        if queued.rate_wait:
            self._counters.rate_wait += queued.rate_wait
        outcome = kind(
            queued.call,
            what,
            index=queued.index,
            attempts=attempts,
            queued=started - queued.read_at,
            elapsed=now - started,
        )
        self._put(outcome, now, attempts - queued.counted)
        if self.exhausted:
            self.end_if_finished()

    def put(self, outcome: Outcome) -> None:
        """Add an outcome for the consumer."""
        self._put(outcome, self._clock())

    def _put(self, outcome: Outcome, now: float, attempts: int = 0) -> None:
        self._counters.add(outcome)
        self._history.add(now - self._began, outcome, attempts)
        if self._hooks:
            for hooks in self._hooks:
                safely(hooks.on_outcome, outcome)
        self.outcomes.append(outcome)
        if self._consumers.waiting:
            self._consumers.wake()

    def reject(self, queued: QueuedCall, error: RefoldError) -> None:
        """Fail a call that cannot be sent."""
        failures.name_call(error, queued.call)
        self.put_failure(Failed(queued.call, error, index=queued.index))

    def put_failure(self, outcome: Failed) -> None:
        """Add a failure for the consumer, and stop the batch if it is one too many."""
        self.put(outcome)
        self._stop_after(outcome.error)

    def _stop_after(self, error: RefoldError) -> None:
        served = self._counters.done > 0
        reason = failures.reason_to_stop(error, served=served) or self._failure_limit(self._counters)
        if reason is not None:
            self.stop(reason)

    async def get(self) -> Outcome | None:
        """Wait for the next outcome and return it, or `None` once the batch is over."""
        while (outcome := self.get_nowait()) is None and not self.over:
            await self._consumers.wait()
        return outcome

    def get_nowait(self) -> Outcome | None:
        """Return the next outcome if there is one already."""
        outcomes = self.outcomes
        if not outcomes:
            return None
        outcome = outcomes.popleft()
        # Equal, not below too: who waits for the consumer began to when there were twice as many.
        if len(outcomes) == self._concurrency:
            if self._idle.waiting and not self.over:
                self.wake_workers()
                self._set_timer()
            if self.reader_queue.waiting:
                self._wake_reader()
        return outcome

    def stop(self, reason: Reason) -> None:
        """Start nothing more: calls under way run to their end, queued calls are skipped."""
        if self.stopped is not None or self.over:
            return
        self.stopped = reason
        now = self._clock()
        for queued in self._scheduler.drain():
            if queued.error is None:
                self._finish(queued, now, Skipped, reason)
            else:
                self._abandon(queued, now, queued.error)
        self._runner.stop()
        self._source.interrupt()
        self.reader_queue.wake_all()
        self.end_if_finished()

    def throttled_next(self, now: float) -> tuple[str, float] | None:
        """Return the account that the batch waits for, as its app throttles it, and until when."""
        return self._scheduler.throttled_next(now)

    def wake_workers(self) -> None:
        """Wake as many idle workers as there are calls that may start."""
        free = self._max_outcomes - len(self.outcomes)
        if free > 0 and self._idle.waiting:
            self._idle.wake(self._scheduler.startable(min(free, len(self._idle.waiting))))

    def is_full(self) -> bool:
        """Whether the consumer is behind: too many outcomes are waiting for it."""
        return len(self.outcomes) >= self._max_outcomes

    def has_idle_workers(self) -> bool:
        """Whether a worker is waiting for a call."""
        return bool(self._idle.waiting)

    def end_if_finished(self) -> None:
        """End the batch if the input is exhausted and every call has its outcome."""
        if self.exhausted and not self.under_way and not self._scheduler.held and not self.over:
            self.end()

    def end(self) -> None:
        """Release everything that waits: all calls are done, or the batch is being closed early."""
        self.over = True
        if self._timer is not None:
            self._timer.cancel()
        self._scheduler.release_memory()
        self._idle.wake_all()
        self.reader_queue.wake_all()
        self._consumers.wake_all()

    def _wake_reader(self) -> None:
        if self._scheduler.is_low() or (self._idle.waiting and self._scheduler.room() > 0):
            self.reader_queue.wake()

    def _set_timer(self) -> None:
        """Wake a worker when the next waiting call is due."""
        due = self._scheduler.next_due()
        if due is None or self.over:
            return
        if self._timer is not None:
            if not self._timer.cancelled() and self._timer_due <= due:
                return
            self._timer.cancel()
        self._timer_due = due
        self._timer = asyncio.get_running_loop().call_at(due, self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        self._idle.wake()
