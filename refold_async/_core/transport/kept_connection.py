"""A connection of the fast transport, with one timer for both deadlines and idle time."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from contextvars import Context
from typing import Final

import aiohttp
from aiohttp.connector import Connection
from aiohttp.streams import StreamReader

from refold_async._core.transport.aiohttp_session import LARGEST_HEADER
from refold_async._core.transport.connections import consume_exception, end_body, readable, within_message
from refold_async._core.transport.keep_alive import KEPT_ALIVE, idle_seconds, lifetime


class KeptConnection:
    """A connection, busy or idle.

    Its timer is moved only when it fires too early, or must fire earlier: most calls touch no timer.

    The garbage collector traverses what each of thousands of connections consists of: objects that they can
    share, e.g. the context of callbacks, are shared.

    Args:
        loop: The running event loop.
        context: The context of its callbacks. Without it, each of them would keep a copy of that of a call.
        connection: The connection that aiohttp's connector opened.
        forget: Called with the connection when its timer ends it.
        max_age: Seconds after which it is not used again, give or take a fifth.

    Attributes:
        connection: aiohttp's connection.
        protocol: Its protocol.
        expired: Whether its timer ended it.
        idle_since: When its last request ended, by the event loop's clock; `-math.inf` before the first one.
    """

    __slots__ = (
        "_body",
        "_context",
        "_due",
        "_fires_at",
        "_forget",
        "_loop",
        "_readable",
        "_retires_at",
        "_timer",
        "connection",
        "expired",
        "idle_since",
        "protocol",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: Context,
        connection: Connection,
        forget: Callable[[KeptConnection], None],
        max_age: float,
    ) -> None:
        if connection.protocol is None:
            raise aiohttp.ClientConnectionError("the connection was lost while it was opened")
        self.connection: Final = connection
        self.protocol: Final = connection.protocol
        self.protocol.set_response_params(
            read_until_eof=True,
            auto_decompress=False,  # see `encodings`
            max_line_size=LARGEST_HEADER,
            max_field_size=LARGEST_HEADER,
        )
        self.expired = False
        self.idle_since = -math.inf
        self._retires_at = loop.time() + lifetime(max_age)
        self._readable = readable(self.protocol.transport)
        self._loop = loop
        self._context = context
        self._forget = forget
        self._due = self._fires_at = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._body: StreamReader | None = None
        if (ended := self.protocol.closed) is not None:
            ended.add_done_callback(self._on_end, context=context)

    def rest(self, keep_alive: str | None) -> bool:
        """Keep the connection for its next request, until its idle time or its age ends it.

        Args:
            keep_alive: The `Keep-Alive` header of its last response.

        Returns:
            Whether it may be used again.
        """
        now = self.idle_since = self._loop.time()
        until = now + (KEPT_ALIVE if keep_alive is None else idle_seconds(keep_alive))
        if until > self._retires_at:  # noqa: PLR1730 - `min` would cost more than the rest of this
            until = self._retires_at
        self._due = until
        if until < self._fires_at:
            self._arm(until)
        return until > now

    def usable(self) -> bool:
        """Whether a request may be sent: it is connected, not too old, and no stray bytes arrived."""
        protocol = self.protocol
        return (
            (transport := protocol.transport) is not None
            and not transport.is_closing()
            and not protocol.should_close
            # The timer of an event loop that was blocked is late.
            and self._loop.time() < self._due
            and not self._readable(0)
            and not within_message(self.protocol)
        )

    def arrival(self) -> asyncio.Future[None] | None:
        """Return what ends with the next response, or with the connection; `None` if that has happened."""
        # `protocol.read` would wait in a coroutine of its own: one more object for each call that waits.
        protocol = self.protocol
        if protocol._buffer or protocol._eof:  # noqa: SLF001
            return None
        arrival = protocol._waiter = self._loop.create_future()  # noqa: SLF001
        return arrival

    def reads(self, body: StreamReader | None) -> None:
        """Set the reader that is failed when the connection ends, or `None`."""
        self._body = body
        if self.protocol.transport is None:
            end_body(body, self.protocol)

    def _on_end(self, ended: asyncio.Future[None]) -> None:
        consume_exception(ended)
        end_body(self._body, self.protocol)

    def end_at(self, due: float) -> None:
        """Abort the connection at `due`, by the event loop's clock, unless `due` is moved first."""
        self._due = due
        if due < self._fires_at:
            # Soon enough for `rest`, too: a timer that is cancelled may stay in memory until it is due.
            self._arm(min(due, self._loop.time() + KEPT_ALIVE))

    def _arm(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._fires_at = at
        self._timer = self._loop.call_at(at, self._fire, context=self._context) if at < math.inf else None

    def _fire(self) -> None:
        if self._loop.time() < self._due:
            self._arm(self._due)
        else:
            self.expired = True
            self._forget(self)
            self.abort()

    def abort(self) -> None:
        """Abort the connection: unsent bytes are dropped, and readers fail."""
        # The transport's `abort`, not the protocol's, which would leave the reader of a body waiting forever.
        if self.protocol.transport is not None:
            self.protocol.transport.abort()

    def discard(self) -> None:
        """Abort the connection, and return it to the connector as closed."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.abort()
        self.connection.close()
