"""One attempt of a queued call: prepare it, wait for the rate limit, send it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

import msgspec

from refold_async._core import retries
from refold_async._core.pauses import KeyPauses
from refold_async._core.pipeline import CallAttempts, RetryAfter, start_call
from refold_async._core.prepared import PreparedCall
from refold_async._core.requester import Requester
from refold_async.api.actions import prepare_execute
from refold_async.batch import failures
from refold_async.batch.scheduler import QueuedCall
from refold_async.batch.settings import BatchSettings
from refold_async.calls import Absent, Reason, Unresolved, encoded_params
from refold_async.errors import RateLimitedError, RefoldError, SettingsError, worst_fate
from refold_async.results import ActionResult
from refold_async.settings import Settings


class Skip(NamedTuple):
    """Returned by a runner that did not make the attempt."""

    reason: Reason


class Hold(NamedTuple):
    """Returned by a runner if a call waits to be looked up, or to run again after that.

    Attributes:
        until: When, by the event loop's clock.
        error: The error of the call's last run.
        failure: The error that its attempt or its look-up has just ended with, if it failed.
    """

    until: float
    error: RefoldError
    failure: RefoldError | None = None


class Settled(NamedTuple):
    """Returned by a runner if look-ups have settled an unknown write, or never will.

    Attributes:
        error: Why its fate was unknown.
        result: The result over the record found, or `None`.
        verdict: The verdict if no record was found.
        failure: The error that its attempt or its look-up has just ended with, if it failed.
    """

    error: RefoldError
    result: ActionResult | None = None
    verdict: Absent | Unresolved | None = None
    failure: RefoldError | None = None


class RecordingError(Exception):
    """Raised if an attempt ended but the journal could not record that.

    Attributes:
        answer: What the attempt returned, or the `RefoldError` that it raised.
    """

    def __init__(self, answer: object) -> None:
        super().__init__("the journal could not record the outcome")
        self.answer: Final = answer


class CallRunner(Protocol):
    """Makes the attempts of a batch."""

    def acquire(self, queued: QueuedCall, /) -> Awaitable[None] | None:
        """Prepare a call and acquire a slot of the rate limit.

        Returns:
            `None` if a slot was free, else an awaitable that waits for one, or until `stop`.

        Raises:
            RefoldError: If the call cannot be sent.
        """

    def attempt(self, queued: QueuedCall, /) -> Awaitable[object]:
        """Make one attempt and count it in `queued.attempts`.

        Returns:
            The call's result, a `RetryAfter`, a `Skip`, a `Hold` or a `Settled`.

        Raises:
            RefoldError: If the call failed for good.
            RecordingError: If the journal could not record how the attempt ended.
        """
        ...

    def stop(self) -> None:
        """Cancel pending acquisitions; their calls will not be sent."""

    def abandon(self, queued: QueuedCall, error: RefoldError, /) -> None:
        """Note that a call which failed with `error` will not be attempted again."""


class ManagedRunner(CallRunner, Protocol):
    """A runner that a batch opens and closes."""

    @property
    def base_url(self) -> str:
        """Where the calls go."""
        ...

    @property
    def key_pauses(self) -> KeyPauses | None:
        """What 429s of Refold hold the calls back for, if that is known."""
        ...

    @property
    def learnt_rate(self) -> float | None:
        """Calls per second that the service was learnt to allow, if that was learnt."""
        ...

    @property
    def rate_limit(self) -> float | None:
        """Calls per second that are started at most, if the settings say."""
        ...

    async def open(self) -> None:
        """Acquire what the attempts need.

        Raises:
            RefoldError: If no call could be made.
        """

    def close(self) -> None:
        """Release what `open` acquired."""


_KEPT_ACCOUNTS: Final = 256
"""Accounts whose headers are kept: checking and encoding them takes as long as preparing a call."""

_LONGEST_BACKOFF: Final = 60.0
_SHORTEST_BACKOFF: Final = 0.001


class CallState(msgspec.Struct, eq=False):
    """What is kept of a call between its attempts.

    Attributes:
        prepared: The call, ready to be sent.
        attempts: Its attempts within one deadline; replaced after Refold's own 429.
        earlier: The errors of the attempts before those.
        paused_at: When the last attempt ended.
        rate_wait: Seconds that the coming attempt waited for the rate limit.
        throttled: Seconds waited after Refold's own 429s, in all.
        throttles: The number of those 429s.
    """

    prepared: PreparedCall[ActionResult]
    attempts: CallAttempts[ActionResult] | None = None
    earlier: tuple[RefoldError, ...] = ()
    paused_at: float = 0.0
    rate_wait: float = 0.0
    throttled: float = 0.0
    throttles: int = 0


class ExecuteRunner:
    """Executes the calls of a batch over a client's connections.

    A call's own timeout counts its attempts alone. After Refold's own 429 the whole key pauses and the
    call waits as long: up to `patience` seconds in all, beyond its number of attempts, since nothing of
    it was executed.

    Args:
        requester: The organisation's.
        settings: The client's settings.
        batch: The batch's settings.

    Raises:
        SettingsError: If the batch's concurrency exceeds the client's `max_connections`.
    """

    def __init__(self, requester: Requester, settings: Settings, batch: BatchSettings) -> None:
        if batch.concurrency > settings.max_connections:
            raise SettingsError(
                f"concurrency={batch.concurrency} exceeds the client's "
                f"max_connections={settings.max_connections}: raise that, or lower this"
            )
        self._requester: Final = requester
        self._for_account: Final = lru_cache(_KEPT_ACCOUNTS)(requester.for_account)
        self._settings: Final = settings
        self._timeout: Final = batch.timeout
        self._patience: Final = batch.patience
        self._acquisitions: set[asyncio.Timeout] = set()

    async def open(self) -> None:
        """Open the session, and keep it from being closed as idle.

        Raises:
            ClosedError: If the client was closed.
        """
        self._session = await self._requester.session()
        self._session.enter()

    def close(self) -> None:
        """Release the session."""
        self._session.leave()

    @property
    def base_url(self) -> str:
        """Where the calls go."""
        return self._session.base_url

    @property
    def learnt_rate(self) -> float | None:
        """Calls per second that the service was learnt to allow, if that was learnt."""
        return self._session.learnt_rate

    @property
    def rate_limit(self) -> float | None:
        """Calls per second that are started at most, if the settings say."""
        limit = self._settings.limit_for(self._session.base_url)
        return None if limit is None else limit.per_second

    @property
    def key_pauses(self) -> KeyPauses:
        """What 429s of Refold hold the calls back for."""
        return self._session.pauses

    def acquire(self, queued: QueuedCall) -> Awaitable[None] | None:
        """Prepare a call and acquire a slot of the rate limit; see `CallRunner`.

        Raises:
            InvalidCallError: If the call cannot be sent.
        """
        state: CallState = queued.state or self._prepare(queued)
        if self._session.rate_limiter.try_acquire():
            return None
        return self._wait_for_slot(queued, state)

    async def attempt(self, queued: QueuedCall) -> ActionResult | RetryAfter:
        """Make one attempt; see `CallRunner`.

        Raises:
            RefoldError: If the call failed for good.
        """
        state: CallState = queued.state
        attempts = state.attempts
        if attempts is None:
            attempts = start_call(self._session, self._settings, state.prepared, state.earlier)
            state.attempts = attempts
        else:
            # The deadline counts attempts alone: give back the time since the last one.
            attempts.extend(self._session.loop.time() - state.paused_at)
        if not queued.attempts:
            queued.started_at = attempts.started
        queued.attempts += 1
        queued.error = None
        rate_wait, state.rate_wait = state.rate_wait, 0.0
        try:
            answer = await attempts.attempt(rate_wait=rate_wait)
        except RateLimitedError as error:
            return self._retry_after(state, error)
        if type(answer) is RetryAfter:
            state.paused_at = self._session.loop.time()
        return answer

    def stop(self) -> None:
        """Cancel pending acquisitions; their calls will not be sent."""
        for timeout in self._acquisitions:
            timeout.reschedule(self._session.loop.time())

    def abandon(self, queued: QueuedCall, error: RefoldError) -> None:
        """Note that a call which failed with `error` will not be attempted again."""
        state: CallState | None = queued.state
        if state is not None and state.attempts is not None:
            state.attempts.abandon(error)

    def _prepare(self, queued: QueuedCall) -> CallState:
        call = queued.call
        state = queued.state = CallState(
            prepare_execute(
                self._for_account(call.linked_account_id),
                call.slug,
                call.action_id,
                encoded_params(call),
                effect=call.effect,
                timeout=self._timeout,
            )
        )
        return state

    async def _wait_for_slot(self, queued: QueuedCall, state: CallState) -> None:
        """Wait for the rate limit, or until the batch stops."""
        clock = self._session.loop.time
        began = clock()
        timeout = asyncio.timeout(None)
        try:
            async with timeout:
                self._acquisitions.add(timeout)
                try:
                    await self._session.rate_limiter.acquire(math.inf)
                finally:
                    self._acquisitions.discard(timeout)
        except TimeoutError:
            # Only `stop` makes it expire; any other TimeoutError is not ours.
            if not timeout.expired():
                raise
        except RefoldError as error:
            if queued.error is not None:  # nothing of this attempt was sent, but of the one before
                error.fate = worst_fate(error.fate, (queued.error,))
            raise
        state.rate_wait = clock() - began
        queued.rate_wait += state.rate_wait

    def _retry_after(self, state: CallState, error: RateLimitedError) -> RetryAfter:
        """Postpone a call after Refold's own 429 if its attempts did not wait that out, or raise."""
        wait = self._wait_after(state, error)
        if wait is None:
            raise error
        state.throttles += 1
        state.throttled += wait
        state.earlier = (*error.earlier, error)
        state.attempts = None
        return RetryAfter(wait, error)

    def _wait_after(self, state: CallState, error: RateLimitedError) -> float | None:
        retry = self._settings.retry
        if retry.attempts == 1 or not failures.is_key_throttled(error):
            return None
        if not retries.is_safe(retry, state.prepared.effect, error):
            return None
        backoff = min(_LONGEST_BACKOFF, max(retry.base, _SHORTEST_BACKOFF) * 2.0 ** min(state.throttles, 32))
        wait = error.retry_after or backoff
        return wait if state.throttled + wait <= self._patience else None
