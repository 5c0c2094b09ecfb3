"""What both roads need: an end to waiting, for bodies too, and a look at an idle socket."""

from __future__ import annotations

import asyncio
import math
import select
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from aiohttp import ClientPayloadError, StreamReader
from aiohttp.client_proto import ResponseHandler

from refold_async.transport.progress import OutOfTimeError

T = TypeVar("T")


def until(due: float) -> float | None:
    """Give a moment as `asyncio.timeout_at` takes it: `None` for never."""
    return None if due == math.inf else due


async def by(due: float, step: Awaitable[T]) -> T:
    """Await a step until a moment of the event loop's clock.

    Raises:
        OutOfTimeError: The moment came first. A `TimeoutError` of the step's own goes through as it is.
    """
    scope = asyncio.timeout_at(until(due))
    try:
        async with scope:
            return await step
    except TimeoutError:
        if not scope.expired():
            raise
    raise OutOfTimeError


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
