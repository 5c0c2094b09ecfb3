"""What both roads need of a connection: a look whether it is quiet, and word of its end."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from functools import partial

from aiohttp import ClientPayloadError, StreamReader
from aiohttp.client_proto import ResponseHandler


def readable(transport: asyncio.BaseTransport | None) -> Callable[[], object]:
    """Give what tells whether an idle connection has something to read: its end, or bytes unasked for.

    An event loop that was held up has not seen them yet, so the socket itself is asked.
    """
    sock = None if transport is None else transport.get_extra_info("socket")
    if sock is None or sock.fileno() < 0:
        return lambda: True
    if not hasattr(select, "poll"):
        return lambda: select.select([sock], [], [], 0)[0]
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return partial(poll.poll, 0)


def tell_reader(body: StreamReader | None, protocol: ResponseHandler) -> None:
    """End the wait for a body whose connection is gone.

    aiohttp forgets to, where the framing of a body turns out broken after its head was handed over: its
    reader would wait for ever.
    """
    if body is not None and not body.is_eof() and body.exception() is None:
        body.set_exception(protocol.exception() or ClientPayloadError("the connection ended within the body"))


def forgive(ended: asyncio.Future[None]) -> None:
    """Take note of how a connection ended, so that the event loop does not complain that nobody did."""
    if not ended.cancelled():
        ended.exception()
