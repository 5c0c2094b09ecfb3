"""The rate limiter of one process that shares a limit with others."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Final, Literal, NamedTuple, Protocol

from refold_async._core.rate_limits import BucketState, wait_for_slot
from refold_async.errors import ClosedError, ConnectionFailedError
from refold_async.hooks import Hooks, RateState, safely
from refold_async.settings import RateLimit

_logger: Final = logging.getLogger("refold_async")

LONGEST_ANSWER: Final = 0.25
"""Seconds after which a Redis that has not answered is taken as away."""

_PROBE_INTERVAL: Final = 0.5
_GRACE: Final = 2 * (_PROBE_INTERVAL + LONGEST_ANSWER)
"""Seconds after a return in which a process keeps to its share: until then, others may not be back."""

_LEASE_SECONDS: Final = 0.02
_LARGEST_LEASE: Final = 128
_DEFAULT_BURST: Final = 5
_LEAST_SLACK: Final = 3


class AwayError(Exception):
    """The store of the shared limit cannot be reached."""


class Lease(NamedTuple):
    """Reserved moments: the seconds until the first, negative if it is past, and those between two."""

    wait: float
    interval: float


class Reservations(Protocol):
    """Where processes reserve moments to start calls at."""

    async def reserve(self, slots: int, *, pause: float = 0.0, returning: bool = False) -> Lease:
        """Reserve moments.

        Raises:
            AwayError: If that is not possible now.
        """
        ...

    async def aclose(self) -> None:
        """Release what is held."""


def slack_of(limit: RateLimit) -> float:
    """Return how many seconds before its evenly spaced moment a call may start.

    That is half of the burst, or all but 2 of a small one: the rest is for calls that start late.
    """
    burst = limit.burst or _DEFAULT_BURST
    return min(max(0, burst - 2), max(_LEAST_SLACK, burst // 2)) / limit.per_second


class SharedLimiter:
    """Reserves moments for the calls of this process, and serves them in order of arrival.

    One reservation is under way at a time, so that a process that dies costs the others one lease. While
    the store is away, calls start from the process's share of the limit.

    Args:
        reservations: Where moments are reserved.
        limit: The limit of all processes together.
        processes: How many there are.
        when_away: What to do while the store is away.
        server: The base URL, for hooks.
        hooks: Called when the source of the rate changes.
        clock: Returns the time now, in seconds.
        sleep: Sleeps for some seconds.
    """

    def __init__(
        self,
        reservations: Reservations,
        limit: RateLimit,
        processes: int,
        *,
        when_away: Literal["share", "wait", "error"] = "share",
        server: str = "",
        hooks: Sequence[Hooks] = (),
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._reservations: Final = reservations
        self._limit: Final = limit
        self._processes: Final = processes
        self._when_away: Final = when_away
        self._server: Final = server
        self._hooks: Final = hooks
        self._clock: Final = clock
        self._sleep: Final = sleep
        self._interval: Final = 1 / limit.per_second
        self._lease: Final = min(_LARGEST_LEASE, max(1, math.ceil(limit.per_second * _LEASE_SECONDS)))
        late = ((limit.burst or _DEFAULT_BURST) - 1) * self._interval - slack_of(limit)
        self._tolerance: Final = max(self._interval, late)
        share = RateLimit(limit.per_second / processes, burst=1)
        # All processes together are late by no more than the limit's burst makes up for.
        self._share: Final = BucketState(share, catch_up=slack_of(limit) * limit.per_second / processes)
        # At a moment of its own: processes that find no Redis as they start would all begin at once.
        self._share.restart(clock() - random.random() / share.per_second)  # noqa: S311 - not a secret
        self._waiters: Final[deque[asyncio.Future[None]]] = deque()
        self._serving: asyncio.Task[None] | None = None
        self._tasks: Final[set[asyncio.Task[None]]] = set()
        self._present: Final = asyncio.Event()
        self._present.set()
        self._state: RateState | None = None
        self._open_at = self._next_at = self._grace_until = -math.inf
        self._closed = False

    def __repr__(self) -> str:
        state = self._state or "unused"
        return f"SharedLimiter({state}, {self._limit.per_second:g}/s, {len(self._waiters)} waiting)"

    def try_acquire(self) -> bool:
        """Return false: each slot is reserved by a request to Redis."""
        return False

    def delay(self) -> float:
        """Return the seconds until the next slot that is known, not counting those who wait for one."""
        now = self._clock()
        share = self._share.wait(now) if self._uses_share() else 0.0
        return max(0.0, self._open_at - now, self._next_at - now, share)

    async def acquire(self, deadline: float = math.inf) -> None:
        """Wait for a slot.

        Args:
            deadline: When to give up, by the event loop's clock.

        Raises:
            DeadlineExceededError: If the deadline cannot be met; `retry_after` is the wait.
            ConnectionFailedError: If the store is away, and `when_away` is `"error"`.
            ClosedError: If the limiter was closed.
        """
        if self._closed:
            raise ClosedError("the client is closed; `async with` reopens it")
        await wait_for_slot(self.delay, deadline, self._clock(), self._acquire)

    async def _acquire(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        if self._serving is None or self._serving.done():
            self._serving = self._start(self._serve())
        try:
            await waiter
        except BaseException:
            self._leave(waiter)
            raise

    def pause(self, seconds: float) -> None:
        """Hold the calls of all processes back for some seconds."""
        until = self._clock() + seconds
        # The 429s of one moment ask for nearly the same: one of them is passed on.
        if until > self._open_at + min(_LEASE_SECONDS, seconds / 2):
            self._start(self._publish(seconds))
        self._open_at = max(self._open_at, until)
        self._share.pause(self._open_at)

    def on_response(self, throttled: bool) -> None:  # noqa: FBT001 - the protocol's
        """Pause for the time of one burst after a 429."""
        if throttled:
            self.pause((self._limit.burst or 1) * self._interval)

    async def aclose(self) -> None:
        """End all tasks, and close the connections. Idempotent."""
        self._closed = True
        self._fail(lambda: ClosedError("the client was closed"))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._reservations.aclose()

    def _start(self, coroutine: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _leave(self, waiter: asyncio.Future[None]) -> None:
        """Take back a waiter that gave up; a slot that it was given goes to the next."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
        elif waiter.done() and not waiter.cancelled() and waiter.exception() is None:
            self._grant()

    def _grant(self) -> bool:
        """Grant a slot to the first waiter; return whether anybody did."""
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return True
        return False

    def _fail(self, make: Callable[[], Exception]) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(make())  # its own: it will name the call that it failed

    def _uses_share(self) -> bool:
        """Whether the next call starts from this process's share."""
        away = not self._present.is_set()
        return self._when_away == "share" and (away or self._clock() < self._grace_until)

    async def _serve(self) -> None:
        """Grant slots until no caller waits."""
        try:
            while self._waiters:
                if self._uses_share():
                    await self._serve_share()
                if self._present.is_set():
                    await self._serve_lease()
                elif self._when_away == "share":
                    self._grant()
                elif self._when_away == "wait":
                    await self._present.wait()
                else:
                    self._fail(_away)
        except Exception as error:
            fault = error
            # Those who wait for this task would otherwise wait until their deadlines.
            self._fail(lambda: fault)
            raise

    async def _serve_share(self) -> None:
        """Wait until a call may start from this process's share."""
        while (seconds := self._share.wait(self._clock())) > 0:
            await self._sleep(seconds)
        self._share.take(self._clock(), waited=True)

    async def _serve_lease(self) -> None:
        """Reserve some moments, and give each out when it has come."""
        slots = 1 if self._uses_share() else min(self._lease, len(self._waiters))
        asked = self._clock()
        try:
            lease = await self._reservations.reserve(slots)
        except AwayError as error:
            self._go_away(error)
            return
        now = self._clock()
        self._report("shared", self._limit.per_second)
        for index in range(slots):
            # Counted from the question, not the answer, which a busy event loop may read late.
            moment = asked + lease.wait + index * lease.interval
            self._next_at = max(now, moment, self._open_at)
            if not await self._reach(self._next_at) or not self._grant():
                return
            if not self._uses_share():
                self._share.restart(self._clock())

    async def _reach(self, moment: float) -> bool:
        """Wait until a reserved moment; return whether a call may still start at it."""
        while (seconds := moment - self._clock()) > 0:
            await self._sleep(seconds)
        now = self._clock()
        # A process that stood still has slept through its moments: others have long started after them.
        return now - moment <= self._tolerance and now >= self._open_at

    def _go_away(self, error: AwayError) -> None:
        if not self._present.is_set():
            return
        self._present.clear()
        per_second = self._limit.per_second / self._processes if self._when_away == "share" else 0.0
        _logger.warning("the shared rate limit is away (%s): %s", error, _WHEN_AWAY[self._when_away])
        self._report("share", per_second)
        self._start(self._probe())

    async def _probe(self) -> None:
        """Wait until the store answers again, and return to it."""
        while not self._present.is_set():
            await self._sleep(_PROBE_INTERVAL)
            try:
                await self._reservations.reserve(0, returning=True)
            except AwayError:
                continue
            self._grace_until = self._clock() + _GRACE
            self._present.set()
        self._report("shared", self._limit.per_second)

    async def _publish(self, seconds: float) -> None:
        """Tell the other processes of a pause."""
        if self._present.is_set():
            try:
                await self._reservations.reserve(0, pause=seconds)
            except AwayError as error:
                self._go_away(error)

    def _report(self, state: RateState, per_second: float) -> None:
        if state != self._state:
            self._state = state
            for hooks in self._hooks:
                safely(hooks.on_rate_limit, self._server, state, per_second)


def _away() -> ConnectionFailedError:
    return ConnectionFailedError("the shared rate limit is away", fate="not_sent")


_WHEN_AWAY: Final = {
    "share": "going on with this process's share",
    "wait": "starting no calls until it is back",
    "error": "failing calls until it is back",
}
