"""Fair scheduling: one queue per account, served round-robin. No clock, no I/O.

A queue is ready while it has a call that may start. Taking a call takes a permit of its queue and moves
the queue behind all others. A call that waits for another attempt holds no permit; it returns to the head
of its queue. A queue that is paused, or over its rate, is not ready until that has passed.

An account has one queue for all its apps: all work for one account shares a quota, so an app that
throttles pauses the account's calls to other apps too.
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
    """The queued calls of one account.

    Attributes:
        account: The linked account's id.
        calls: Calls waiting to be started.
        running: The number of calls under way.
        delayed: The number of calls waiting for another attempt.
        allowed: How many calls may be under way: the limit, or fewer while its app throttles.
        bucket: Its rate limit, if any.
        expiring: Whether it is empty and kept only until its rate and its pause have expired.
        listed: Whether it is in the ready queue, or a timer will put it there.
        paused_until: When the pause requested by its app ends.
        kept_until: When its rate and its pause will have expired.
        throttles: Throttled responses since the last success.
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
        """Return when its next call may start, permits aside."""
        rate = 0.0 if self.bucket is None else self.bucket.wait(now)
        return max(self.paused_until, now + rate)


_NO_QUEUE: Final = AccountQueue("", 0, None)


class QueuedCall(msgspec.Struct, eq=False):
    """A call of a batch, with its position in the input and its progress.

    Attributes:
        call: The call.
        index: Its position in the input, from 0.
        read_at: When it was read, by the event loop's clock.
        started_at: When its first attempt began; until then, when it was taken from the queue.
        attempts: The number of attempts begun.
        rate_wait: Seconds waited for the rate limit.
        error: The error of its last attempt, until the next one is sent.
        queue: The queue of its account, once it was added.
        state: What the runner keeps between attempts.
        journal_key: How the journal identifies it.
        settling: What is kept of it while it is settled.
        counted: The number of attempts that the batch's history has counted.
        failure: What the last of those failed with.
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
    settling: Any = None
    counted: int = 0
    failure: RefoldError | None = None


_LONGEST_BACKOFF: Final = 60.0
_FIRST_BACKOFF: Final = 1.0


class FairScheduler:
    """Holds the queued calls and decides which goes next. Methods that need the time take it, in seconds.

    Args:
        bounds: The limits of one account.
        breadth: The number of workers; reading stops at twice as many ready accounts.
        window: The maximum number of calls to hold.

    Attributes:
        held: The number of calls held that are not under way.
        ready: The queues with a call that may start, in turn.
    """

    def __init__(self, bounds: PerAccount, *, breadth: int, window: int) -> None:
        self._limit: Final = bounds.concurrency or sys.maxsize
        self._rate: Final = bounds.rate
        rate = bounds.rate
        self._refill: Final = 0.0 if rate is None else (rate.burst or 1) / rate.per_second
        self._breadth: Final = breadth
        self._window: Final = window
        self._low: Final = window - (window >> 3) - 1
        self._queues: dict[str, AccountQueue] = {}
        self._timers: list[tuple[float, int, AccountQueue, QueuedCall | None]] = []
        self._expiring: list[tuple[float, int, AccountQueue]] = []
        self._reusable: list[AccountQueue] = []
        self._order = count()
        self.ready: Final[deque[AccountQueue]] = deque()
        self.held = 0

    def room(self) -> int:
        """Return how many more calls to read now: none if enough accounts are ready."""
        return max(0, min(2 * self._breadth - len(self.ready), self._window - self.held))

    def is_low(self) -> bool:
        """Whether to read on: somewhat below the limit, so that reading comes in batches."""
        return len(self.ready) < self._breadth and self.held <= self._low

    def add(self, queued: QueuedCall) -> None:
        """Add a call to its account's queue."""
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

    def add_delayed(self, queued: QueuedCall, at: float) -> None:
        """Add a call that waits until a given time."""
        account = queued.call.linked_account_id
        queue = self._queues.get(account)
        if queue is None:
            queue = self._queues[account] = self._new(account)
        queued.queue = queue
        self._delay(queued, at)

    def take(self, now: float) -> QueuedCall | None:
        """Return the next call, taking a permit of its queue; `None` if none may start."""
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
        """Return an ended call's permit; a success lets a slowed queue run more at once."""
        queue = queued.queue
        queue.running -= 1
        if succeeded and (queue.throttles or queue.allowed < self._limit) and queue.paused_until <= now:
            queue.throttles = 0
            queue.allowed = min(self._limit, queue.allowed * 2)
        self._update(queue, now)

    def postpone(self, queued: QueuedCall, now: float, at: float) -> None:
        """Return a call's permit until its next attempt at a given time."""
        queue = queued.queue
        queue.running -= 1
        self._delay(queued, at)
        self._update(queue, now)

    def throttle(self, queued: QueuedCall, now: float, minimum: float) -> None:
        """Pause a call's queue after its app throttled it, then run one call at a time.

        Args:
            queued: The throttled call.
            now: The current time.
            minimum: Seconds requested by the app; the pause doubles with each further one.
        """
        queue = queued.queue
        wait = minimum
        if queue.paused_until <= now:
            wait = max(minimum, min(_LONGEST_BACKOFF, _FIRST_BACKOFF * 2.0**queue.throttles))
            queue.throttles = min(queue.throttles + 1, 10)
        queue.paused_until = max(queue.paused_until, now + wait)
        queue.kept_until = max(queue.kept_until, queue.paused_until)
        queue.allowed = 1

    def throttled_next(self, now: float) -> tuple[str, float] | None:
        """Return the account that the batch waits for, as its app throttles it, and until when."""
        if self.ready or not self._timers:
            return None
        due, _, queue, _ = self._timers[0]
        return (queue.account, due) if queue.paused_until > now else None

    def next_due(self) -> float | None:
        """Return when the next timer is due, or `None`."""
        return self._timers[0][0] if self._timers else None

    def startable(self, limit: int) -> int:
        """Return how many calls may start now, up to a limit, ignoring pauses."""
        number = 0
        for queue in self.ready:
            number += min(len(queue.calls), queue.allowed - queue.running)
            if number >= limit:
                return limit
        return number

    def drain(self) -> list[QueuedCall]:
        """Remove and return all held calls, in the order of the input."""
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
        """Release the queues kept for reuse: an ended batch may stay in memory until a garbage collection."""
        self._reusable.clear()

    def _delay(self, queued: QueuedCall, at: float) -> None:
        queued.queue.delayed += 1
        self.held += 1
        heapq.heappush(self._timers, (at, next(self._order), queued.queue, queued))

    def _new(self, account: str) -> AccountQueue:
        """Return a queue, reusing one without history if possible: cheaper if each account has one call."""
        if self._reusable:
            queue = self._reusable.pop()
            queue.account = account
            return queue
        return AccountQueue(account, self._limit, None if self._rate is None else BucketState(self._rate))

    def _release_due(self, now: float) -> None:
        """Put back the calls and queues whose timer is due."""
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
        """Remove empty queues whose rate and pause have expired."""
        while self._expiring and self._expiring[0][0] <= now:
            *_, queue = heapq.heappop(self._expiring)
            queue.expiring = False
            self._update(queue, now)

    def _update(self, queue: AccountQueue, now: float) -> None:
        """Make a queue ready if it has a call that may start; remove it if it is empty.

        An empty queue is kept until its rate and pause have expired.
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
                # A queue with a rate or pause in its past would hand it on to another account.
                if not queue.kept_until:
                    self._reusable.append(queue)

    def _wait_until(self, queue: AccountQueue, until: float) -> None:
        queue.listed = True
        heapq.heappush(self._timers, (until, next(self._order), queue, None))
