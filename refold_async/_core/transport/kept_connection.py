"""One connection of the direct road, with the one timer that ends a late call or a long idleness."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from typing import Final

import aiohttp
from aiohttp.connector import Connection
from aiohttp.streams import StreamReader

from refold_async._core.transport.connections import forgive, readable, tell_reader


class KeptConnection:
    """A connection, busy or idle.

    Its timer is moved only when it rings too early, or when something must end before it would:
    most calls touch none.

    Args:
        loop: The running event loop.
        connection: What aiohttp's connector opened.
        forget: Is told of a connection that this timer ended.
    """

    __slots__ = (
        "_body",
        "_due",
        "_forget",
        "_loop",
        "_readable",
        "_rings_at",
        "_timer",
        "connection",
        "expired",
        "protocol",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: Connection,
        forget: Callable[[KeptConnection], None],
    ) -> None:
        if connection.protocol is None:
            raise aiohttp.ClientConnectionError("the connection was lost as it was made")
        self.connection: Final = connection
        self.protocol: Final = connection.protocol
        self.protocol.set_response_params(read_until_eof=True)
        self.expired = False
        self._readable = readable(self.protocol.transport)
        self._loop = loop
        self._forget = forget
        self._due = self._rings_at = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._body: StreamReader | None = None
        if (ended := self.protocol.closed) is not None:
            ended.add_done_callback(self._tell)

    def usable(self) -> bool:
        """Whether a request may go out: connected, and nothing came in that nobody asked for."""
        protocol = self.protocol
        return protocol.is_connected() and not protocol.should_close and not self._readable()

    def reads(self, body: StreamReader | None) -> None:
        """Note whose reader waits for bytes of this connection, so that it hears of the connection's end."""
        self._body = body
        if self.protocol.transport is None:
            tell_reader(body, self.protocol)

    def _tell(self, ended: asyncio.Future[None]) -> None:
        forgive(ended)
        tell_reader(self._body, self.protocol)

    def end_at(self, due: float) -> None:
        """Abort the connection at `due`, by the loop's clock, unless `due` is moved before."""
        self._due = due
        if due < self._rings_at:
            self._arm()

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._rings_at = self._due
        self._timer = self._loop.call_at(self._due, self._ring) if self._due < math.inf else None

    def _ring(self) -> None:
        if self._loop.time() < self._due:
            self._arm()
        else:
            self.expired = True
            self._forget(self)
            self.abort()

    def abort(self) -> None:
        """Cut the connection: what is not yet sent is not sent, and who waits for an answer is told.

        It is the transport's own `abort`: the protocol's would leave the reader of a body waiting for ever.
        """
        if self.protocol.transport is not None:
            self.protocol.transport.abort()

    def discard(self) -> None:
        """Cut the connection, and return it to the connector as one not to be used again."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.abort()
        self.connection.close()
