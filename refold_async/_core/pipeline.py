"""The attempts of one call: acquire the rate limit, send, read, retry, all within one deadline."""

from __future__ import annotations

import asyncio
from typing import Generic, NamedTuple, TypeVar

import msgspec

from refold_async import deadlines
from refold_async._core import retries
from refold_async._core.observer import Observer, logs_success, observer_of
from refold_async._core.pauses import LONGEST_PAUSE
from refold_async._core.prepared import PreparedCall, describe
from refold_async._core.requests import Request
from refold_async._core.responses import AttemptState
from refold_async._core.retries import Waits
from refold_async._core.sessions import Session
from refold_async._core.transport import FAILURES
from refold_async.deadlines import OutOfTimeError, wait_until
from refold_async.errors import (
    AuthenticationError,
    ConnectionFailedError,
    DeadlineExceededError,
    RateLimitedError,
    RefoldError,
    SettingsError,
    worst_fate,
)
from refold_async.settings import Retry, Settings

T = TypeVar("T")


class RetryAfter(NamedTuple):
    """A failed attempt that is to be retried after `wait` seconds."""

    wait: float
    error: RefoldError


class CallAttempts(msgspec.Struct, Generic[T], eq=False):
    """One logical call under way, attempt by attempt; `start_call` begins one.

    `run` makes all attempts. A caller that has better things to do than sleep between them, e.g. a batch,
    calls `attempt` instead, and again after the wait that it returns.

    Attributes:
        started: When the call started, by the event loop's clock.
        attempts: The number of attempts started.
        rate_wait: Seconds spent waiting for the rate limit.
    """

    # A struct: msgspec sets what every call has in a fraction of the time that a constructor takes.
    _session: Session
    _retry: Retry
    _prepared: PreparedCall[T]
    started: float
    _deadline: float
    _observer: Observer | None
    _earlier: tuple[RefoldError, ...]
    _retry_cost: int = 0
    _renewed: bool = False
    _fresh: bool = False
    _stale_before: bool = False
    _waits: Waits | None = None
    attempts: int = 0
    rate_wait: float = 0.0

    def __repr__(self) -> str:
        return f"CallAttempts({self._prepared.operation.name!r}, attempts={self.attempts})"

    @property
    def deadline(self) -> float:
        """When the call times out, by the event loop's clock; `math.inf` for never."""
        return self._deadline

    async def run(self) -> T:
        """Attempt the call until it succeeds, fails for good, or its deadline passes.

        Raises:
            RefoldError: If the call failed; see `errors`.
        """
        self._session.enter()
        try:
            outcome = await self.attempt()
            while isinstance(outcome, RetryAfter):
                await self._sleep(outcome.wait)
                outcome = await self.attempt()
        finally:
            self._session.leave()
        return outcome

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        except BaseException as error:
            self.abandon(error)
            raise

    def abandon(self, error: BaseException) -> None:
        """Report that the call ends between two attempts, e.g. because it is cancelled there.

        If it ends with the last attempt's error, that error gets the earlier ones attached.
        """
        if self._earlier and error is self._earlier[-1]:
            _attach_earlier(self._earlier[:-1], self._earlier[-1])
        self._failure_observer().ended(self.attempts, error, worst_fate("not_sent", self._earlier))

    def extend(self, seconds: float) -> None:
        """Extend the deadline by time that is not the call's own; an enclosing `deadline` still holds."""
        self._deadline = deadlines.earlier(self._deadline + seconds)

    async def attempt(self, *, rate_wait: float | None = None) -> T | RetryAfter:
        """Attempt the call once.

        Args:
            rate_wait: Seconds that the caller waited for the rate limit on behalf of this attempt;
                default: the attempt acquires the rate limit itself.

        Returns:
            The result, or the wait before the next attempt.

        Raises:
            RefoldError: If the call failed, and must not be attempted again.
        """
        self.attempts += 1
        session, state = self._session, AttemptState(self._fresh)
        failure: RefoldError | None = None
        if self._observer is not None and self.attempts == 1:
            self._observer.began()
        try:
            # One coroutine for all of this: thousands of calls may wait in `exchange`, and the garbage
            # collector traverses what each of them consists of.
            try:
                if rate_wait:
                    self._record_rate_wait(rate_wait)
                elif rate_wait is None and not session.rate_limiter.try_acquire():
                    await self._acquire_rate_limit()
                if not session.secret or not session.limiter.try_acquire():
                    await self._acquire_connection()
                try:
                    state.due = due = self._due()
                    response = await session.exchange(self._request(), state, due)
                finally:
                    session.limiter.release()
                state.status = response.status
                result = self._prepared.read(self._prepared.answer, response, state.secret)
            except (RefoldError, OutOfTimeError, *FAILURES) as error:
                failure = await self._failure(error, state)
            # Outside the `except`, or the error's context would be aiohttp's, which holds the request with
            # the key. `del`, or this frame and the traceback would keep each other alive until the GC runs.
            if failure is not None:
                try:
                    return await self._fail(failure, state)
                finally:
                    del failure
        # Cancellation and bugs too: without this, `on_done` would not follow `on_call`.
        except BaseException as error:
            fate = error.fate if isinstance(error, RefoldError) else state.fate
            self._failure_observer().ended(self.attempts, error, worst_fate(fate, self._earlier))
            raise
        session.rate_limiter.on_response(False)
        if session.budget.drawn:
            session.budget.refund(self._retry_cost or 1)
        if self._observer is not None:
            self._observer.answered(self.attempts, response.status)  # pyright: ignore[reportPossiblyUnboundVariable]
        return result  # pyright: ignore[reportPossiblyUnboundVariable] - without a failure, it was read

    def _failure_observer(self) -> Observer:
        """Return the observer that a failure is reported to: at least the log, even without hooks."""
        self._observer = self._observer or Observer(self._session, self._prepared, self.started)
        return self._observer

    def _due(self) -> float:
        """Return when the attempt times out, by the event loop's clock.

        Raises:
            OutOfTimeError: If the call has timed out.
        """
        due, now = self._deadline, self._session.loop.time()
        # Without this check, a kept connection would send the request after the deadline.
        if now >= due:
            raise OutOfTimeError
        # A write that is given up early has an unknown fate, so it gets all the time that there is.
        early = now + self._retry.attempt_timeout
        if early < due and self._prepared.effect != "write" and self.attempts < self._retry.attempts:
            return early
        return due

    def _request(self) -> Request:
        request = self._prepared.request
        return request if self._observer is None else self._observer.sending(self.attempts, request)

    async def _failure(self, error: Exception, state: AttemptState) -> RefoldError:
        """Return the error to report, or raise what is no failure of the exchange."""
        if isinstance(error, RefoldError):
            return error
        if isinstance(error, OutOfTimeError):
            return self._timeout_error(state)
        if state.due is None or state.status is not None:
            raise error
        return await self._session.explain(error, state, state.due)

    async def _acquire_connection(self) -> None:
        """Acquire one of the session's connections, once its secret is known."""
        session = self._session
        if not session.secret:
            await wait_until(self._deadline, session.authorize())
        if session.limiter.try_acquire():
            return
        began = session.loop.time()
        try:
            await wait_until(self._deadline, session.limiter.acquire())
        finally:
            if self._observer is not None:
                self._observer.waited("connection", session.loop.time() - began)

    async def _acquire_rate_limit(self) -> None:
        clock = self._session.loop.time
        began = clock()
        try:
            await self._session.rate_limiter.acquire(self._deadline)
        except DeadlineExceededError as error:
            self._explain_pause(error)
            raise
        finally:
            self._record_rate_wait(clock() - began)

    def _explain_pause(self, error: RefoldError) -> None:
        """Add to an error's message what the key is paused for, and until when."""
        if (pause := self._session.pauses.explain(self._session.loop.time())) is not None:
            error.message = f"{error.message}: {pause}"
            error.args = (error.message,)

    def _record_rate_wait(self, seconds: float) -> None:
        self.rate_wait += seconds
        if self._observer is not None:
            self._observer.waited("rate", seconds)

    def _timeout_error(self, state: AttemptState) -> RefoldError:
        if state.due is not None and state.due < self._deadline:
            return ConnectionFailedError(
                f"no response within {self._retry.attempt_timeout:g} s", fate=state.fate
            )
        if state.sent:
            return DeadlineExceededError("no response before the deadline", fate="unknown")
        if not self._session.secret:
            return DeadlineExceededError("the credential source returned no secret before the deadline")
        return DeadlineExceededError("deadline exceeded before the request was sent")

    async def _fail(self, error: RefoldError, state: AttemptState) -> RetryAfter:
        """Return the wait before the next attempt, or raise the error."""
        # The frames below hold what the server sent, which may echo the key: the traceback begins here.
        error.__traceback__ = error.__context__ = None
        describe(error, self._prepared.operation, self._prepared.path, self._prepared.linked_account_id)
        error.effect, error.server = self._prepared.effect, self._session.base_url
        error.fate = retries.fate_of(self._retry, error.effect, error)
        error.attempts = self.attempts
        error.elapsed = self._session.loop.time() - self.started
        self._failure_observer().failed(self.attempts, error, state.status)
        self._limit_rate(error)
        wait = await self._renew_secret(error, state) if self._can_resend(error) else None
        if wait is None:
            wait = self._wait_after(error, state)
        if wait is None:
            if isinstance(error, RateLimitedError) and not error.by_app:
                self._explain_pause(error)
            _attach_earlier(self._earlier, error)
            raise error
        self._earlier += (error,)
        self._fresh = state.stale
        self._stale_before = self._stale_before or state.stale
        self._failure_observer().retrying(self.attempts, error, wait)
        return RetryAfter(wait, error)

    def _limit_rate(self, error: RefoldError) -> None:
        """Tell the rate limiter of a failure that the service answered, and how long a 429 asks to wait."""
        rate_limiter = self._session.rate_limiter
        if not isinstance(error, RateLimitedError) or error.by_app:
            if error.status is not None:
                rate_limiter.on_response(False)
            return
        # `Retry-After: 0` says that the next call may come at once: there is no rate to learn from it.
        if error.retry_after != 0:
            rate_limiter.on_response(True)
        if error.retry_after is not None:
            rate_limiter.pause(min(error.retry_after, LONGEST_PAUSE))
        self._session.pauses.begin(self._session.loop.time(), rate_limiter.delay(), error)

    async def _renew_secret(self, error: RefoldError, state: AttemptState) -> float | None:
        """Ask the credential's source once for another secret after a 401; return 0 if there is one."""
        if not isinstance(error, AuthenticationError) or not self._session.rotates or self._renewed:
            return None
        self._renewed = True
        try:
            return 0.0 if await wait_until(self._deadline, self._session.renew(state.secret)) else None
        except OutOfTimeError:
            error.add_note("the credential source returned no new secret before the deadline")
        except SettingsError as failure:
            error.add_note(f"no new secret: {failure.message}")
            error.__cause__ = failure
        return None

    def _can_resend(self, error: RefoldError) -> bool:
        """Whether the body can be sent again: a file object that is not seekable is used up once sent."""
        upload = self._prepared.request.upload
        return upload is None or upload.is_repeatable or error.fate == "not_sent"

    def _wait_after(self, error: RefoldError, state: AttemptState) -> float | None:
        if not self._can_resend(error):
            error.add_note("not retried: it uploads a file that can be read only once")
            return None
        if not retries.may_retry(self._retry, self._prepared.effect, error, self.attempts):
            return None
        self._waits = self._waits or Waits(self._retry)
        wait = self._waits.next(error.retry_after)
        if self._session.loop.time() + wait >= self._deadline:
            error.add_note(f"not retried: the next attempt, in {wait:.1f} s, would start after the deadline")
            return None
        cost = retries.cost_of(error, first_stale=state.stale and not self._stale_before)
        if not self._session.budget.draw(cost):
            error.add_note("not retried: the session's retry budget is exhausted")
            return None
        self._retry_cost = cost
        return wait


def start_call(
    session: Session,
    settings: Settings,
    prepared: PreparedCall[T],
    earlier: tuple[RefoldError, ...] = (),
) -> CallAttempts[T]:
    """Start a call; its deadline counts from here.

    Args:
        session: The connections, and what they share.
        settings: The client's settings.
        prepared: The call.
        earlier: The errors of its attempts so far, if it was under way before.
    """
    started = session.loop.time()
    deadline = deadlines.earlier(started + prepared.timeout)
    hooks = settings.hooks
    # No observer rather than one that does nothing: most calls then report nothing to nobody.
    observer = observer_of(hooks, session, prepared, started) if hooks or logs_success() else None
    return CallAttempts(session, settings.retry, prepared, started, deadline, observer, earlier)


def _attach_earlier(earlier: tuple[RefoldError, ...], error: RefoldError) -> None:
    """Attach the errors of the earlier attempts to the last one, whose fate becomes the call's."""
    error.earlier = earlier
    error.fate = worst_fate(error.fate, earlier)
