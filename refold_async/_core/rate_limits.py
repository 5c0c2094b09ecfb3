"""The rate limit of a credential: a turn for each call, in order of arrival."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

from refold_async._core.limiter import CapacityLimiter
from refold_async.settings import RateLimit


class BucketState:
    """When the next call may start: a token bucket that a pause can close.

    Of a burst of n, n - 1 are spent at once and one is kept in hand: a call that arrives a
    little early at the server, by up to one interval, then still finds its token there.

    It knows no clock of its own: each method takes the time now, in seconds.

    Attributes:
        is_free: Whether there is neither a limit nor a pause, so that nobody need ask.
    """

    __slots__ = ("_interval", "_limited", "_next", "_open_at", "_slack", "is_free")

    def __init__(self, limit: RateLimit | None) -> None:
        self._limited = limit is not None
        self._interval = 0.0 if limit is None else 1.0 / limit.per_second
        self._slack = 0.0 if limit is None else max(0, limit.burst - 2) * self._interval
        self._next = -math.inf
        self._open_at = -math.inf
        self.is_free = not self._limited

    def __repr__(self) -> str:
        return f"Bucket(interval={self._interval:g}, next={self._next:.3f}, open_at={self._open_at:.3f})"

    def wait(self, now: float) -> float:
        """Give the seconds until a call may start; 0 where it may start now."""
        paused = self._open_at - now
        if not self._limited:
            self.is_free = paused <= 0
        return max(0.0, self._next - self._slack - now, paused)

    def take(self, now: float) -> None:
        """Record that a call starts now."""
        self._next = max(self._next, now) + self._interval

    def pause(self, until: float) -> None:
        """Let no call start before `until`; a shorter pause never cuts a longer one."""
        self._open_at = max(self._open_at, until)
        self.is_free = False


class TokenBucket:
    """Gives turns to calls, first come, first served.

    A waiter that is cancelled leaves the line, and spends no turn.

    Args:
        bucket: What says when the next turn is due.
        clock: Gives the time now, in seconds.
        sleep: Waits some seconds.
    """

    __slots__ = ("_bucket", "_clock", "_queue", "_sleep")

    def __init__(
        self,
        bucket: BucketState,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bucket = bucket
        self._clock = clock
        self._sleep = sleep
        self._queue = CapacityLimiter(1)

    def __repr__(self) -> str:
        return f"Pacer({self._bucket!r}, line={self._queue!r})"

    def delay(self) -> float:
        """Give the seconds until the next turn, not counting those who wait for theirs."""
        return self._bucket.wait(self._clock())

    def try_acquire(self) -> bool:
        """Take a turn if one is due now and nobody waits for it."""
        bucket = self._bucket
        if bucket.is_free:
            return True
        if self._queue.available == 0 or bucket.wait(now := self._clock()) > 0:
            return False
        bucket.take(now)
        return True

    async def acquire(self) -> None:
        """Wait for a turn, and take it."""
        await self._queue.acquire()
        try:
            while (seconds := self._bucket.wait(self._clock())) > 0:
                await self._sleep(seconds)
            self._bucket.take(self._clock())
        finally:
            self._queue.release()

    def pause(self, seconds: float) -> None:
        """Give nobody a turn for some seconds: the service said that it is too much."""
        self._bucket.pause(self._clock() + seconds)
