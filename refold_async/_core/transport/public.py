"""The road over aiohttp's public session, for where the direct road cannot go.

Redirects are not followed (they would carry the key to another host), and a dropped request is not
sent a second time by aiohttp itself, unseen by budget and deadline.
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
from refold_async._core.transport.connections import forgive, readable, tell_reader
from refold_async._core.transport.errors import TooLargeError
from refold_async.deadlines import OutOfTimeError, wait_until
from refold_async.settings import Settings

if TYPE_CHECKING:
    from aiohttp import ClientResponse, StreamReader
    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import Connection

_KEPT_URLS: Final = 1024
_LARGEST_BLOCK: Final = 1 << 20

_progress: ContextVar[AttemptState] = ContextVar("refold_async_progress")
_used: Final[weakref.WeakSet[object]] = weakref.WeakSet()


class StaleConnectionError(Exception):
    """A kept connection turned out dead, or holds an answer that nobody asked for."""


class _Request(ClientRequest):
    """A request that records the moment it is sent, and refuses a bad connection before that.

    aiohttp's pool does not look at a connection again before it is reused: an answer that came
    unasked would become the next call's answer.
    """

    async def send(self, conn: Connection) -> ClientResponse:
        protocol = conn.protocol
        if protocol is not None and protocol in _used:
            if protocol.should_close or readable(conn.transport)():
                raise StaleConnectionError
        elif protocol is None or protocol.should_close:
            raise aiohttp.ClientConnectionError("an answer came before the request")
        else:
            _used.add(protocol)
            if (ended := protocol.closed) is not None:
                ended.add_done_callback(forgive)
        _progress.get().sent = True
        return await super().send(conn)


class PublicTransport:
    """Exchanges over `aiohttp.ClientSession`.

    Args:
        origin: The base URL, without a `/` at its end.
        settings: What the connections are opened with.
        proxy: The proxy's URL.
    """

    def __init__(self, origin: str, settings: Settings, proxy: str | None) -> None:
        self._origin = origin
        self._limit = settings.max_response_bytes
        self._urls: OrderedDict[str, URL] = OrderedDict()
        self._busy: set[ClientResponse] = set()
        self._http = open_http(settings, proxy, _Request)

    async def aclose(self) -> None:
        """Close all connections; exchanges under way fail. Again is harmless."""
        for response in self._busy:
            if response.connection is not None and response.connection.transport is not None:
                response.connection.transport.abort()
        await self._http.close()

    async def exchange(
        self, request: Request, credential: Mapping[str, str], progress: AttemptState, due: float
    ) -> Response:
        """Send one request and read its whole reply; see `ConnectionPool.exchange`."""
        token = _progress.set(progress)
        try:
            return await self._converse(request, {**HEADERS, **credential, **request.headers}, due)
        finally:
            _progress.reset(token)

    async def _converse(self, request: Request, headers: Mapping[str, str], due: float) -> Response:
        while True:
            try:
                return await self._once(request, headers, _block_or_file(request.body), due)
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
            # Without a body, aiohttp would name a type all the same.
            skip_auto_headers=("Content-Type",) if data is None else (),
            allow_redirects=False,
            middlewares=() if request.method in {"POST", "PATCH"} else (_never_twice,),
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
            with _heard(response):
                return await wait_until(due, self._read(response))
        except (aiohttp.ClientError, HttpProcessingError, TooLargeError, OutOfTimeError):
            # The status of an error tells what became of the call, whatever became of its body.
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
def _heard(response: ClientResponse) -> Iterator[None]:
    """Let the reader of a body hear of its connection's end, however that comes."""
    protocol = None if response.connection is None else response.connection.protocol
    ended = None if protocol is None else protocol.closed
    if protocol is None or ended is None:
        yield
        return
    tell = partial(_tell, response.content, protocol)
    ended.add_done_callback(tell)
    try:
        yield
    finally:
        ended.remove_done_callback(tell)


def _tell(body: StreamReader, protocol: ResponseHandler, _: object) -> None:
    tell_reader(body, protocol)


def _block_or_file(body: bytes | None) -> bytes | BytesIO | None:
    """Give a large body as a file: aiohttp warns of a large block, and would write it at once."""
    return BytesIO(body) if body is not None and len(body) > _LARGEST_BLOCK else body


async def _never_twice(request: ClientRequest, handler: Any) -> ClientResponse:
    """Keep aiohttp from trying a dropped request again by itself."""
    try:
        response: ClientResponse = await handler(request)
    except aiohttp.ClientConnectorError:
        raise
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        raise aiohttp.ClientConnectionError("the connection was lost") from error
    return response
