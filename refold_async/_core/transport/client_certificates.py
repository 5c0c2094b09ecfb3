"""Finds out whether a server refuses connections for want of a client certificate.

With TLS 1.3 the handshake is over for the client before the server has seen its certificate. Most servers
then send an alert. Some only close the connection, which looks like a loss; but they also close one on which
nothing was sent, and a server that waits for a request does not.
"""

from __future__ import annotations

import asyncio
from typing import Final, cast

import aiohttp
from aiohttp import ClientRequest, ClientTimeout, TCPConnector
from yarl import URL

from refold_async._core.transport.connections import consume_exception
from refold_async.settings import Settings

_PATIENCE: Final = 0.1
"""Seconds to wait for the close, beyond twice the time that connecting took."""


async def closes_unasked(http: aiohttp.ClientSession, origin: str, settings: Settings) -> bool:
    """Open a connection and return whether the server closes it although nothing is sent.

    Args:
        http: The session to open it with.
        origin: The base URL.
        settings: The client's settings.

    Raises:
        ClientError: If it cannot be opened.
    """
    loop = asyncio.get_running_loop()
    began = loop.time()
    request = ClientRequest(
        "GET",
        URL(origin, encoded=True).origin(),
        loop=loop,
        session=http,
        ssl=settings.ssl,
    )
    connector = cast("TCPConnector", http.connector)
    connection = await connector.connect(request, [], ClientTimeout(total=None))
    try:
        ended = None if connection.protocol is None else connection.protocol.closed
        if ended is None:
            return True
        ended.add_done_callback(consume_exception)
        await asyncio.wait({ended}, timeout=_PATIENCE + 2 * (loop.time() - began))
        return ended.done()
    finally:
        connection.close()
