"""The rate limit of a credential: a token bucket that serves calls in order of arrival."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable

from refold_async._core.limiter import CapacityLimiter
from refold_async.settings import RateLimit


class BucketState:
    """The arithmetic of a token bucket, which a pause can close. It has no clock: callers pass the time.

    Of a burst of n, n - 1 calls start at once and one token is held back, for a call that reaches the
    server up to one interval early.

    Attributes:
        is_free: Whether there is neither a limit nor a pause, so that acquiring is a no-op.
    """

    __slots__ = ("_interval", "_limited", "_next", "_open_at", "_slack", "is_free")

    def __init__(self, limit: RateLimit | None) -> None:
        self._limited = limit is not None
        self._interval = 0.0 if limit is None else 1.0 / limit.per_second
        # One interval less than the burst allows: network jitter would otherwise earn a 429 now and then.
        self._slack = 0.0 if limit is None else max(0, limit.burst - 2) * self._interval
        self._next = -math.inf
        self._open_at = -math.inf
        self.is_free = not self._limited

    def __repr__(self) -> str:
        return f"BucketState(interval={self._interval:g}, next={self._next:.3f}, open_at={self._open_at:.3f})"

    def wait(self, now: float) -> float:
        """Return the seconds until a call may start, or 0."""
        paused = self._open_at - now
        if not self._limited:
            self.is_free = paused <= 0
        return max(0.0, self._next - self._slack - now, paused)

    def take(self, now: float) -> None:
        """Record that a call starts now."""
        # Counted from the schedule, not from now: a late start would otherwise lower the rate for good.
        self._next = max(self._next, now) + self._interval

    def pause(self, until: float) -> None:
        """Block all calls until `until`; a shorter pause never cuts a longer one short."""
        self._open_at = max(self._open_at, until)
        self.is_free = False


class TokenBucket:
    """A rate limiter that serves callers first come, first served.

    A cancelled waiter leaves the queue without using a token.

    Args:
        bucket: Decides when the next call may start.
        clock: Returns the time now, in seconds.
        sleep: Sleeps for some seconds.
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
        return f"TokenBucket({self._bucket!r}, queue={self._queue!r})"

    def delay(self) -> float:
        """Return the seconds until the next token, not counting those who wait for one."""
        return self._bucket.wait(self._clock())

    def try_acquire(self) -> bool:
        """Acquire a token without waiting, if one is due and nobody waits for it."""
        bucket = self._bucket
        if bucket.is_free:
            return True
        if self._queue.available == 0 or bucket.wait(now := self._clock()) > 0:
            return False
        bucket.take(now)
        return True

    async def acquire(self) -> None:
        """Wait for a token, and take it."""
        await self._queue.acquire()
        try:
            # A loop: a pause that begins during the sleep must hold this call back too.
            while (seconds := self._bucket.wait(self._clock())) > 0:
                await self._sleep(seconds)
            self._bucket.take(self._clock())
        finally:
            self._queue.release()

    def pause(self, seconds: float) -> None:
        """Hold all calls back for some seconds, because the service answered 429."""
        self._bucket.pause(self._clock() + seconds)
