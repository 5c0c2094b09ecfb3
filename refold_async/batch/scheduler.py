"""Whose call goes next: a queue for each account, and turns between them. No clock, no I/O.

A queue is listed for a turn while it has a call that may start. Taking a call takes a permit of its
queue, and gives the queue its next turn after everybody else's. A call that waits for another attempt
holds no permit; it comes back at the head of its queue. A queue that is paused, or over its rate, is
left out until its time comes.

The queue is the account's, whichever app a call is for: all work for one account shares a quota, and one that
throttles pauses its calls for other apps too.
"""

from __future__ import annotations

import heapq
import sys
from collections import deque
from itertools import count
from typing import Any, Final

import msgspec

from refold_async._core.rate_limits import BucketState
from refold_async.batch.settings import PerAccount
from refold_async.calls import Call
from refold_async.errors import RefoldError


class AccountQueue:
    """The calls of one account that are in hand.

    Attributes:
        account: The linked account's id.
        calls: Its calls that wait to be started.
        running: Its calls under way.
        delayed: Its calls that wait for another attempt.
        allowed: Calls that may be under way: the bound, or fewer while its app throttles.
        bucket: Its rate, where it has one.
        expiring: Whether it is kept, though it is empty, until its rate and its pause mean nothing any more.
        listed: Whether it is in line for a turn, or a timer will see to that.
        paused_until: When the pause that its app asked for ends.
        kept_until: When its rate and its pause will mean nothing any more.
        throttles: Throttled answers since the last success.
    """

    __slots__ = (
        "account", "allowed", "bucket", "calls", "delayed", "expiring", "kept_until", "listed",
        "paused_until", "running", "throttles",
    )  # fmt: skip

    def __init__(self, account: str, allowed: int, bucket: BucketState | None) -> None:
        self.account = account
        self.calls: deque[QueuedCall] = deque()
        self.running = self.delayed = self.throttles = 0
        self.allowed = allowed
        self.bucket = bucket
        self.expiring = self.listed = False
        self.paused_until = self.kept_until = 0.0

    def next_start(self, now: float) -> float:
        """Give the moment when its next call may start, its permits aside."""
        rate = 0.0 if self.bucket is None else self.bucket.wait(now)
        return max(self.paused_until, now + rate)


_NO_QUEUE: Final = AccountQueue("", 0, None)


class QueuedCall(msgspec.Struct, eq=False):
    """A call on its way through a batch: its place in the input, and how far it is.

    Attributes:
        call: What is to be run.
        index: Its place in the input, from 0.
        read_at: When it was read, by the event loop's clock.
        started_at: When its first attempt began; that of its taking until then.
        attempts: Attempts begun.
        rate_wait: Seconds waited for the rate limit.
        error: How its last attempt failed, until the next one is sent.
        queue: The queue of its account, once the scheduler has it.
        state: What the runner keeps between attempts.
        journal_key: How the journal identifies it.
    """

    call: Call
    index: int
    read_at: float
    started_at: float = 0.0
    attempts: int = 0
    rate_wait: float = 0.0
    error: RefoldError | None = None
    queue: AccountQueue = _NO_QUEUE
    state: Any = None
    journal_key: Any = None


_LONGEST_BACKOFF: Final = 60.0
_FIRST_BACKOFF: Final = 1.0


class FairScheduler:
    """The calls in hand, and whose goes next. Every method that needs the time takes it, in seconds.

    Args:
        bounds: What one account may take.
        breadth: Accounts with a call that may start, of which twice as many are enough to hold.
        window: Calls to hold at most.

    Attributes:
        held: Calls in hand that are not under way.
        ready: The queues in line for a turn.
    """

    def __init__(self, bounds: PerAccount, *, breadth: int, window: int) -> None:
        self._limit: Final = bounds.concurrency or sys.maxsize
        self._rate: Final = bounds.rate
        self._refill: Final = 0.0 if bounds.rate is None else bounds.rate.burst / bounds.rate.per_second
        self._breadth: Final = breadth
        self._window: Final = window
        self._queues: dict[str, AccountQueue] = {}
        self._timers: list[tuple[float, int, AccountQueue, QueuedCall | None]] = []
        self._expiring: list[tuple[float, int, AccountQueue]] = []
        self._reusable: list[AccountQueue] = []
        self._order = count()
        self.ready: Final[deque[AccountQueue]] = deque()
        self.held = 0

    def room(self) -> int:
        """Give how many more calls to read now: none where enough accounts have one that may start."""
        return max(0, min(2 * self._breadth - len(self.ready), self._window - self.held))

    def is_low(self) -> bool:
        """Whether it is time to read on: some way below the bound, so that reading comes in batches."""
        return len(self.ready) < self._breadth and self.held <= self._window - (self._window >> 3) - 1

    def add(self, queued: QueuedCall) -> None:
        """Take a call in hand, at the end of its account's queue."""
        account = queued.call.linked_account_id
        queue = self._queues.get(account)
        if queue is None:
            queue = self._queues[account] = self._new(account)
        queued.queue = queue
        queue.calls.append(queued)
        self.held += 1
        if not queue.listed and queue.running < queue.allowed:
            queue.listed = True
            self.ready.append(queue)

    def take(self, now: float) -> QueuedCall | None:
        """Give the next call to start, and take a permit of its queue; `None` where none may start."""
        if self._timers and self._timers[0][0] <= now:
            self._release_due(now)
        if self._expiring and self._expiring[0][0] <= now:
            self._expire(now)
        ready = self.ready
        while ready:
            queue = ready.popleft()
            queue.listed = False
            if not queue.calls or queue.running >= queue.allowed:
                continue
            if queue.bucket is not None or queue.paused_until:
                if (start := queue.next_start(now)) > now:
                    self._wait_until(queue, start)
                    continue
                if queue.bucket is not None:
                    queue.bucket.take(now)
                    queue.kept_until = max(queue.kept_until, now + self._refill)
            queued = queue.calls.popleft()
            queue.running += 1
            self.held -= 1
            if queue.calls and queue.running < queue.allowed:
                queue.listed = True
                ready.append(queue)
            return queued
        return None

    def release(self, queued: QueuedCall, now: float, *, succeeded: bool = True) -> None:
        """Give a call's permit back, as it ended; where it went well, a slowed queue may run more at once."""
        queue = queued.queue
        queue.running -= 1
        if succeeded and (queue.throttles or queue.allowed < self._limit) and queue.paused_until <= now:
            queue.throttles = 0
            queue.allowed = min(self._limit, queue.allowed * 2)
        self._update(queue, now)

    def postpone(self, queued: QueuedCall, now: float, at: float) -> None:
        """Give a call's permit back until it is tried again, at some moment."""
        queue = queued.queue
        queue.running -= 1
        queue.delayed += 1
        self.held += 1
        heapq.heappush(self._timers, (at, next(self._order), queue, queued))
        self._update(queue, now)

    def throttle(self, queued: QueuedCall, now: float, minimum: float) -> None:
        """Pause a call's queue, as its app said that it is too much; then try one call at a time.

        Args:
            queued: The call that was refused.
            now: The time.
            minimum: Seconds that the app asks for; the pause doubles with each one that was in vain.
        """
        queue = queued.queue
        wait = minimum
        if queue.paused_until <= now:
            wait = max(minimum, min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0**queue.throttles))
            queue.throttles = min(queue.throttles + 1, 10)
        queue.paused_until = max(queue.paused_until, now + wait)
        queue.kept_until = max(queue.kept_until, queue.paused_until)
        queue.allowed = 1

    def next_due(self) -> float | None:
        """Give the moment when a call that waits may start; `None` where none waits for a moment."""
        return self._timers[0][0] if self._timers else None

    def startable(self, limit: int) -> int:
        """Count the calls that may start now, up to a limit; pauses not yet noticed aside."""
        number = 0
        for queue in self.ready:
            number += min(len(queue.calls), queue.allowed - queue.running)
            if number >= limit:
                return limit
        return number

    def drain(self) -> list[QueuedCall]:
        """Give all calls in hand back, in the order in which they were read."""
        drained = [queued for *_, queued in self._timers if queued is not None]
        for queue in self._queues.values():
            drained.extend(queue.calls)
            queue.calls.clear()
            queue.delayed, queue.listed = 0, False
        self._timers.clear()
        self.ready.clear()
        self.held = 0
        drained.sort(key=lambda queued: queued.index)
        return drained

    def release_memory(self) -> None:
        """Keep no queue to be used again: an ended batch stays in memory until the garbage is collected."""
        self._reusable.clear()

    def _new(self, account: str) -> AccountQueue:
        """Make a queue, or use again one without a history: where accounts have a call each, that counts."""
        if self._reusable:
            queue = self._reusable.pop()
            queue.account = account
            return queue
        return AccountQueue(account, self._limit, None if self._rate is None else BucketState(self._rate))

    def _release_due(self, now: float) -> None:
        """Let come back what waited for a moment that is past."""
        timers = self._timers
        while timers and timers[0][0] <= now:
            _, _, queue, queued = heapq.heappop(timers)
            if queued is None:
                queue.listed = False
            else:
                queue.delayed -= 1
                queue.calls.appendleft(queued)
            self._update(queue, now)

    def _expire(self, now: float) -> None:
        """Let go of the empty queues whose rate and pause mean nothing any more."""
        while self._expiring and self._expiring[0][0] <= now:
            *_, queue = heapq.heappop(self._expiring)
            queue.expiring = False
            self._update(queue, now)

    def _update(self, queue: AccountQueue, now: float) -> None:
        """Put a queue in line if it has a call that may start; forget it if it is empty.

        One whose rate or pause still means something is kept until it does not.
        """
        if queue.listed:
            return
        if queue.calls:
            if queue.running < queue.allowed:
                queue.listed = True
                self.ready.append(queue)
        elif not (queue.running or queue.delayed or queue.expiring):
            if queue.kept_until > now:
                queue.expiring = True
                heapq.heappush(self._expiring, (queue.kept_until, next(self._order), queue))
            else:
                self._queues.pop(queue.account, None)
                if not queue.kept_until:
                    self._reusable.append(queue)

    def _wait_until(self, queue: AccountQueue, until: float) -> None:
        queue.listed = True
        heapq.heappush(self._timers, (until, next(self._order), queue, None))
