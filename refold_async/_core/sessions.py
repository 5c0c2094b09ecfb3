"""Sessions: one for each base URL, credential and running event loop.

A session is opened on first use and closed with its event loop, by `aclose`, or when idle.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import warnings
from collections.abc import AsyncGenerator, Coroutine, Hashable, Mapping
from typing import Any, Final, NoReturn

from refold_async._core import closing
from refold_async._core.cache import ResponseCache
from refold_async._core.credentials import NO_SECRET, Credential, Secret
from refold_async._core.learnt_rate import LearntRate
from refold_async._core.limiter import CapacityLimiter
from refold_async._core.pauses import KeyPauses
from refold_async._core.rate_limits import BucketState, TokenBucket
from refold_async._core.requests import Request
from refold_async._core.responses import AttemptState, Response
from refold_async._core.retries import RetryBudget
from refold_async._core.transport import ConnectionPool
from refold_async.errors import ClosedError, RefoldError
from refold_async.hooks import listening
from refold_async.settings import Cache, RateLimiter, Settings

IDLE: Final = 300.0
"""Seconds without a call after which a session is closed, when others are opened."""

_Key = tuple[asyncio.AbstractEventLoop, str, Hashable]


class Session:
    """The connections of one credential to one base URL in one event loop, and what they share.

    Attributes:
        loop: The event loop that it belongs to.
        base_url: The base URL.
        credential: Its credential.
        bucket: The state of its rate limit, which other event loops share, if that is the SDK's own.
        rate_limiter: Its rate limit.
        pauses: What 429s of Refold hold its calls back for.
        budget: Its retry budget.
        cache: Its cache, if the settings ask for one.
        schemas: Keeps the schemas that calls are validated against: its cache, or one of its own.
        limiter: Limits its concurrent exchanges; each must hold a slot.
        last_used: When its last call ended, by the event loop's clock.
        active: The number of calls under way.
        closed: Whether it was closed.
        secret: The secret in use; `NO_SECRET` until `authorize` has fetched it.
    """

    def __init__(
        self,
        base_url: str,
        credential: Credential,
        settings: Settings,
        bucket: BucketState | None,
        rate_limiter: RateLimiter,
    ) -> None:
        self.loop: Final = asyncio.get_running_loop()
        self.base_url: Final = base_url
        self.bucket: Final = bucket
        self.rate_limiter: Final = rate_limiter
        self.pauses: Final = KeyPauses()
        self.budget: Final = RetryBudget(settings.retry.budget)
        self.cache: Final = None if settings.cache is None else ResponseCache(settings.cache)
        self.schemas: Final = ResponseCache(Cache()) if self.cache is None else self.cache
        self.limiter: Final = CapacityLimiter(settings.max_connections)
        self.last_used = self.loop.time()
        self.active = 0
        self.closed = False
        self.credential: Final = credential
        self.secret: Secret = NO_SECRET
        self._secret_lock = asyncio.Lock()
        self._auth_headers: Mapping[str, str] = {}
        self._drained: asyncio.Event | None = None
        self._closing = False
        self._process = os.getpid()
        self._connections = ConnectionPool(base_url, settings)
        self._closer = self._close_at_end()
        _start(self._closer)

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{self.active} under way"
        if self.learnt_rate is not None:
            state += f", {self.learnt_rate:.1f}/s learnt"
        return f"Session({self.base_url!r}, {self.credential!r}, {state})"

    async def _close_at_end(self) -> AsyncGenerator[None, None]:
        """Close the connections when the generator is closed, by `aclose` or by its event loop."""
        try:
            yield
        finally:
            self.closed = True
            try:
                await self._connections.aclose()
            finally:
                await self.rate_limiter.aclose()

    async def aclose(self) -> None:
        """Close all connections; calls under way fail with `ClosedError`. Idempotent."""
        self.closed = True
        # Two at once, e.g. from two event loops, would raise: a generator cannot be closed twice at a time.
        if not self._closing:
            self._closing = True
            await self._closer.aclose()

    @property
    def runs(self) -> bool:
        """Whether its event loop runs, in this process."""
        # After a fork, the parent's event loop still says that it runs; nobody runs it here.
        return not self.inherited and self.loop.is_running()

    @property
    def inherited(self) -> bool:
        """Whether it belongs to the process that this one was forked from."""
        return self._process != os.getpid()

    async def drained(self) -> None:
        """Wait until no call is under way."""
        if self.active:
            self._drained = self._drained or asyncio.Event()
            await self._drained.wait()

    @property
    def learnt_rate(self) -> float | None:
        """Calls per second that the service was learnt to allow, or `None` if that was not learnt."""
        learnt = None if self.bucket is None else self.bucket.learnt
        return None if learnt is None else learnt.rate

    def enter(self) -> None:
        """Count a call as under way, until `leave`."""
        self.active += 1

    def leave(self) -> None:
        """Count a call as finished."""
        self.active -= 1
        if self.active:
            return
        self.last_used = self.loop.time()
        if self._drained is not None:
            self._drained.set()
            self._drained = None

    @property
    def rotates(self) -> bool:
        """Whether the credential has a source, which may return another secret after a 401."""
        return self.credential.rotates

    async def renew(self, refused: Secret) -> bool:
        """Ask the credential's source again after a 401, once for all calls that got one.

        Returns:
            Whether a secret other than the refused one is now in use.
        """
        async with self._secret_lock:
            # By identity: a source that returns an equal secret again would be asked once by each call.
            if self.secret is refused:
                await self._fetch_secret()
            return self.secret != refused

    async def authorize(self) -> None:
        """Fetch the secret, unless it is known already."""
        async with self._secret_lock:
            if not self.secret:
                await self._fetch_secret()

    async def _fetch_secret(self) -> None:
        self.secret = await self.credential.secret()
        self._auth_headers = self.credential.headers(self.secret)

    def exchange(self, request: Request, state: AttemptState, due: float) -> Coroutine[Any, Any, Response]:
        """Send one request and read its whole response; the caller must hold a slot of `limiter`.

        Args:
            request: The request; the credential that `authorize` fetched is added to it.
            state: Is updated when the request may have been sent.
            due: When to time out, by the event loop's clock; `math.inf` for never.

        Raises:
            ClosedError: If the session was closed.
            OutOfTimeError: If `due` passed.
            Exception: Any of `transport.FAILURES`, for `explain`.
        """
        state.secret = self.secret
        return self._connections.exchange(request, self._auth_headers, state, due)

    def explain(self, error: Exception, state: AttemptState, due: float) -> Coroutine[Any, Any, RefoldError]:
        """Return the error that reports a failed exchange to the caller; see `ConnectionPool.explain`."""
        return self._connections.explain(error, state, due)


def _start(generator: AsyncGenerator[None, None]) -> None:
    """Run a generator to its first yield, so that the event loop closes it in `shutdown_asyncgens`."""
    # By hand: a constructor cannot await, and a task would outlive a session nobody closes.
    with contextlib.suppress(StopIteration):
        generator.__anext__().__await__().send(None)


class Sessions:
    """The sessions of a manager, opened on first use."""

    def __init__(self, settings: Settings) -> None:
        self.settings: Final = settings
        self.closed = False
        self._open: dict[_Key, Session] = {}
        # The one used last: a process with one client would hash the key of the others for each call.
        self._last: Session | None = None
        self._buckets: dict[tuple[str, Hashable], BucketState] = {}
        self._opens_until_sweep = 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self._open.values()))})"

    def __del__(self) -> None:
        """Warn if the client is dropped while the event loop of its connections is running."""
        for session in getattr(self, "_open", {}).values():
            if not session.closed and session.loop.is_running():
                warnings.warn(
                    f"a client of {session.base_url} was not closed; "
                    "use `async with`, or `await client.aclose()`",
                    ResourceWarning,
                    stacklevel=2,
                    source=self,
                )

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled, and clients and accounts with it: the pickle would contain the key."""
        raise TypeError(
            "a client, with its key and connections, cannot be copied or pickled: create one where it is used"
        )

    def get(self, base_url: str, credential: Credential) -> Session | None:
        """Return the open session of a credential in the running loop, if there is one."""
        loop, session = asyncio.get_running_loop(), self._last
        if (
            session is None
            or session.loop is not loop
            or session.credential is not credential
            or session.base_url != base_url
        ):
            session = self._last = self._open.get((loop, base_url, credential.identity))
        return None if session is None or session.closed or self.closed else session

    async def open(self, base_url: str, credential: Credential) -> Session:
        """Return the session of a credential in the running loop, opened on first use.

        Now and then this also closes sessions that were idle for five minutes.

        Raises:
            ClosedError: If the manager was closed.
        """
        if self.closed:
            raise ClosedError("the client is closed; `async with` reopens it")
        session = self.get(base_url, credential)
        if session is None:
            session = self._last = self._new(base_url, credential)
            self._open[session.loop, base_url, credential.identity] = session
            # Not at each opening: with a token per customer, thousands of sweeps would cost quadratic time.
            self._opens_until_sweep -= 1
            if self._opens_until_sweep <= 0:
                await closing.close_all(self._sweep(session.loop))
        return session

    def _new(self, base_url: str, credential: Credential) -> Session:
        factory, hooks = self.settings.limiter_factory, listening(self.settings.hooks)
        if factory is not None:
            rate_limiter = factory.open(base_url, credential.fingerprint)
            return Session(base_url, credential, self.settings, None, rate_limiter)
        bucket = self._bucket(base_url, credential)
        rate_limiter = TokenBucket(bucket, server=base_url, hooks=hooks)
        return Session(base_url, credential, self.settings, bucket, rate_limiter)

    def _bucket(self, base_url: str, credential: Credential) -> BucketState:
        """Return the credential's bucket, which all event loops share: a second loop gets no second burst."""
        learnt = LearntRate() if self.settings.learns_for(base_url) else None
        limit, penalty = self.settings.limit_for(base_url), self.settings.retry.base
        bucket = BucketState(limit, learnt=learnt, penalty=penalty)
        return self._buckets.setdefault((base_url, credential.identity), bucket)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> list[Session]:
        """Drop sessions that have ended or are idle in this loop; return the idle ones, to be closed."""
        self._last = None
        before = loop.time() - IDLE
        swept: list[Session] = []
        for key, session in list(self._open.items()):
            ended = session.closed or session.loop.is_closed()
            idle = session.loop is loop and not session.active and session.last_used < before
            if idle and not ended:
                swept.append(session)
            if idle or ended:
                self._open.pop(key, None)
        kept = list(self._open.items())
        self._buckets = {
            (url, identity): session.bucket
            for (_, url, identity), session in kept
            if session.bucket is not None
        }
        self._opens_until_sweep = len(kept)
        return swept

    async def aclose(self, *, drain: float = 0.0) -> None:
        """Close all sessions, in whichever event loops they are; further calls are refused. Idempotent.

        It returns within `drain` and a moment, and raises nothing of other event loops.

        Args:
            drain: Seconds to wait for calls under way first.
        """
        self.closed, self._last = True, None
        sessions, self._open, self._buckets = list(self._open.values()), {}, {}
        try:
            if drain > 0:
                await closing.drain(sessions, drain)
        finally:
            await closing.close_all(sessions)

    def reopen(self) -> None:
        """Allow sessions to be opened again after `aclose`."""
        self.closed = False
