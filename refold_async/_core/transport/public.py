"""The transport over aiohttp's public session, used if the fast one is not supported.

Redirects are not followed (the key would be sent to another host), and aiohttp does not resend a dropped
request by itself, unseen by retry budget and deadline.
"""

from __future__ import annotations

import asyncio
import math
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from refold_async._core.requests import Request
from refold_async._core.responses import AttemptState, Response, is_success
from refold_async._core.transport.aiohttp_session import DNS_KEPT, HEADERS, open_http
from refold_async._core.transport.connections import consume_exception, end_body, read_body, readable
from refold_async._core.transport.errors import EncodingError, TooLargeError
from refold_async._core.transport.keep_alive import idle_seconds, lifetime
from refold_async._core.transport.resolver import CachingResolver
from refold_async.deadlines import OutOfTimeError, wait_until
from refold_async.settings import Settings

if TYPE_CHECKING:
    from aiohttp import ClientResponse, StreamReader
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

_KEPT_URLS: Final = 1024
_LARGEST_BYTES: Final = 1 << 20


class StaleConnectionError(Exception):
    """A pooled connection is dead or too old, or holds an unrequested response."""


class _Use:
    """The use of one connection.

    Args:
        retires_at: When it is too old for another request, by the event loop's clock.

    Attributes:
        retires_at: The same.
        idle_since: When its last request ended; `-math.inf` before the first one.
        idle_until: When it was idle for too long.
        sent_at: When its last request was sent.
    """

    __slots__ = ("idle_since", "idle_until", "retires_at", "sent_at")

    def __init__(self, retires_at: float) -> None:
        self.retires_at = retires_at
        self.idle_since = -math.inf
        self.idle_until = self.sent_at = math.inf


class _Pool:
    """What is known of a transport's connections, which aiohttp's connector keeps.

    Args:
        max_age: Seconds after which a connection is not used again, give or take a fifth.
    """

    def __init__(self, max_age: float) -> None:
        self._loop: Final = asyncio.get_running_loop()
        self._max_age = max_age
        self._dead_since = -math.inf
        self._uses: weakref.WeakKeyDictionary[object, _Use] = weakref.WeakKeyDictionary()

    def opened(self, protocol: object) -> _Use:
        """Record a new connection."""
        use = self._uses[protocol] = _Use(self._loop.time() + lifetime(self._max_age))
        return use

    def known(self, protocol: object) -> _Use | None:
        """Return the use of a connection; `None` if it is new."""
        return self._uses.get(protocol)

    def usable(self, use: _Use) -> bool:
        """Whether a connection that was used before may be used again."""
        return use.idle_since > self._dead_since and self._loop.time() < min(use.idle_until, use.retires_at)

    def sending(self, use: _Use) -> None:
        """Record that a request is about to be sent."""
        use.sent_at = self._loop.time()

    def released(self, use: _Use, keep_alive: str | None) -> None:
        """Record that a request has ended, with the `Keep-Alive` header of its response."""
        use.idle_since = self._loop.time()
        use.idle_until = use.idle_since + idle_seconds(keep_alive)

    def lost(self, use: _Use) -> bool:
        """Record that a request was lost: what was idle then is probably dead of the same cause.

        Returns:
            Whether this one had been used before.
        """
        if use.idle_since == -math.inf:
            return False
        # When it was sent, not when the lost one became idle: aiohttp's pool hands out the oldest one first.
        self._dead_since = max(self._dead_since, use.sent_at)
        return True


class _Exchange:
    """One request under way, as the connection needs to know it."""

    __slots__ = ("pool", "state", "use")

    def __init__(self, pool: _Pool, state: AttemptState) -> None:
        self.pool = pool
        self.state = state
        self.use: _Use | None = None


_exchange: ContextVar[_Exchange] = ContextVar("refold_async_exchange")


class _Request(ClientRequest):
    """A request that records when it is sent, and refuses a stale connection before that."""

    async def send(self, conn: Connection) -> ClientResponse:
        # aiohttp's pool does not look at a connection again before reuse: a stray response on it would be
        # taken for this request's.
        exchange, protocol = _exchange.get(), conn.protocol
        pool = exchange.pool
        use = None if protocol is None else pool.known(protocol)
        if protocol is None or (use is None and protocol.should_close):
            failure = None if protocol is None else protocol.exception()
            raise aiohttp.ClientConnectionError("a response arrived before the request was sent") from failure
        if use is None:
            use = pool.opened(protocol)
            if (ended := protocol.closed) is not None:
                ended.add_done_callback(consume_exception)
        elif (
            exchange.state.fresh
            or not pool.usable(use)
            or protocol.should_close
            or readable(conn.transport)(0)
        ):
            raise StaleConnectionError
        pool.sending(use)
        exchange.use = use
        exchange.state.sent = True
        return await super().send(conn)


class PublicTransport:
    """Sends requests with `aiohttp.ClientSession`.

    Args:
        origin: The base URL, without a `/` at its end.
        settings: The client's settings.
        proxy: The proxy's URL.
    """

    def __init__(self, origin: str, settings: Settings, proxy: str | None) -> None:
        self._origin = origin
        self._limit = settings.max_response_bytes
        self._urls: OrderedDict[str, URL] = OrderedDict()
        self._busy: set[ClientResponse] = set()
        self._pool = _Pool(settings.max_connection_age)
        self._resolver = CachingResolver(DNS_KEPT)
        self._http = open_http(settings, self._resolver, proxy, _Request)

    @property
    def http(self) -> aiohttp.ClientSession:
        """The session that its connections are opened with."""
        return self._http

    async def aclose(self) -> None:
        """Close all connections; exchanges under way fail. Idempotent."""
        for response in self._busy:
            if response.connection is not None and response.connection.transport is not None:
                response.connection.transport.abort()
        await self._http.close()
        await self._resolver.close()

    async def exchange(
        self, request: Request, credential: Mapping[str, str], state: AttemptState, due: float
    ) -> Response:
        """Send one request and read its whole response; see `ConnectionPool.exchange`."""
        exchange = _Exchange(self._pool, state)
        token = _exchange.set(exchange)
        try:
            response = await self._send_until_fresh(
                request, {**HEADERS, **credential, **request.headers}, due
            )
        except (OutOfTimeError, aiohttp.ClientError, OSError):
            state.stale = exchange.use is not None and self._pool.lost(exchange.use)
            raise
        finally:
            _exchange.reset(token)
        if exchange.use is not None:
            self._pool.released(exchange.use, response.headers.get("Keep-Alive"))
        return response

    async def _send_until_fresh(self, request: Request, headers: Mapping[str, str], due: float) -> Response:
        while True:
            try:
                return await self._once(request, headers, _bytes_or_file(request.body), due)
            except StaleConnectionError:
                continue

    async def _once(self, request: Request, headers: Mapping[str, str], data: object, due: float) -> Response:
        try:
            response = await wait_until(due, self._respond(request, headers, data))
        except StaleConnectionError:
            raise
        except BaseException:
            # The host's addresses may be dead: the next attempt looks it up again.
            self._resolver.forget()
            raise
        self._busy.add(response)
        try:
            body = await self._body(response, due)
            return Response(response.status, response.headers, body)
        finally:
            self._busy.discard(response)
            response.close()

    async def _respond(self, request: Request, headers: Mapping[str, str], data: object) -> ClientResponse:
        return await self._http.request(
            request.method,
            self._url(request.target),
            headers=headers,
            data=data,
            # aiohttp would send a Content-Type even without a body.
            skip_auto_headers=("Content-Type",) if data is None else (),
            allow_redirects=False,
            middlewares=() if request.method in {"POST", "PATCH"} else (_no_resend,),
        )

    def _url(self, target: str) -> URL:
        url = self._urls.get(target)
        if url is None:
            url = self._urls[target] = URL(self._origin + target, encoded=True)
            if len(self._urls) > _KEPT_URLS:
                self._urls.popitem(last=False)
        return url

    async def _body(self, response: ClientResponse, due: float) -> bytes:
        try:
            with _ending_with_connection(response):
                return await wait_until(due, read_body(response.content, response.headers, self._limit))
        except (aiohttp.ClientError, HttpProcessingError, EncodingError, TooLargeError, OutOfTimeError):
            # An error status decides the fate of the call even if its body is broken.
            if is_success(response.status):
                raise
            return b""


@contextmanager
def _ending_with_connection(response: ClientResponse) -> Iterator[None]:
    """Fail the reader of a body when its connection ends, however it ends."""
    protocol = None if response.connection is None else response.connection.protocol
    ended = None if protocol is None else protocol.closed
    if protocol is None or ended is None:
        yield
        return
    tell = partial(_end_body, response.content, protocol)
    ended.add_done_callback(tell)
    try:
        yield
    finally:
        ended.remove_done_callback(tell)


def _end_body(body: StreamReader, protocol: ResponseHandler, _: object) -> None:
    end_body(body, protocol)


def _bytes_or_file(body: bytes | None) -> bytes | BytesIO | None:
    """Wrap a large body in a file: aiohttp warns about large bytes, and would write them at once."""
    return BytesIO(body) if body is not None and len(body) > _LARGEST_BYTES else body


async def _no_resend(request: ClientRequest, handler: Any) -> ClientResponse:
    """Stop aiohttp from resending a dropped request by itself."""
    try:
        response: ClientResponse = await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        raise aiohttp.ClientConnectionError("the connection was lost") from error
    return response
