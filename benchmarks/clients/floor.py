"""The floor: a hand-written asyncio Protocol for this one server, and a msgspec decoder.

No client on asyncio can be much cheaper. It handles no redirects, chunked bodies or errors.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast
from urllib.parse import urlsplit

from benchmarks.clients.adapter import HEADERS, Call, data_of, encode
from benchmarks.payloads import PARAMS, PATH


class FloorProtocol(asyncio.Protocol):
    """One connection: sends a request, returns the response body."""

    transport: asyncio.WriteTransport

    def __init__(self) -> None:
        self._chunks: list[bytes] = []
        self._missing = 0
        self._reply: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio's.
        self.transport = cast("asyncio.WriteTransport", transport)

    def send(self, request: bytes) -> asyncio.Future[bytes]:
        self._reply = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return self._reply

    def data_received(self, data: bytes) -> None:
        if self._chunks:
            self._chunks.append(data)
            self._missing -= len(data)
        else:
            self._begin(data)
        if not self._missing and self._reply is not None:
            self._reply.set_result(b"".join(self._chunks))
            self._chunks = []

    def _begin(self, data: bytes) -> None:
        end = data.index(b"\r\n\r\n")
        at = data.index(b"Content-Length: ") + 16
        body = data[end + 4 :]
        self._chunks = [body]
        self._missing = int(data[at : data.index(b"\r\n", at)]) - len(body)


@asynccontextmanager
async def protocol(base_url: str, tls: ssl.SSLContext | None) -> AsyncIterator[Call]:
    """Open the floor client; its pool is a list."""
    loop = asyncio.get_running_loop()
    split = urlsplit(base_url)
    host = split.hostname or ""
    fields = "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
    head = f"POST {PATH} HTTP/1.1\r\nHost: {split.netloc}\r\n{fields}Content-Length: ".encode()
    pool: list[FloorProtocol] = []
    opened: list[FloorProtocol] = []

    async def connect() -> FloorProtocol:
        _, made = await loop.create_connection(FloorProtocol, host, split.port or 80, ssl=tls)
        opened.append(made)
        return made

    async def call() -> object:
        connection = pool.pop() if pool else await connect()
        body = encode(PARAMS)
        answer = await connection.send(b"%b%d\r\n\r\n%b" % (head, len(body), body))
        pool.append(connection)
        return data_of(answer)

    yield call
    for connection in opened:
        connection.transport.close()
