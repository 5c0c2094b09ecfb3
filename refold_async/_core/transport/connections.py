"""Helpers for connections, shared by both transports."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable, Mapping
from typing import Any, Final

from aiohttp import ClientPayloadError, StreamReader
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpResponseParserPy
from multidict import istr

from refold_async._core.responses import is_success
from refold_async._core.transport.encodings import BodyDecoder, decode
from refold_async._core.transport.errors import EncodingError, TooLargeError

CONTENT_ENCODING: Final = istr("Content-Encoding")
"""Found faster than a plain string."""

_LONG: Final = 4 << 20
"""The bytes of a body that take milliseconds to join, and again to decode."""


def readable(transport: asyncio.BaseTransport | None) -> Callable[[int], object]:
    """Return a function that returns whether an idle connection has something to read: EOF or stray bytes.

    It takes the time to wait for that: 0.
    """
    # The socket is asked directly: an event loop that was blocked has not seen the EOF yet, and a request
    # sent on such a connection would be lost.
    sock = None if transport is None else transport.get_extra_info("socket")
    if sock is None or sock.fileno() < 0:
        return lambda _: True
    if not hasattr(select, "poll"):
        return lambda wait: select.select([sock], [], [], wait)[0]
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return poll.poll


def within_message(protocol: ResponseHandler) -> bool:
    """Whether an idle connection's parser has read a part of a response.

    The rest of it may arrive after the next request is sent, which would get it as its own.
    """
    parser: Any = protocol._parser  # noqa: SLF001
    if isinstance(parser, HttpResponseParserPy):  # aiohttp without its C extension
        return bool(parser._lines or parser._tail)  # noqa: SLF001
    try:
        # Between two messages the C parser skips line endings; within one they end its head, or break it.
        return bool(parser.feed_data(b"\r\n\r\n")[0])
    except HttpProcessingError:
        return True


def end_body(body: StreamReader | None, protocol: ResponseHandler) -> None:
    """Fail the reader of a body whose connection is gone."""
    # aiohttp does not, if the framing turns out broken after the head: the reader would wait forever.
    if body is not None and not body.is_eof() and body.exception() is None:
        body.set_exception(
            protocol.exception() or ClientPayloadError("the connection was lost while reading the body")
        )


async def read_body(payload: StreamReader, headers: Mapping[str, str], limit: int) -> bytes:
    """Read a whole body and decode it as it arrives.

    Args:
        payload: The body's reader.
        headers: The headers of its response.
        limit: The largest body, in bytes, as received and once decoded.

    Raises:
        EncodingError: If it has an encoding that was not requested, or is not encoded so.
        TooLargeError: If it is larger than the limit.
    """
    length = headers.get("Content-Length", "")
    if length.isdecimal() and int(length) > limit:
        raise TooLargeError
    encoding = headers.get(CONTENT_ENCODING)
    decoder = None if encoding is None else BodyDecoder(encoding, limit)
    parts: list[bytes] = []
    size = 0
    while part := await payload.readany():
        size += len(part)
        if size > limit:
            raise TooLargeError
        parts.append(part if decoder is None else decoder.feed(part))
    if decoder is not None:
        decoder.end()
    body = b"".join(parts)
    if len(body) > _LONG:
        # Joining and then scanning 50 MB in one step would hold the event loop for 60 ms.
        await asyncio.sleep(0)
    return body


def decoded(status: int, encoding: str, body: bytes, limit: int) -> bytes:
    """Return a body, decoded.

    Args:
        status: The status of the response.
        encoding: Its `Content-Encoding`.
        body: Its body as it was received.
        limit: The largest body, in bytes.

    Raises:
        EncodingError: If the body of a success cannot be decoded.
        TooLargeError: If the body of a success is larger than the limit once it is decoded.
    """
    try:
        return decode(body, encoding, limit)
    except (EncodingError, TooLargeError):
        # An error status decides the fate of the call even if its body is broken.
        if is_success(status):
            raise
        return b""


def consume_exception(ended: asyncio.Future[None]) -> None:
    """Retrieve a connection's exception, or the event loop logs that it was never retrieved."""
    if not ended.cancelled():
        ended.exception()
