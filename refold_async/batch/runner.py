"""One attempt of a batch's call: plan it, wait for its turn, note it down, send it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, Protocol

from refold_async._core import retries
from refold_async._core.pipeline import CallAttempts, RetryAfter
from refold_async._core.prepared import PreparedCall
from refold_async._core.requester import Requester
from refold_async.api.actions import prepare_execute
from refold_async.batch import failures
from refold_async.batch.scheduler import QueuedCall
from refold_async.batch.settings import BatchSettings
from refold_async.batch.worker_pool import Attempt, Skip
from refold_async.calls import Outcome, Reason
from refold_async.errors import RateLimitedError, RefoldError, SettingsError
from refold_async.hooks import listening, safely
from refold_async.results import ActionResult
from refold_async.settings import Settings


class CallRunner(Protocol):
    """What makes the attempts of a batch.

    Attributes:
        refusal: Says why a call whose turn has come must not be sent, if so.
        before_sending: Notes down that a call is about to be sent; says why it must not be, if so.
        on_outcome: Hears of each outcome, if anything does.
    """

    refusal: Callable[[QueuedCall], Reason | None]
    before_sending: Callable[[QueuedCall], Awaitable[Reason | None]] | None
    on_outcome: Callable[[Outcome], object] | None

    @property
    def base_url(self) -> str:
        """Where the calls go."""
        ...

    async def open(self) -> None:
        """Get ready; raises where no call could be made."""

    def close(self) -> None:
        """Let go of what `open` took."""

    def stop(self) -> None:
        """Let those go who wait for a turn: their calls are not to be sent."""

    def abandon(self, item: QueuedCall, error: RefoldError) -> None:
        """Hear that a call which was to be attempted again is not."""

    def attempt(self, item: QueuedCall, /) -> Awaitable[object]:
        """Make one attempt; see `Attempt`."""
        ...


class FunctionRunner:
    """A function in Refold's place."""

    base_url = "none"

    def __init__(self, attempt: Attempt) -> None:
        self.attempt = attempt
        self.refusal: Callable[[QueuedCall], Reason | None] = lambda _item: None
        self.before_sending: Callable[[QueuedCall], Awaitable[Reason | None]] | None = None
        self.on_outcome: Callable[[Outcome], object] | None = None

    async def open(self) -> None:
        """Have nothing to do."""

    def close(self) -> None:
        """Have nothing to do."""

    def stop(self) -> None:
        """Have nothing to do."""

    def abandon(self, item: QueuedCall, error: RefoldError) -> None:
        """Have nothing to do."""


_LONGEST_BACKOFF: Final = 60.0
_SHORTEST_BACKOFF: Final = 0.001


class CallState:
    """What is kept of a call between its attempts.

    Attributes:
        plan: The call, ready to go.
        trip: Its trip, once it had a turn; another one after Refold said that it is too much.
        earlier: The errors of its trips before that one.
        left_at: When the trip was last let go of.
        throttled: Seconds for which Refold's 429s have kept it back.
        throttles: How many of them there were.
    """

    __slots__ = ("earlier", "left_at", "plan", "throttled", "throttles", "trip")

    def __init__(self, plan: PreparedCall[ActionResult]) -> None:
        self.plan = plan
        self.trip: CallAttempts[ActionResult] | None = None
        self.earlier: tuple[RefoldError, ...] = ()
        self.left_at = 0.0
        self.throttled = 0.0
        self.throttles = 0


class ExecuteRunner:
    """Makes the attempts of a batch's calls.

    A call's own timeout counts its attempts alone. Where Refold says that it is too much, the whole
    key pauses, and the call is kept back until then: up to `patience` seconds in all, past the number of
    its tries, since nothing of it ran.

    Args:
        requester: The organisation.
        settings: The client's settings.
        batch: The batch's.

    Attributes:
        refusal: Says why a call whose turn has come must not be sent, if so.
        before_sending: Notes down that a call is about to be sent; says why it must not be, if so.
        on_outcome: Tells the client's hooks of an outcome, where it has any.

    Raises:
        SettingsError: The batch's concurrency is more than the client's connections.
    """

    def __init__(self, requester: Requester, settings: Settings, batch: BatchSettings) -> None:
        if batch.concurrency > settings.max_connections:
            raise SettingsError(
                f"concurrency={batch.concurrency} is more than the client's "
                f"max_connections={settings.max_connections}: raise that, or lower this"
            )
        self._requester: Final = requester
        self._settings: Final = settings
        self._timeout: Final = batch.timeout
        self._patience: Final = batch.patience
        self._in_line: set[asyncio.Timeout] = set()
        self.refusal: Callable[[QueuedCall], Reason | None] = lambda _item: None
        self.before_sending: Callable[[QueuedCall], Awaitable[Reason | None]] | None = None
        self.on_outcome: Callable[[Outcome], object] | None = self._tell if settings.hooks else None

    async def open(self) -> None:
        """Open the session, and keep it from being closed as idle.

        Raises:
            ClosedError: The client was closed.
        """
        self._session = await self._requester.session()
        self._session.enter()

    def close(self) -> None:
        """Let go of the session."""
        self._session.leave()

    @property
    def base_url(self) -> str:
        """Where the calls go."""
        return self._session.base_url

    async def attempt(self, item: QueuedCall) -> ActionResult | RetryAfter | Skip:
        """Make one attempt.

        Raises:
            RefoldError: The call failed, and is not to be attempted again.
        """
        travel: CallState = item.trip or self._set_out(item)
        paced = 0.0 if self._session.rate_limiter.try_acquire() else await self._turn(item)
        reason = self.refusal(item)
        if reason is None and self.before_sending is not None:
            reason = await self.before_sending(item)
        return await self._send(item, travel, paced) if reason is None else Skip(reason)

    def stop(self) -> None:
        """Let those go who wait for a turn: their calls are not to be sent."""
        for scope in self._in_line:
            scope.reschedule(self._session.loop.time())

    def abandon(self, item: QueuedCall, error: RefoldError) -> None:
        """Hear that a call which was to be attempted again is not."""
        travel: CallState = item.trip
        if travel.trip is not None:
            travel.trip.abandon(error)

    def _tell(self, outcome: Outcome) -> None:
        for hooks in listening(self._settings.hooks):
            safely(hooks.on_outcome, outcome)

    def _set_out(self, item: QueuedCall) -> CallState:
        call = item.call
        travel = item.trip = CallState(
            prepare_execute(
                self._requester.for_account(call.linked_account_id),
                call.slug,
                call.action_id,
                call.params,
                effect=call.effect,
                timeout=self._timeout,
            )
        )
        return travel

    async def _turn(self, item: QueuedCall) -> float:
        """Wait for a turn by the rate limit, or for the batch to stop; gives the seconds waited."""
        clock = self._session.loop.time
        began = clock()
        scope = asyncio.timeout(None)
        try:
            async with scope:
                self._in_line.add(scope)
                try:
                    await self._session.rate_limiter.acquire()
                finally:
                    self._in_line.discard(scope)
        except TimeoutError:
            if not scope.expired():
                raise
        paced = clock() - began
        item.paced += paced
        return paced

    async def _send(self, item: QueuedCall, travel: CallState, paced: float) -> ActionResult | RetryAfter:
        clock = self._session.loop.time
        if travel.trip is None:
            travel.trip = CallAttempts(self._session, self._settings, travel.plan, earlier=travel.earlier)
        else:
            travel.trip.extend(clock() - travel.left_at)
        if not item.attempts:
            item.started_at = clock()
        item.attempts += 1
        item.error = None
        try:
            return await travel.trip.attempt(paced=paced)
        except RateLimitedError as error:
            return self._wait_out(travel, error)
        finally:
            travel.left_at = clock()

    def _wait_out(self, travel: CallState, error: RateLimitedError) -> RetryAfter:
        """Keep a call back after a 429 of Refold that its trip would not wait out, or raise it."""
        wait = self._wait_after(travel, error)
        if wait is None:
            raise error
        travel.throttles += 1
        travel.throttled += wait
        travel.earlier = (*error.earlier, error)
        travel.trip = None
        return RetryAfter(wait, error)

    def _wait_after(self, travel: CallState, error: RateLimitedError) -> float | None:
        retry = self._settings.retry
        if retry.attempts == 1 or not failures.is_of_the_key(error):
            return None
        if not retries.is_safe(retry, travel.plan.effect, error):
            return None
        backoff = min(_LONGEST_BACKOFF, max(retry.base, _SHORTEST_BACKOFF) * 2.0 ** min(travel.throttles, 32))
        wait = error.retry_after or backoff
        return wait if travel.throttled + wait <= self._patience else None
