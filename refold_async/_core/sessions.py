"""The sessions: one for each base URL, credential and running event loop.

A session is opened on first use and closed with its event loop, by `aclose`, or when idle.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Coroutine, Hashable, Mapping
from typing import Any, Final, NoReturn

from refold_async._core.cache import ResponseCache
from refold_async._core.credentials import NO_SECRET, Credential, Secret
from refold_async._core.limiter import CapacityLimiter
from refold_async._core.rate_limits import BucketState, TokenBucket
from refold_async._core.requests import Request
from refold_async._core.responses import AttemptState, Response
from refold_async._core.retries import RetryBudget
from refold_async._core.transport import ConnectionPool
from refold_async.errors import ClosedError
from refold_async.settings import Settings

IDLE: Final = 300.0
"""Seconds without a call after which a session is closed, once others are opened."""

_Key = tuple[asyncio.AbstractEventLoop, str, Hashable]


class Session:
    """The connections of one credential to one base URL in one event loop, and what they share.

    Attributes:
        pacer: Its rate limit.
        budget: What its retries may draw.
        shelf: Its cache, where one was asked for.
        gate: The places at its connections; who exchanges holds one.
        secret: The secret in use; `NO_SECRET` until `authorize` asked for it.
        active: Calls under way.
    """

    def __init__(
        self, base_url: str, credential: Credential, settings: Settings, bucket: BucketState
    ) -> None:
        self.loop: Final = asyncio.get_running_loop()
        self.base_url: Final = base_url
        self.bucket: Final = bucket
        self.rate_limiter: Final = TokenBucket(bucket)
        self.budget: Final = RetryBudget(settings.retry.budget)
        self.cache: Final = None if settings.cache is None else ResponseCache(settings.cache)
        self.limiter: Final = CapacityLimiter(settings.max_connections)
        self.last_used = self.loop.time()
        self.active = 0
        self.closed = False
        self._credential = credential
        self.secret: Secret = NO_SECRET
        self._asking = asyncio.Lock()
        self._proof: Mapping[str, str] = {}
        self._drained: asyncio.Event | None = None
        self._connections = ConnectionPool(base_url, settings)
        self._keeper = self._keep()
        _start(self._keeper)

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"{self.active} under way"
        return f"Session({self.base_url!r}, {self._credential!r}, {state})"

    async def _keep(self) -> AsyncGenerator[None, None]:
        """Close the connections when the generator ends: by `aclose`, or with its event loop."""
        try:
            yield
        finally:
            self.closed = True
            await self._connections.aclose()

    async def aclose(self) -> None:
        """Close all connections; calls under way fail with `ClosedError`. Again is harmless."""
        self.closed = True
        await self._keeper.aclose()

    async def drained(self) -> None:
        """Wait until no call is under way."""
        if self.active:
            self._drained = self._drained or asyncio.Event()
            await self._drained.wait()

    def enter(self) -> None:
        """Count a call as under way, until `leave`."""
        self.active += 1

    def leave(self) -> None:
        """Count a call as ended."""
        self.active -= 1
        self.last_used = self.loop.time()
        if not self.active and self._drained is not None:
            self._drained.set()
            self._drained = None

    @property
    def rotates(self) -> bool:
        """Whether the credential's source may give another secret after a refusal."""
        return self._credential.rotates

    async def renew(self, refused: Secret) -> bool:
        """Ask the credential's source again after a refusal, once for all who were refused.

        Each asking makes a new `Secret`, equal or not: identity tells which asking was refused.

        Returns:
            Whether another secret than the refused one is now in use.
        """
        async with self._asking:
            if self.secret is refused:
                await self._ask()
            return self.secret != refused

    async def authorize(self) -> None:
        """Ask for the secret, where it is not known yet."""
        async with self._asking:
            if not self.secret:
                await self._ask()

    async def _ask(self) -> None:
        self.secret = await self._credential.secret()
        self._proof = self._credential.headers(self.secret)

    def exchange(self, request: Request, progress: AttemptState, due: float) -> Coroutine[Any, Any, Response]:
        """Send one request and read its whole reply; the caller holds a place of the `gate`.

        Args:
            request: What to send; the credential, which `authorize` asked for, is added.
            progress: Is told when the request may have left.
            due: When it is given up, by the event loop's clock; `math.inf` for never.

        Raises:
            ConnectionFailedError: No connection, or it was lost.
            UnreadableReplyError: The reply is not HTTP, or past the size limit.
            ClosedError: The session was closed.
            OutOfTimeError: `due` came.
        """
        progress.secret = self.secret
        return self._connections.exchange(request, self._proof, progress, due)


def _start(generator: AsyncGenerator[None, None]) -> None:
    """Run a generator to its first yield, so that the event loop ends it when it closes."""
    with contextlib.suppress(StopIteration):
        generator.__anext__().__await__().send(None)


class Sessions:
    """The sessions of a manager, opened on first use."""

    def __init__(self, settings: Settings) -> None:
        self.settings: Final = settings
        self.closed = False
        self._open: dict[_Key, Session] = {}
        self._buckets: dict[tuple[str, Hashable], BucketState] = {}
        self._opens_until_sweep = 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self._open.values()))})"

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled, and so do clients and accounts: the key would lie in the pickle."""
        raise TypeError(
            "a client, with its key and connections, cannot be copied or pickled: make one where it is used"
        )

    def get(self, base_url: str, credential: Credential) -> Session | None:
        """Give the open session of a credential in the running loop, if there is one."""
        session = self._open.get((asyncio.get_running_loop(), base_url, credential.identity))
        return None if session is None or session.closed or self.closed else session

    async def open(self, base_url: str, credential: Credential) -> Session:
        """Give the session of a credential in the running loop, opening it on first use.

        Sessions that were idle for five minutes are closed on the way: not each time, as one token a
        customer makes thousands of sessions.

        Raises:
            ClosedError: The manager was closed.
        """
        if self.closed:
            raise ClosedError("the client was closed; `async with` opens it again")
        session = self.get(base_url, credential)
        if session is None:
            bucket = self._bucket(base_url, credential)
            session = Session(base_url, credential, self.settings, bucket)
            self._open[session.loop, base_url, credential.identity] = session
            self._opens_until_sweep -= 1
            if self._opens_until_sweep <= 0:
                await _close_all(self._sweep(session.loop))
        return session

    def _bucket(self, base_url: str, credential: Credential) -> BucketState:
        """Give the credential's bucket: one for all event loops, so that a second starts no new burst."""
        bucket = BucketState(self.settings.limit_for(base_url))
        return self._buckets.setdefault((base_url, credential.identity), bucket)

    def _sweep(self, loop: asyncio.AbstractEventLoop) -> list[Session]:
        """Forget sessions that have ended, and those of a loop that are idle; give these, to be closed."""
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
        self._buckets = {(url, identity): session.bucket for (_, url, identity), session in kept}
        self._opens_until_sweep = len(kept)
        return swept

    async def aclose(self, *, drain: float = 0.0) -> None:
        """Close all sessions; further calls are refused. Again is harmless.

        Args:
            drain: Seconds to let calls under way end by themselves first.
        """
        self.closed = True
        sessions, self._open, self._buckets = list(self._open.values()), {}, {}
        try:
            if drain > 0:
                await _drain(
                    [session for session in sessions if session.loop is asyncio.get_running_loop()], drain
                )
        finally:
            await _close_all(sessions)

    def reopen(self) -> None:
        """Let calls open sessions again after `aclose`."""
        self.closed = False


async def _drain(sessions: list[Session], seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            for session in sessions:
                await session.drained()


async def _close_all(sessions: list[Session]) -> None:
    """Close all, also where this is cancelled: to close takes a moment, and nobody else would do it."""
    cancelled: asyncio.CancelledError | None = None
    for session in sessions:
        try:
            await _close(session)
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        raise cancelled


async def _close(session: Session) -> None:
    """Close a session in the loop that it lives in; one whose loop is closed was closed with it.

    One whose loop stands still is only marked: its connections close when its loop does.
    """
    session.closed = True
    if session.loop is asyncio.get_running_loop():
        await session.aclose()
    elif session.loop.is_running():
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(session.aclose(), session.loop))
