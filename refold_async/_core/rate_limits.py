"""The rate limit of a credential: a token bucket that serves calls in order of arrival."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from refold_async._core.learnt_rate import LearntRate
from refold_async._core.limiter import CapacityLimiter
from refold_async.deadlines import OutOfTimeError, wait_until
from refold_async.errors import DeadlineExceededError
from refold_async.hooks import Hooks, safely
from refold_async.settings import RateLimit

_LONGEST_PENALTY: Final = 5.0
_CATCH_UP: Final = 3
_PROBE_TIME: Final = 1.0
"""Seconds after which another call may probe, if the first has no response."""
_PROBE_POLL: Final = 0.02
"""Seconds between two looks for a probe's response."""
_LEARNT_CATCH_UP: Final = 2


class BucketState:
    """The arithmetic of a token bucket, which a pause can close. It has no clock: callers pass the time.

    Of a burst of n, n - 1 calls start at once and one token is held back, for a call that reaches the
    server up to one interval early. Without a burst, calls are evenly spaced, and one that waited and
    starts late is made up for, by up to three intervals.

    Args:
        limit: The limit; `None` for none.
        learnt: Learns the limit from 429s, if none is given.
        catch_up: How many intervals of lateness are made up for; default: 3 without a burst, else none.
        penalty: Seconds to pause after a 429, without a limit whose burst says how long.

    Attributes:
        is_free: Whether there is neither a limit nor a pause, so that acquiring is a no-op.
        is_listening: Whether a response other than a 429 changes anything.
        learnt: What was learnt, if anything is.
    """

    __slots__ = (
        "_busy", "_catch_up", "_interval", "_limited", "_next", "_open_at", "_penalties", "_penalty",
        "_probe_due", "_probing", "_slack", "is_free", "is_listening", "learnt",
    )  # fmt: skip

    def __init__(
        self,
        limit: RateLimit | None,
        *,
        learnt: LearntRate | None = None,
        catch_up: float | None = None,
        penalty: float = 0.5,
    ) -> None:
        burst = 1 if limit is None else limit.burst or 1
        if catch_up is None:
            catch_up = _CATCH_UP if limit is not None and limit.burst is None else 0
        self._limited = limit is not None
        self._interval = 0.0 if limit is None else 1.0 / limit.per_second
        # One interval less than the burst allows: network jitter would otherwise earn a 429 now and then.
        self._slack = max(0, burst - 2) * self._interval
        self._catch_up = _LEARNT_CATCH_UP if learnt is not None else catch_up
        self._penalty = penalty if limit is None else burst * self._interval
        self._penalties = 0
        self._next = -math.inf
        self._open_at = -math.inf
        self._busy = False
        self._probe_due = self._probing = False
        self.learnt: Final = learnt
        self.is_free = not self._limited
        self.is_listening = learnt is not None

    def __repr__(self) -> str:
        learnt = "" if self.learnt is None else f", {self.learnt!r}"
        return (
            f"BucketState(interval={self._interval:g}, next={self._next:.3f}, "
            f"open_at={self._open_at:.3f}{learnt})"
        )

    def wait(self, now: float) -> float:
        """Return the seconds until a call may start, or 0."""
        paused = self._open_at - now
        if not self._limited:
            self.is_free = paused <= 0 and not self._probe_due
        if self._probing:
            paused = min(paused, _PROBE_POLL)
        return max(0.0, self._next - self._slack - now, paused)

    def take(self, now: float, *, waited: bool = False) -> None:
        """Record that a call starts now, and whether it waited for that."""
        due = self._next
        if self.learnt is not None:
            self.learnt.in_flight += 1
            self._busy = waited or now < due + self._interval
        if self._probe_due:
            # The others wait for its response, but not for long: it may be slow, or be lost.
            self._open_at, self._probing = now + _PROBE_TIME, True
        if waited:
            now -= self._catch_up * self._interval
        # Counted from the schedule, not from now: a late start would otherwise lower the rate for good.
        self._next = max(due, now) + self._interval

    def restart(self, now: float) -> None:
        """Record that a call starts now under another limit: the next one is due an interval later."""
        self._next = now + self._interval

    def pause(self, until: float, *, probe: bool = False) -> None:
        """Block all calls until `until`; a shorter pause never cuts a longer one short.

        Args:
            until: When the pause ends.
            probe: Whether one call then goes ahead of the others, to find out if the service accepts calls.
        """
        # While one probes, `_open_at` is no pause but when the next may: a 429 to the probe says it better.
        self._open_at = until if self._probing else max(self._open_at, until)
        self._probe_due, self._probing = self._probe_due or probe, False
        self.is_free, self.is_listening = False, True

    def respond(self, now: float, *, throttled: bool) -> bool:
        """Record a response; return whether it lowered the learnt rate."""
        if self._probing and not throttled:
            self._probe_due = self._probing = False
            self._open_at = now
        if self.learnt is None:
            self._penalize(now, throttled=throttled)
            self.is_listening = throttled or self._probe_due
            return False
        lowered = False
        if throttled:
            lowered = self.learnt.throttle(now)
        else:
            self.learnt.admit(now, busy=self._busy)
        if self.learnt.rate is not None:
            self._limited, self.is_free = True, False
            self._interval = 1.0 / self.learnt.rate
        if lowered:
            # The service's own bucket is empty: a call right away would be refused too.
            self.restart(now)
        return lowered

    def _penalize(self, now: float, *, throttled: bool) -> None:
        """Pause for the time of one burst after a 429, and twice as long after each further one in a row."""
        if not throttled:
            self._penalties = 0
        elif now >= self._open_at:  # else: sent before the pause
            self.pause(now + min(_LONGEST_PENALTY, self._penalty * 2.0 ** min(self._penalties, 32)))
            self._penalties += 1


async def wait_for_slot(
    delay: Callable[[], float], deadline: float, now: float, acquire: Callable[[], Awaitable[None]]
) -> None:
    """Acquire a slot of a rate limit within a deadline.

    Raises:
        DeadlineExceededError: If the deadline cannot be met; `retry_after` is the wait.
    """
    seconds = delay()
    if seconds > deadline - now:
        raise DeadlineExceededError(
            f"the rate limit allows the next call in {seconds:.1f} s, after the deadline", retry_after=seconds
        )
    try:
        await wait_until(deadline, acquire())
    except OutOfTimeError:
        raise DeadlineExceededError("timed out waiting for the rate limit", retry_after=delay()) from None


class TokenBucket:
    """A rate limiter that serves callers first come, first served.

    A cancelled waiter leaves the queue without using a token.

    Args:
        bucket: Decides when the next call may start.
        server: The base URL, for hooks.
        hooks: Called when the learnt rate is lowered.
        clock: Returns the time now, in seconds.
        sleep: Sleeps for some seconds.
    """

    __slots__ = ("_bucket", "_clock", "_hooks", "_queue", "_server", "_sleep")

    def __init__(
        self,
        bucket: BucketState,
        *,
        server: str = "",
        hooks: Sequence[Hooks] = (),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._bucket = bucket
        self._server = server
        self._hooks = hooks
        self._clock = clock
        self._sleep = sleep
        self._queue = CapacityLimiter(1)

    def __repr__(self) -> str:
        return f"TokenBucket({self._bucket!r}, queue={self._queue!r})"

    def delay(self) -> float:
        """Return the seconds until the next token, not counting those who wait for one."""
        return self._bucket.wait(self._clock())

    def try_acquire(self) -> bool:
        """Acquire a token without waiting, if one is due and no other caller waits for it."""
        bucket = self._bucket
        if bucket.is_free:
            if bucket.learnt is not None:
                bucket.learnt.in_flight += 1
            return True
        if self._queue.available == 0 or bucket.wait(now := self._clock()) > 0:
            return False
        bucket.take(now)
        return True

    async def acquire(self, deadline: float = math.inf) -> None:
        """Wait for a token, and take it.

        Args:
            deadline: When to give up, by the event loop's clock.

        Raises:
            DeadlineExceededError: If the deadline cannot be met; `retry_after` is the wait.
        """
        await wait_for_slot(self.delay, deadline, self._clock(), self._acquire)

    async def _acquire(self) -> None:
        waited = self._queue.available == 0
        await self._queue.acquire()
        try:
            # A loop: a pause that begins during the sleep must hold this call back too.
            while (seconds := self._bucket.wait(self._clock())) > 0:
                waited = True
                await self._sleep(seconds)
            self._bucket.take(self._clock(), waited=waited)
        finally:
            self._queue.release()

    def pause(self, seconds: float) -> None:
        """Hold all calls back for some seconds, because the service answered 429."""
        self._bucket.pause(self._clock() + seconds, probe=seconds > 0)

    def on_response(self, throttled: bool) -> None:  # noqa: FBT001 - the protocol's
        """Learn from a response: whether it was a 429 of the service itself."""
        bucket = self._bucket
        if not throttled:
            if not bucket.is_listening:
                return
            if bucket.is_free and bucket.learnt is not None:  # free, and listening: no 429 has come
                bucket.learnt.count(self._clock())
                return
        if bucket.respond(self._clock(), throttled=throttled) and bucket.learnt is not None:
            for hooks in self._hooks:
                safely(hooks.on_rate_limit, self._server, "learnt", bucket.learnt.rate or 0.0)

    async def aclose(self) -> None:
        """No-op: nothing is open."""
