"""The transport over aiohttp's public session, used if the fast one is not supported.

Redirects are not followed (the key would be sent to another host), and aiohttp does not resend a dropped
request by itself, unseen by retry budget and deadline.
"""

from __future__ import annotations

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
from refold_async._core.transport.aiohttp_session import HEADERS, open_http
from refold_async._core.transport.connections import consume_exception, end_body, readable
from refold_async._core.transport.errors import TooLargeError
from refold_async.deadlines import OutOfTimeError, wait_until
from refold_async.settings import Settings

if TYPE_CHECKING:
    from aiohttp import ClientResponse, StreamReader
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

_KEPT_URLS: Final = 1024
_LARGEST_BYTES: Final = 1 << 20

_state: ContextVar[AttemptState] = ContextVar("refold_async_progress")
_used: Final[weakref.WeakSet[object]] = weakref.WeakSet()


class StaleConnectionError(Exception):
    """A pooled connection is dead, or holds a response that nobody requested."""


class _Request(ClientRequest):
    """A request that records when it is sent, and refuses a stale connection before that."""

    async def send(self, conn: Connection) -> ClientResponse:
        # aiohttp's pool does not look at a connection again before reuse: a stray response on it would be
        # taken for this request's.
        protocol = conn.protocol
        if protocol is not None and protocol in _used:
            if protocol.should_close or readable(conn.transport)():
                raise StaleConnectionError
        elif protocol is None or protocol.should_close:
            raise aiohttp.ClientConnectionError("a response arrived before the request was sent")
        else:
            _used.add(protocol)
            if (ended := protocol.closed) is not None:
                ended.add_done_callback(consume_exception)
        _state.get().sent = True
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
        self._http = open_http(settings, proxy, _Request)

    async def aclose(self) -> None:
        """Close all connections; exchanges under way fail. Idempotent."""
        for response in self._busy:
            if response.connection is not None and response.connection.transport is not None:
                response.connection.transport.abort()
        await self._http.close()

    async def exchange(
        self, request: Request, credential: Mapping[str, str], state: AttemptState, due: float
    ) -> Response:
        """Send one request and read its whole response; see `ConnectionPool.exchange`."""
        token = _state.set(state)
        try:
            return await self._send_until_fresh(request, {**HEADERS, **credential, **request.headers}, due)
        finally:
            _state.reset(token)

    async def _send_until_fresh(self, request: Request, headers: Mapping[str, str], due: float) -> Response:
        while True:
            try:
                return await self._once(request, headers, _bytes_or_file(request.body), due)
            except StaleConnectionError:
                continue

    async def _once(self, request: Request, headers: Mapping[str, str], data: object, due: float) -> Response:
        response = await wait_until(due, self._respond(request, headers, data))
        self._busy.add(response)
        try:
            return Response(response.status, response.headers, await self._body(response, due))
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
                return await wait_until(due, self._read(response))
        except (aiohttp.ClientError, HttpProcessingError, TooLargeError, OutOfTimeError):
            # An error status decides the fate of the call even if its body is broken.
            if is_success(response.status):
                raise
            return b""

    async def _read(self, response: ClientResponse) -> bytes:
        length = response.content_length
        if length is not None and length > self._limit:
            raise TooLargeError
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > self._limit:
                raise TooLargeError
            chunks.append(chunk)
        return b"".join(chunks)


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
