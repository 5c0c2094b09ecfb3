"""The direct road: aiohttp's connector and parser, without its session.

Connections are opened by aiohttp's connector, so that resolving, happy eyeballs, TLS and CONNECT
proxies are aiohttp's. A request is written as one block of bytes, and the reply is the one that
aiohttp's parser made of the answer. What is left out is what a session does in between: request and
response objects, timers, cookies, redirects, and a task for each body.

The pieces are aiohttp's less public ones. `supported` says whether the installed aiohttp is a version
that this file was tested with, and still has them; where it says no, the public road is taken.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final, cast

import aiohttp
from aiohttp import ClientRequest, ClientTimeout, http_writer, streams
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import BaseConnector
from aiohttp.http import RawResponseMessage
from aiohttp.http_exceptions import HttpProcessingError
from multidict import CIMultiDict
from yarl import URL

from refold_async._core.requests import Request
from refold_async._core.responses import AttemptState, Response, is_success
from refold_async._core.transport.aiohttp_session import CONNECT_TIMEOUT, HEADERS, KEPT_ALIVE, open_http
from refold_async._core.transport.errors import TooLargeError
from refold_async._core.transport.kept_connection import KeptConnection
from refold_async.deadlines import OutOfTimeError, wait_until
from refold_async.settings import Settings

OLDEST: Final = (3, 14, 3)
"""The oldest aiohttp that this file was tested with."""

TOO_NEW: Final = (3, 15, 0)
"""The first aiohttp that it was not tested with."""

_CRLF: Final = b"\r\n"

_ONE_WRITE: Final = 64 * 1024
"""A body up to this size goes out in one write with its head."""


def supported() -> bool:
    """Whether this aiohttp is a tested one, and has all that this file takes hold of."""
    version = tuple(int(part) for part in aiohttp.__version__.split(".")[:3] if part.isdecimal())
    held: dict[object, tuple[str, ...]] = {
        BaseConnector: ("connect",),
        ResponseHandler: ("set_response_params", "should_close", "is_connected", "read"),
        streams.StreamReader: ("_buffer", "total_bytes", "is_eof", "exception", "readany"),
        streams: ("EMPTY_PAYLOAD",),
        http_writer: ("_serialize_headers",),
    }
    present = all(hasattr(owner, name) for owner, names in held.items() for name in names)
    return present and len(version) == 3 and OLDEST <= version < TOO_NEW


def _serialized(line: str, headers: Mapping[str, str]) -> bytes:
    """Give a line and headers as bytes, without the blank line; a control character is refused."""
    return http_writer._serialize_headers(line, cast("CIMultiDict[str]", headers)).removesuffix(_CRLF)  # noqa: SLF001


class FastTransport:
    """Exchanges over connections to one origin, which are kept here while they are idle.

    Args:
        origin: The base URL, without a `/` at its end.
        settings: What the connections are opened with.
        proxy: A proxy for `https`. A proxied `http` origin is for the public road.
    """

    def __init__(self, origin: str, settings: Settings, proxy: str | None) -> None:
        url = URL(origin, encoded=True)
        self.loop: Final = asyncio.get_running_loop()
        self._prefix = url.raw_path.rstrip("/")
        self._host = url.host_port_subcomponent or ""
        self._limit = settings.max_response_bytes
        self._kept: set[KeptConnection] = set()
        self._idle: list[KeptConnection] = []
        self._credential: Mapping[str, str] = {}
        self._common = b""
        self._http = open_http(settings, None)
        self._connector = cast("BaseConnector", self._http.connector)
        self._key = ClientRequest(
            "GET",
            url.origin(),
            loop=self.loop,
            session=self._http,
            proxy=None if proxy is None else URL(proxy),
            ssl=settings.ssl,
        )

    async def aclose(self) -> None:
        """Close what is idle and cut what is under way. Again is harmless."""
        while self._idle:
            self._discard(self._idle.pop())
        for kept in self._kept:
            kept.abort()
        await self._http.close()

    async def exchange(
        self, request: Request, credential: Mapping[str, str], progress: AttemptState, due: float
    ) -> Response:
        """Send one request and read its whole reply; see `ConnectionPool.exchange`."""
        kept = self._take() or await self._open(due)
        try:
            kept.end_at(due)
            self._send(kept, request, credential, progress)
            message, payload = await kept.protocol.read()
            while 100 <= message.code < 200 and message.code != 101:
                message, payload = await kept.protocol.read()
            body = self._whole(payload)
            if body is None:
                body = await self._body(kept, message, payload)
        except BaseException as error:
            self._discard(kept)
            if kept.expired and isinstance(error, Exception):
                raise OutOfTimeError from None
            raise
        if not kept.expired:
            self._give_back(kept, request, message.code)
        else:
            self._discard(kept)
            if is_success(message.code):
                # A body that ends with its connection looks whole where the timer cut it.
                raise OutOfTimeError
        return Response(message.code, message.headers, body)

    def _send(
        self, kept: KeptConnection, request: Request, credential: Mapping[str, str], progress: AttemptState
    ) -> None:
        """Hand the request to the transport. The bytes that hold the key live in this frame alone."""
        body = request.body
        if credential is not self._credential:
            self._know(credential)
        head = _serialized(f"{request.method} {self._prefix}{request.target} HTTP/1.1", request.headers)
        if body is not None or request.method != "GET":
            head += b"Content-Length: %d\r\n" % len(body or b"")
        transport = kept.protocol.transport
        if transport is None or transport.is_closing():
            raise aiohttp.ClientConnectionResetError("the connection was closed before the request was sent")
        progress.sent = True
        if body is None:
            transport.write(head + self._common)
        elif len(body) <= _ONE_WRITE:
            transport.write(head + self._common + body)
        else:
            transport.write(head + self._common)
            transport.write(body)

    def _know(self, credential: Mapping[str, str]) -> None:
        """Keep the headers that all requests with this credential share, as bytes with the blank line."""
        self._credential = credential
        common = _serialized("", {"Host": self._host, **HEADERS, **credential})
        self._common = common.removeprefix(_CRLF) + _CRLF

    def _whole(self, payload: streams.StreamReader) -> bytes | None:
        """Give the body if it came with its head: `StreamReader.read` would ask the parser for more."""
        if payload is streams.EMPTY_PAYLOAD:
            return b""
        if payload.is_eof() and payload.exception() is None and payload.total_bytes <= self._limit:
            return b"".join(payload._buffer)  # noqa: SLF001
        return None

    async def _body(
        self, kept: KeptConnection, message: RawResponseMessage, payload: streams.StreamReader
    ) -> bytes:
        try:
            kept.reads(payload)
            return await self._read(message, payload)
        except (aiohttp.ClientError, HttpProcessingError, TooLargeError):
            # The status of an error tells what became of the call, whatever became of its body.
            if is_success(message.code):
                raise
            kept.abort()
            return b""
        finally:
            kept.reads(None)

    async def _read(self, message: RawResponseMessage, payload: streams.StreamReader) -> bytes:
        length = message.headers.get("Content-Length", "")
        if length.isdecimal() and int(length) > self._limit:
            raise TooLargeError
        chunks: list[bytes] = []
        size = 0
        while chunk := await payload.readany():
            size += len(chunk)
            if size > self._limit:
                raise TooLargeError
            chunks.append(chunk)
        return b"".join(chunks)

    def _take(self) -> KeptConnection | None:
        while self._idle:
            kept = self._idle.pop()
            if kept.usable():
                return kept
            self._discard(kept)
        return None

    async def _open(self, due: float) -> KeptConnection:
        ends = self.loop.time() + CONNECT_TIMEOUT
        try:
            connecting = self._connector.connect(self._key, [], ClientTimeout(total=None))
            connection = await wait_until(min(due, ends), connecting)
        except OutOfTimeError:
            if due <= ends:
                raise
            raise aiohttp.ConnectionTimeoutError from None
        kept = KeptConnection(self.loop, connection, self._forget)
        if kept.protocol.should_close:
            kept.discard()
            raise aiohttp.ClientConnectionError("an answer came before the request")
        self._kept.add(kept)
        return kept

    def _give_back(self, kept: KeptConnection, request: Request, status: int) -> None:
        # A reply can overtake a large request that it refuses, and a TLS transport does not tell how
        # much of the request is still to be sent.
        transport = kept.protocol.transport
        unsent = transport is None or transport.is_closing() or transport.get_write_buffer_size() > 0
        overtaken = status >= 400 and request.body is not None and len(request.body) > _ONE_WRITE
        if unsent or overtaken or kept.protocol.should_close:
            self._discard(kept)
        else:
            kept.end_at(self.loop.time() + KEPT_ALIVE)
            self._idle.append(kept)

    def _discard(self, kept: KeptConnection) -> None:
        self._kept.discard(kept)
        kept.discard()

    def _forget(self, kept: KeptConnection) -> None:
        """Let an idle connection go whose time is over; a busy one is its exchange's to end."""
        if kept in self._idle:
            self._idle.remove(kept)
            self._discard(kept)
