"""The fast transport: aiohttp's connector and parser, without its session.

Connections are opened by aiohttp's connector, so DNS, happy eyeballs, TLS and CONNECT proxies are
aiohttp's. A request is written as one block of bytes, and aiohttp's parser reads the response. What is
left out is what a session does in between: request and response objects, timers, cookies, redirects, and
a task for each body.

It uses internals of aiohttp. `supported` says whether the installed version was tested and still has
them; if not, the public transport is used.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from contextvars import Context
from typing import Final, cast

import aiohttp
from aiohttp import ClientRequest, ClientTimeout, http_writer, streams
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import BaseConnector, Connection
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict, istr
from yarl import URL

from refold_async._core.requests import Request
from refold_async._core.responses import AttemptState, Response, is_success
from refold_async._core.transport.aiohttp_session import CONNECT_TIMEOUT, DNS_KEPT, HEADERS, open_http
from refold_async._core.transport.connections import CONTENT_ENCODING, decoded, read_body, within_message
from refold_async._core.transport.errors import EncodingError, TooLargeError
from refold_async._core.transport.kept_connection import KeptConnection
from refold_async._core.transport.resolver import CachingResolver
from refold_async.deadlines import OutOfTimeError, wait_until
from refold_async.settings import Settings

OLDEST: Final = (3, 14, 4)
"""The oldest aiohttp that this file was tested with."""

TOO_NEW: Final = (3, 15, 0)
"""The first aiohttp that this file was not tested with."""

_CRLF: Final = b"\r\n"

_KEEP_ALIVE: Final = istr("Keep-Alive")

_ONE_WRITE: Final = 64 * 1024
"""A body up to this size goes out in one write with its head."""


def supported() -> bool:
    """Whether the installed aiohttp was tested, and has everything that this file uses."""
    version = tuple(int(part) for part in aiohttp.__version__.split(".")[:3] if part.isdecimal())
    used: dict[object, tuple[str, ...]] = {
        BaseConnector: ("connect",),
        ResponseHandler: ("set_response_params", "should_close", "is_connected", "read"),
        streams.StreamReader: ("_buffer", "_eof", "_exception", "total_bytes", "readany"),
        streams: ("EMPTY_PAYLOAD",),
        http_writer: ("_serialize_headers",),
    }
    present = all(hasattr(owner, name) for owner, names in used.items() for name in names)
    return present and len(version) == 3 and OLDEST <= version < TOO_NEW


def _serialized(line: str, headers: Mapping[str, str]) -> bytes:
    """Return a line and headers as bytes, without the blank line. Control characters raise."""
    return http_writer._serialize_headers(line, cast("CIMultiDict[str]", headers)).removesuffix(_CRLF)  # noqa: SLF001


class FastTransport:
    """Sends requests on connections to one origin, and keeps the idle ones.

    Args:
        origin: The base URL, without a `/` at its end.
        settings: The client's settings.
        proxy: A proxy for `https`. A proxied `http` origin needs the public transport.
    """

    def __init__(self, origin: str, settings: Settings, proxy: str | None) -> None:
        url = URL(origin, encoded=True)
        self.loop: Final = asyncio.get_running_loop()
        self._prefix = url.raw_path.rstrip("/")
        self._host = url.host_port_subcomponent or ""
        self._limit = settings.max_response_bytes
        self._max_age = settings.max_connection_age
        self._context = Context()
        self._kept: set[KeptConnection] = set()
        self._idle: list[KeptConnection] = []
        self._credential: Mapping[str, str] = {}
        self._common = b""
        self._head = b""
        self._head_method = self._head_target = ""
        self._head_headers: Mapping[str, str] = {}
        self._resolver = CachingResolver(DNS_KEPT)
        self._http = open_http(settings, self._resolver, None)
        self._connector = cast("BaseConnector", self._http.connector)
        self._key = ClientRequest(
            "GET",
            url.origin(),
            loop=self.loop,
            session=self._http,
            proxy=None if proxy is None else URL(proxy),
            ssl=settings.ssl,
        )

    @property
    def http(self) -> aiohttp.ClientSession:
        """The session that its connections are opened with."""
        return self._http

    async def aclose(self) -> None:
        """Close all connections; exchanges under way fail. Idempotent."""
        while self._idle:
            self._discard(self._idle.pop())
        for kept in self._kept:
            kept.abort()
        await self._http.close()
        await self._resolver.close()

    async def exchange(
        self, request: Request, credential: Mapping[str, str], state: AttemptState, due: float
    ) -> Response:
        """Send one request and read its whole response; see `ConnectionPool.exchange`."""
        kept = (None if state.fresh else self._acquire_idle()) or await self._open(due)
        try:
            kept.end_at(due)
            self._send(kept, request, credential, state)
            if (arrival := kept.arrival()) is not None:
                await arrival
            message, payload = await kept.protocol.read()
            # 1xx responses come before the real one: taken for it, the next call would read this call's.
            while message.code < 200 and 100 <= message.code != 101:
                message, payload = await kept.protocol.read()
            body = self._buffered_body(payload)
            if body is None:
                body = await self._read_body(kept, message, payload)
            elif (encoding := message.headers.get(CONTENT_ENCODING)) is not None:
                body = decoded(message.code, encoding, body, self._limit)
        except BaseException as error:
            self._discard(kept)
            if kept.expired or isinstance(error, aiohttp.ClientError | OSError):
                state.stale = self._drop_as_old_as(kept)
            if kept.expired and isinstance(error, Exception):
                raise OutOfTimeError from None
            raise
        if not kept.expired:
            self._release(kept, request, message)
        else:
            self._discard(kept)
            if is_success(message.code):
                # A body framed by the end of its connection looks complete when the timer has cut it.
                raise OutOfTimeError
        return Response(message.code, message.headers, body)

    def _send(
        self, kept: KeptConnection, request: Request, credential: Mapping[str, str], state: AttemptState
    ) -> None:
        """Write the request to the connection."""
        # Bytes that contain the key exist in this frame only: an await here would put them into tracebacks.
        body = request.body
        if credential is not self._credential:
            self._set_credential(credential)
        # By identity: both are the same objects again if an account repeats an action. Only the last is kept,
        # so that the memory does not grow with the number of accounts.
        if (
            request.target is self._head_target
            and request.headers is self._head_headers
            and request.method == self._head_method
        ):
            head = self._head
        else:
            head = self._set_head(request)
        if body is not None or request.method != "GET":
            head += b"Content-Length: %d\r\n" % len(body or b"")
        transport = kept.protocol.transport
        if transport is None:
            raise aiohttp.ClientConnectionResetError("the connection was closed before the request was sent")
        # Before the write: a write that raises may have sent some of it.
        state.sent = True
        if body is None:
            transport.write(head + self._common)
        elif len(body) <= _ONE_WRITE:
            transport.write(head + self._common + body)
        else:
            transport.write(head + self._common)
            transport.write(body)

    def _set_head(self, request: Request) -> bytes:
        """Encode the request line and the request's own headers."""
        self._head = _serialized(f"{request.method} {self._prefix}{request.target} HTTP/1.1", request.headers)
        self._head_method, self._head_target = request.method, request.target
        self._head_headers = request.headers
        return self._head

    def _set_credential(self, credential: Mapping[str, str]) -> None:
        """Encode the headers that all requests with this credential share, with the blank line."""
        self._credential = credential
        common = _serialized("", {"Host": self._host, **HEADERS, **credential})
        self._common = common.removeprefix(_CRLF) + _CRLF

    def _buffered_body(self, payload: streams.StreamReader) -> bytes | None:
        """Return the body if it arrived together with its head, else `None`."""
        if payload is streams.EMPTY_PAYLOAD:
            return b""
        # The attributes themselves: each of their methods would cost as much as all three.
        if payload._eof and payload._exception is None and payload.total_bytes <= self._limit:  # noqa: SLF001
            return b"".join(payload._buffer)  # noqa: SLF001
        return None

    async def _read_body(
        self, kept: KeptConnection, message: RawResponseMessage, payload: streams.StreamReader
    ) -> bytes:
        try:
            kept.reads(payload)
            return await read_body(payload, message.headers, self._limit)
        except (aiohttp.ClientError, HttpProcessingError, EncodingError, TooLargeError):
            # An error status decides the fate of the call even if its body is broken.
            if is_success(message.code):
                raise
            kept.abort()
            return b""
        finally:
            kept.reads(None)

    def _acquire_idle(self) -> KeptConnection | None:
        while self._idle:
            kept = self._idle.pop()
            if kept.usable():
                return kept
            self._discard(kept)
        return None

    def _drop_as_old_as(self, lost: KeptConnection) -> bool:
        """Drop the connections that were idle as long as a lost one: probably dead of the same cause.

        Returns:
            Whether the lost one had been used before.
        """
        # The longest idle come first.
        while self._idle and self._idle[0].idle_since <= lost.idle_since:
            self._discard(self._idle.pop(0))
        return lost.idle_since > -math.inf

    async def _open(self, due: float) -> KeptConnection:
        ends = self.loop.time() + CONNECT_TIMEOUT
        try:
            connecting = self._connector.connect(self._key, [], ClientTimeout(total=None))
            connection = await wait_until(min(due, ends), connecting)
        except BaseException as error:
            # Its addresses may be dead: the next attempt looks the host up again.
            self._resolver.forget()
            if isinstance(error, OutOfTimeError) and due > ends:
                raise aiohttp.ConnectionTimeoutError from None
            raise
        return self._keep(connection)

    def _keep(self, connection: Connection) -> KeptConnection:
        kept = KeptConnection(self.loop, self._context, connection, self._forget, self._max_age)
        if kept.protocol.should_close or within_message(kept.protocol):
            failure = kept.protocol.exception()
            kept.discard()
            raise aiohttp.ClientConnectionError("a response arrived before the request was sent") from failure
        if not kept.protocol.is_connected():
            kept.discard()
            raise aiohttp.ClientConnectionResetError("the connection was closed before the request was sent")
        self._kept.add(kept)
        return kept

    def _release(self, kept: KeptConnection, request: Request, message: RawResponseMessage) -> None:
        # A response can arrive before the large request that it refuses is sent: reused, the connection would
        # send the rest as the next request. TLS transports do not tell how much is left, hence the size.
        protocol = kept.protocol
        transport = protocol.transport
        if (
            message.should_close
            or message.upgrade
            or protocol._buffer  # noqa: SLF001 - a second response, which nobody asked for
            or protocol._exception is not None  # noqa: SLF001
            or transport is None
            or transport.is_closing()
            or transport.get_write_buffer_size() > 0
            or within_message(protocol)
            or (message.code >= 400 and request.body is not None and len(request.body) > _ONE_WRITE)
            or not kept.rest(message.headers.get(_KEEP_ALIVE))
        ):
            self._discard(kept)
        else:
            self._idle.append(kept)

    def _discard(self, kept: KeptConnection) -> None:
        self._kept.discard(kept)
        kept.discard()

    def _forget(self, kept: KeptConnection) -> None:
        """Drop an idle connection that expired; a busy one is discarded by its exchange."""
        if kept in self._idle:
            self._idle.remove(kept)
            self._discard(kept)
