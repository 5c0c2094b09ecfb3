"""The road of one call: take a turn, send, read, try again, all within one deadline."""

from __future__ import annotations

import asyncio
from typing import Final, Generic, NamedTuple, TypeVar

from refold_async import deadlines
from refold_async._core import retries
from refold_async._core.observer import Observer
from refold_async._core.prepared import PreparedCall, describe
from refold_async._core.responses import AttemptState, Response
from refold_async._core.retries import Waits
from refold_async._core.sessions import Session
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
from refold_async.settings import Settings

T = TypeVar("T")

LONGEST_PAUSE: Final = 300.0
"""Seconds for which a 429 pauses a whole credential at most, however long it asks for."""


class RetryAfter(NamedTuple):
    """An attempt failed, and the call is to be tried again after `wait` seconds."""

    wait: float
    error: RefoldError


class CallAttempts(Generic[T]):
    """One logical call under way, an attempt at a time.

    `run` makes the whole trip. Who has better to do than to sleep between the attempts, as a
    batch has, calls `attempt` instead, and comes back after the wait that it names.

    Args:
        session: The connections, and what they share.
        settings: The client's.
        plan: The call.
        earlier: The errors of its trips before this one, where it had any.

    Attributes:
        attempts: Attempts begun.
        paced: Seconds waited for a turn by the rate limit.
    """

    __slots__ = (
        "_deadline", "_drawn", "_earlier", "_observer", "_plan", "_renewed", "_retry", "_session", "_started",
        "_waits", "attempts", "paced",
    )  # fmt: skip

    def __init__(
        self,
        session: Session,
        settings: Settings,
        plan: PreparedCall[T],
        *,
        earlier: tuple[RefoldError, ...] = (),
    ) -> None:
        self._session = session
        self._plan = plan
        self._retry = settings.retry
        self._started = session.loop.time()
        self._deadline = deadlines.earlier(self._started + plan.timeout)
        self._drawn = 0
        self._earlier = earlier
        self._renewed = False
        self._waits: Waits | None = None
        self._observer = Observer.of(settings.hooks, session, plan, self._started)
        self.attempts = 0
        self.paced = 0.0

    @property
    def deadline(self) -> float:
        """When the call is given up, by the event loop's clock; `math.inf` for never."""
        return self._deadline

    async def run(self) -> T:
        """Attempt the call until it is answered, fails for good, or its deadline passes.

        Raises:
            RefoldError: Any of ours; see `errors`.
        """
        self._session.enter()
        try:
            outcome = await self.attempt()
            while isinstance(outcome, RetryAfter):
                await self._rest(outcome.wait)
                outcome = await self.attempt()
        finally:
            self._session.leave()
        return outcome

    async def _rest(self, seconds: float) -> None:
        try:
            await asyncio.sleep(seconds)
        except BaseException as error:
            self.abandon(error)
            raise

    def abandon(self, error: BaseException) -> None:
        """Tell those who listen that the call ends between two attempts, as when it is cancelled then.

        Where it ends with the last attempt's error, that error tells of the attempts before it from now on.
        """
        if self._earlier and error is self._earlier[-1]:
            _tell_of(self._earlier[:-1], self._earlier[-1])
        self._told().ended(self.attempts, error, worst_fate("not_sent", self._earlier))

    def extend(self, seconds: float) -> None:
        """Put the deadline off by time that is not the call's own; an enclosing block's still holds."""
        self._deadline = deadlines.earlier(self._deadline + seconds)

    async def attempt(self, *, paced: float | None = None) -> T | RetryAfter:
        """Attempt the call once.

        Args:
            paced: Seconds waited for a turn by the rate limit that the caller took for this attempt;
                default: the attempt waits for its turn itself.

        Returns:
            The answer, or the wait after which to attempt it again.

        Raises:
            RefoldError: The call failed, and is not to be attempted again.
        """
        self.attempts += 1
        progress = AttemptState()
        session = self._session
        if self.attempts == 1 and self._observer is not None:
            self._observer.began()
        try:
            try:
                reply = await self._exchange(progress, paced)
                progress.status = reply.status
                answer = self._plan.read(self._plan.answer, reply, progress.secret)
            except RefoldError as error:
                return await self._fail(error, progress)
        except BaseException as error:
            fate = error.fate if isinstance(error, RefoldError) else progress.fate
            self._told().ended(self.attempts, error, worst_fate(fate, self._earlier))
            raise
        session.budget.refund(self._drawn or 1)
        if self._observer is not None:
            self._observer.answered(self.attempts, reply.status)
        return answer

    def _told(self) -> Observer:
        """Give who is told of a failure: the log, where nobody else listens."""
        self._observer = self._observer or Observer(self._session, self._plan, self._started)
        return self._observer

    async def _exchange(self, progress: AttemptState, paced: float | None) -> Response:
        session, request = self._session, self._plan.request
        if paced:
            self._waited(paced)
        elif paced is None and not session.rate_limiter.try_acquire():
            await self._turn()
        due = self._deadline
        try:
            if not session.secret or not session.limiter.try_acquire():
                await self._enter()
            try:
                if (now := session.loop.time()) >= due:  # a kept connection would take it all the same
                    raise OutOfTimeError
                due = self._due(now)
                if self._observer is not None:
                    request = self._observer.sending(self.attempts, request)
                return await session.exchange(request, progress, due)
            finally:
                session.limiter.release()
        except OutOfTimeError:
            failure = self._silence(progress, due)
        raise failure

    async def _enter(self) -> None:
        """Take one of the session's places, once its credential is known."""
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

    async def _turn(self) -> None:
        rate_limiter, clock = self._session.rate_limiter, self._session.loop.time
        began = clock()
        if (due := rate_limiter.delay()) > self._deadline - began:
            raise DeadlineExceededError(
                f"the next turn is {due:.1f} s away, past the deadline", retry_after=due
            )
        try:
            await wait_until(self._deadline, rate_limiter.acquire())
        except OutOfTimeError:
            raise DeadlineExceededError(
                "no turn by the rate limit came before the deadline", retry_after=rate_limiter.delay()
            ) from None
        finally:
            self._waited(clock() - began)

    def _waited(self, seconds: float) -> None:
        self.paced += seconds
        if self._observer is not None:
            self._observer.waited("rate", seconds)

    def _due(self, now: float) -> float:
        """Give when an attempt that goes out now is given up; a read that may be repeated is so early."""
        if self._plan.effect == "write" or self.attempts >= self._retry.attempts:
            return self._deadline
        return min(self._deadline, now + self._retry.attempt_timeout)

    def _silence(self, progress: AttemptState, due: float) -> RefoldError:
        if due < self._deadline:
            return ConnectionFailedError(
                f"no answer within {self._retry.attempt_timeout:g} s", fate=progress.fate
            )
        if progress.sent:
            return DeadlineExceededError("no answer came before the deadline", fate="unknown")
        if not self._session.secret:
            return DeadlineExceededError("the credential's source gave no secret before the deadline")
        return DeadlineExceededError("it could not be sent before the deadline: no connection, or no time")

    async def _fail(self, error: RefoldError, progress: AttemptState) -> RetryAfter:
        """Say when to try again, or raise the error.

        Its traceback begins here: the frames below hold what the server sent, which may echo the key.
        """
        error.__traceback__ = error.__context__ = None
        describe(error, self._plan.operation, self._plan.path, self._plan.linked_account_id)
        error.effect = self._plan.effect
        error.fate = retries.fate_of(self._retry, error.effect, error)
        error.attempts = self.attempts
        error.elapsed = self._elapsed()
        self._told().failed(self.attempts, error, progress.status)
        if isinstance(error, RateLimitedError) and not error.by_app:
            asked = self._retry.base if error.retry_after is None else error.retry_after
            self._session.rate_limiter.pause(min(asked, LONGEST_PAUSE))
        wait = await self._renewal(error, progress) if self._may_repeat(error) else None
        if wait is None:
            wait = self._wait_after(error)
        if wait is None:
            _tell_of(self._earlier, error)
            raise error
        self._earlier += (error,)
        self._told().retrying(self.attempts, error, wait)
        return RetryAfter(wait, error)

    async def _renewal(self, error: RefoldError, progress: AttemptState) -> float | None:
        """Ask once for another secret after a refusal, where its source may have one."""
        if not isinstance(error, AuthenticationError) or not self._session.rotates or self._renewed:
            return None
        self._renewed = True
        try:
            return 0.0 if await wait_until(self._deadline, self._session.renew(progress.secret)) else None
        except OutOfTimeError:
            error.add_note("the credential's source gave no other secret before the deadline")
        except SettingsError as failure:
            error.add_note(f"no other secret: {failure.message}")
            error.__cause__ = failure
        return None

    def _may_repeat(self, error: RefoldError) -> bool:
        """Whether the body can be sent again: a file object that cannot be read twice was read once sent."""
        upload = self._plan.request.upload
        return upload is None or upload.is_repeatable or error.fate == "not_sent"

    def _wait_after(self, error: RefoldError) -> float | None:
        if not self._may_repeat(error):
            error.add_note("not tried again: a file of it can be read only once")
            return None
        if not retries.may_retry(self._retry, self._plan.effect, error, self.attempts):
            return None
        self._waits = self._waits or Waits(self._retry)
        wait = self._waits.next(error.retry_after)
        if self._session.loop.time() + wait >= self._deadline:
            error.add_note(f"not tried again: the next try, in {wait:.1f} s, would be past the deadline")
            return None
        cost = retries.cost_of(error)
        if not self._session.budget.draw(cost):
            error.add_note("not tried again: the session's retry budget is spent")
            return None
        self._drawn = cost
        return wait

    def _elapsed(self) -> float:
        return self._session.loop.time() - self._started


def _tell_of(earlier: tuple[RefoldError, ...], error: RefoldError) -> None:
    """Have a call's last error tell of those before it, and of what became of the call in all."""
    error.earlier = earlier
    error.fate = worst_fate(error.fate, earlier)
