"""One accepted connection, plain or TLS, over a bare socket, with control over FIN and RST."""

import asyncio
import socket
import ssl
import struct
from collections.abc import Callable
from typing import TypeVar

from .steps import Close, Drip, Expect, Flood, Hang, Reset, Script, Send, Sleep, Step

T = TypeVar("T")
READ_SIZE = 1 << 16


class TcpPipe:
    """A plain TCP connection."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._loop = asyncio.get_running_loop()

    async def receive(self) -> bytes:
        return await self._loop.sock_recv(self._sock, READ_SIZE)

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._sock, data)

    def send_now(self, data: bytes) -> None:
        """Send a few bytes without yielding to the event loop."""
        self._sock.send(data)

    async def close_notify(self) -> None:
        """No-op: only TLS has a closing alert."""

    def fin(self) -> None:
        self._sock.shutdown(socket.SHUT_WR)

    def cut(self) -> None:
        """Send FIN now; anything the client still sends is answered with RST."""
        self._sock.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()


class TlsPipe(TcpPipe):
    """The server side of a TLS connection."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext) -> None:
        super().__init__(sock)
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)

    async def handshake(self) -> None:
        await self._drive(self._tls.do_handshake)

    async def receive(self) -> bytes:
        try:
            return await self._drive(lambda: self._tls.read(READ_SIZE))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    async def send(self, data: bytes) -> None:
        await self._drive(lambda: self._tls.write(data) if data else 0)

    def send_now(self, data: bytes) -> None:
        self._tls.write(data)
        super().send_now(self._outgoing.read())

    async def close_notify(self) -> None:
        try:
            self._tls.unwrap()
        except ssl.SSLWantReadError:
            await self._flush()

    async def _drive(self, act: Callable[[], T]) -> T:
        while True:
            try:
                return act()
            except ssl.SSLWantReadError:
                await self._flush()
                await self._feed()
            finally:
                await self._flush()

    async def _feed(self) -> None:
        data = await super().receive()
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    async def _flush(self) -> None:
        if self._outgoing.pending:
            await super().send(self._outgoing.read())


async def run_script(script: Script, pipe: TcpPipe, second: float) -> bool:
    """Run a script to its end; return False if it ended the connection."""
    for step in script:
        if not await _take(step, pipe, second):
            return False
    return True


async def _take(step: Step, pipe: TcpPipe, second: float) -> bool:
    match step:
        case Send(data):
            await pipe.send(data)
        case Sleep(seconds):
            await asyncio.sleep(seconds * second)
        case Drip(data, chunk, interval):
            await _drip(pipe, data, chunk, interval * second)
        case Flood(data):
            await _flood(pipe, data)
        case Expect(data):
            return await _expect(pipe, data)
        case Hang():
            await _until_closed(pipe)
            return False
        case Close(notify):
            await _close(pipe, notify=notify)
            return False
        case Reset():
            pipe.reset()
            return False
    return True


async def _drip(pipe: TcpPipe, data: bytes, chunk: int, interval: float) -> None:
    for start in range(0, len(data), chunk):
        await pipe.send(data[start : start + chunk])
        await asyncio.sleep(interval)


async def _flood(pipe: TcpPipe, data: bytes) -> None:
    while True:
        await pipe.send(data)
        await asyncio.sleep(0)


async def _expect(pipe: TcpPipe, data: bytes) -> bool:
    seen = b""
    while not seen or data not in seen:
        received = await pipe.receive()
        if not received:
            return False
        seen += received
    return True


async def _close(pipe: TcpPipe, *, notify: bool) -> None:
    if notify:
        await pipe.close_notify()
    pipe.fin()
    await _until_closed(pipe)


async def _until_closed(pipe: TcpPipe) -> None:
    while await pipe.receive():
        pass
