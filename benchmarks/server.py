"""A static server that answers every request with the same bytes, as cheaply as possible.

It runs in a separate process, so that its cost is not measured, prints its port, and serves until its stdin
is closed.
"""

import argparse
import asyncio
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import machine
from benchmarks.certificate import Certificate, server_context
from benchmarks.payloads import envelope

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def reply(body: bytes) -> bytes:
    """Return a complete response."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class StaticProtocol(asyncio.Protocol):
    """Frames requests by their Content-Length and answers each with the same bytes.

    Clients repeat the same request, so a chunk equal to the last complete request is not parsed again.
    """

    _transport: asyncio.WriteTransport

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._buffer = self._last = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if data == self._last and not self._buffer:
            self._reply()
            return
        self._buffer += data
        while total := _length_of_request(self._buffer):
            self._last, self._buffer = self._buffer[:total], self._buffer[total:]
            self._reply()

    def _reply(self) -> None:
        self._transport.write(self._answer)


class HoldingProtocol(StaticProtocol):
    """Answers nothing until `number` requests wait, and then all of them."""

    def __init__(self, answer: bytes, number: int, waiting: list[asyncio.WriteTransport]) -> None:
        super().__init__(answer)
        self._number = number
        self._waiting = waiting

    def _reply(self) -> None:
        self._waiting.append(self._transport)
        if len(self._waiting) == self._number:
            for transport in self._waiting:
                transport.write(self._answer)
            self._waiting.clear()


class LateProtocol(StaticProtocol):
    """Answers each request only after some seconds."""

    def __init__(self, answer: bytes, delay: float) -> None:
        super().__init__(answer)
        self._delay = delay

    def _reply(self) -> None:
        asyncio.get_running_loop().call_later(self._delay, self._transport.write, self._answer)


def _length_of_request(buffer: bytes) -> int:
    """Return the length of the first complete request in `buffer`, or 0 if there is none."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return 0
    length = _LENGTH.search(buffer, 0, end + 2)
    total = end + 4 + (int(length[1]) if length else 0)
    return total if len(buffer) >= total else 0


@contextmanager
def serving(size: int, *, tls: Certificate | None = None, hold: int = 0, delay: float = 0.0) -> Iterator[str]:
    """Run a server in a separate process that answers with `size` bytes; yield its base URL.

    With `hold`, it answers nothing until this many requests wait, and then all of them; with `delay`, each
    request only after so many seconds.
    """
    command = [sys.executable, "-m", "benchmarks.server", str(size)]
    command += ["--core", str(machine.SERVER_CORE)] if machine.SERVER_CORE is not None else []
    command += ["--tls", str(tls.chain), str(tls.key)] if tls else []
    command += ["--hold", str(hold)] if hold else []
    command += ["--delay", str(delay)] if delay else []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        finally:
            process.terminate()


async def _serve(size: int, tls: ssl.SSLContext | None, hold: int, delay: float) -> None:
    loop = asyncio.get_running_loop()
    answer, waiting = reply(envelope(size)), list[asyncio.WriteTransport]()

    def protocol() -> StaticProtocol:
        if hold:
            return HoldingProtocol(answer, hold, waiting)
        return LateProtocol(answer, delay) if delay else StaticProtocol(answer)

    # Thousands connect at once: beyond the backlog, the system would make them wait for a second.
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=tls, backlog=8192)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """Run the server."""
    parser = argparse.ArgumentParser()
    parser.add_argument("size", type=int)
    parser.add_argument("--core", type=int)
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--hold", type=int, default=0)
    parser.add_argument("--delay", type=float, default=0.0)
    chosen = parser.parse_args()
    machine.pin(chosen.core)
    machine.allow_descriptors()
    machine.settle_allocator()
    tls = server_context(*chosen.tls) if chosen.tls else None
    asyncio.run(_serve(chosen.size, tls, chosen.hold, chosen.delay))


if __name__ == "__main__":
    main()
