"""The workers of a batch: they take calls in turn, attempt them, and put down what became of them."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from refold_async.batch import failures
from refold_async.batch.lanes import Lanes
from refold_async.batch.outcomes import Done, Failed, Outcome, Reason, Skipped
from refold_async.batch.rests import Rests
from refold_async.batch.summary import Connection, Tally
from refold_async.batch.tickets import Ticket
from refold_async.errors import RefoldError
from refold_async.pipeline import Again


class Skip(NamedTuple):
    """An attempt was not made."""

    reason: Reason


Attempt = Callable[[Ticket], Awaitable[object]]
"""Makes one attempt of a call: gives its result, an `Again`, or a `Skip`; raises `RefoldError` where
it failed for good. It counts itself in `ticket.attempts`."""


class Engine:
    """Runs the calls that are in hand, with a fixed number of workers over one scheduler.

    Args:
        attempt: Makes one attempt of a call.
        lanes: Whose call goes next.
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
        lanes: Lanes,
        tally: Tally,
        *,
        concurrency: int,
        failure_limit: Callable[[Tally], Reason | None],
    ) -> None:
        self._attempt: Final = attempt
        self._lanes: Final = lanes
        self._tally: Final = tally
        self._concurrency: Final = concurrency
        self._room: Final = 2 * concurrency
        self._failure_limit: Final = failure_limit
        self._clock: Final = asyncio.get_running_loop().time
        self._idle: Final = Rests()
        self._consumers: Final = Rests()
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = math.inf
        self._broken: set[Connection] = set()
        self.reading: Final = Rests()
        self.outcomes: Final[deque[Outcome]] = deque()
        self.under_way: Final[set[Ticket]] = set()
        self.on_stop: Callable[[], object] = lambda: None
        self.on_abandon: Callable[[Ticket, RefoldError], object] = lambda _ticket, _error: None
        self.on_outcome: Callable[[Outcome], object] | None = None
        self.stopped: Reason | None = None
        self.exhausted = False
        self.over = False

    async def work(self) -> None:
        """Run calls until the batch is over: the life of one worker."""
        attempt, clock, idle = self._attempt, self._clock, self._idle
        now = clock()
        while not self.over:
            ticket = self._begin(now)
            if ticket is None:
                if self.exhausted and not self._lanes.held:
                    return
                await idle.rest()
                now = clock()
                continue
            if self._broken and (reason := self.refusal(ticket)) is not None:
                self._skip(ticket, now, reason)
                continue
            try:
                answer = await attempt(ticket)
            except RefoldError as error:
                self._fail(ticket, now := clock(), error)
            else:
                self._hear(ticket, now := clock(), answer)

    def _begin(self, now: float) -> Ticket | None:
        """Take a call in turn, and count it among those under way, where one that is cancelled stays."""
        if len(self.outcomes) >= self._room:
            return None
        ticket = self._lanes.take(now)
        if ticket is None:
            self._arm()
            if self.reading.waiting and self._lanes.room() > 0:
                self.reading.wake()
            return None
        if self.reading.waiting:
            self._ask_for_more()
        if self._idle.waiting:
            if self._lanes.ready:
                self._wake()
            self._arm()
        self.under_way.add(ticket)
        if not ticket.attempts:
            ticket.started_at = now
        return ticket

    def _hear(self, ticket: Ticket, now: float, answer: object) -> None:
        if type(answer) is Again:
            self._again(ticket, now, answer)
        elif type(answer) is Skip:
            self._skip(ticket, now, answer.reason)
        else:
            self._lanes.release(ticket, now)
            self._conclude(ticket, now, Done, answer)

    def refusal(self, ticket: Ticket) -> Reason | None:
        """Say why a call that is about to be sent must not be, if so."""
        if self.stopped is not None:
            return self.stopped
        call = ticket.call
        return "reconnect" if (call.linked_account_id, call.slug) in self._broken else None

    def _again(self, ticket: Ticket, now: float, again: Again) -> None:
        if self.stopped is not None:
            self._abandon(ticket, now, again.error)
            self._lanes.release(ticket, now)
            return
        ticket.error = again.error
        if failures.is_of_the_app(again.error):
            self._lanes.throttle(ticket, now, again.wait)
        self._lanes.postpone(ticket, now, now + again.wait)
        if self._idle.waiting:
            self._arm()

    def _skip(self, ticket: Ticket, now: float, reason: Reason) -> None:
        self._lanes.release(ticket, now, well=False)
        if ticket.error is None:
            self._conclude(ticket, now, Skipped, reason)
        else:
            self._abandon(ticket, now, ticket.error)

    def _fail(self, ticket: Ticket, now: float, error: RefoldError) -> None:
        failures.name_call(error, ticket.call)
        throttled = failures.is_of_the_app(error)
        if throttled:
            self._lanes.throttle(ticket, now, error.retry_after or 0.0)
        self._lanes.release(ticket, now, well=not throttled)
        if error.needs_reconnect:
            connection = Connection(ticket.call.linked_account_id, ticket.call.slug)
            self._broken.add(connection)
            self._tally.reconnect[connection] = None
        self._conclude(ticket, now, Failed, error)
        self._stop_after(error)

    def _abandon(self, ticket: Ticket, now: float, error: RefoldError) -> None:
        """End a call that was to be tried again, and is not."""
        error.add_note(f"not tried again: the batch stopped ({self.stopped or 'reconnect'})")
        self.on_abandon(ticket, error)
        self._conclude(ticket, now, Failed, error)

    def _conclude(self, ticket: Ticket, now: float, kind: Callable[..., Outcome], what: object) -> None:
        self.under_way.discard(ticket)
        attempts = ticket.attempts
        started = ticket.started_at if attempts else now
        self._tally.rate_wait += ticket.paced
        self.put(
            kind(
                ticket.call,
                what,
                index=ticket.index,
                attempts=attempts,
                queued=started - ticket.read_at,
                elapsed=now - started,
            )
        )
        if self.exhausted:
            self.look_for_the_end()

    def put(self, outcome: Outcome) -> None:
        """Put down what became of a call."""
        self._tally.add(outcome)
        if self.on_outcome is not None:
            self.on_outcome(outcome)
        self.outcomes.append(outcome)
        if self._consumers.waiting:
            self._consumers.wake()

    def refuse(self, ticket: Ticket, error: RefoldError) -> None:
        """Put down that a call cannot be sent."""
        failures.name_call(error, ticket.call)
        self.count_failure(Failed(ticket.call, error, index=ticket.index))

    def count_failure(self, outcome: Failed) -> None:
        """Put down a failure, and stop where it is one too many."""
        self.put(outcome)
        self._stop_after(outcome.error)

    def _stop_after(self, error: RefoldError) -> None:
        served = self._tally.done > 0
        reason = failures.ends_the_batch(error, served=served) or self._failure_limit(self._tally)
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
        for ticket in self._lanes.drain():
            if ticket.error is None:
                self._conclude(ticket, now, Skipped, reason)
            else:
                self._abandon(ticket, now, ticket.error)
        self.on_stop()
        self.reading.wake_all()
        self.look_for_the_end()

    def added(self) -> None:
        """Hear that calls were added to the lanes."""
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
        if self.exhausted and not self.under_way and not self._lanes.held and not self.over:
            self.end()

    def end(self) -> None:
        """Let everybody go: all is done, or the batch is cut off."""
        self.over = True
        if self._timer is not None:
            self._timer.cancel()
        self._lanes.let_go()
        self._idle.wake_all()
        self.reading.wake_all()
        self._consumers.wake_all()

    def _wake(self) -> None:
        free = self._room - len(self.outcomes)
        if free > 0:
            self._idle.wake(self._lanes.startable(min(free, len(self._idle.waiting))))

    def _ask_for_more(self) -> None:
        if self._lanes.is_low() or (self._idle.waiting and self._lanes.room() > 0):
            self.reading.wake()

    def _arm(self) -> None:
        """See to it that somebody is woken when the next waiting call is due."""
        due = self._lanes.next_due()
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
