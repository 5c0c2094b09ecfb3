"""The static server: answers every request with the same bytes, as cheaply as Python can.

It runs in a process of its own, so that what it costs is nobody's, prints its port, and serves until its
input closes.
"""

import argparse
import asyncio
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks import machine
from benchmarks.certificate import Certificate, server_context
from benchmarks.payloads import envelope

PER_SECOND, BURST = 20, 5
"""What the server grants where it is `limited`: Refold's documented rate."""

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


def reply(body: bytes, status: str = "200 OK") -> bytes:
    """A whole reply, ready to write."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


REFUSALS = "/refusals"
"""Where a `limited` server tells how many calls it has refused."""

_REFUSED = reply(b'{"status_code":429,"message":"Too Many Requests"}', "429 Too Many Requests")


class Gate:
    """A token bucket in front of the answers; counts what it refused."""

    def __init__(self, per_second: float, burst: int) -> None:
        self._per_second, self._burst = per_second, burst
        self._tokens, self._at = float(burst), time.monotonic()
        self.refusals = 0

    def admits(self) -> bool:
        now = time.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._per_second)
        self._at = now
        if self._tokens < 1:
            self.refusals += 1
            return False
        self._tokens -= 1
        return True


class StaticProtocol(asyncio.Protocol):
    """Frames requests by their Content-Length and answers each with the same bytes.

    A client sends the same request again and again, so what was whole once need not be framed again.
    """

    _transport: asyncio.WriteTransport

    def __init__(self, answer: bytes, gate: Gate | None) -> None:
        self._answer, self._gate = answer, gate
        self._buffer = self._last = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if data == self._last and not self._buffer:
            self._answer_one()
            return
        self._buffer += data
        while total := _length_of_request(self._buffer):
            self._last, self._buffer = self._buffer[:total], self._buffer[total:]
            self._answer_one()

    def _answer_one(self) -> None:
        if self._gate is None:
            self._transport.write(self._answer)
        elif self._last.startswith(f"GET {REFUSALS} ".encode()):
            self._transport.write(reply(str(self._gate.refusals).encode()))
        else:
            self._transport.write(self._answer if self._gate.admits() else _REFUSED)


def _length_of_request(buffer: bytes) -> int:
    """The bytes of the first whole request in `buffer`; 0 where it is still to come."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return 0
    length = _LENGTH.search(buffer, 0, end + 2)
    total = end + 4 + (int(length[1]) if length else 0)
    return total if len(buffer) >= total else 0


@contextmanager
def serving(size: int, *, tls: Certificate | None = None, limited: bool = False) -> Iterator[str]:
    """A server in its own process, which answers `size` bytes. Yields its base URL."""
    command = [sys.executable, "-m", "benchmarks.server", str(size)]
    command += ["--core", str(machine.SERVER_CORE)] if machine.SERVER_CORE is not None else []
    command += ["--tls", str(tls.certificate), str(tls.key)] if tls else []
    command += ["--limited"] if limited else []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        try:
            yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        finally:
            process.terminate()


async def _serve(size: int, tls: ssl.SSLContext | None, gate: Gate | None) -> None:
    loop = asyncio.get_running_loop()
    answer = reply(envelope(size))
    server = await loop.create_server(lambda: StaticProtocol(answer, gate), "127.0.0.1", 0, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await asyncio.to_thread(sys.stdin.read)


def main() -> None:
    """The server's own process."""
    parser = argparse.ArgumentParser()
    parser.add_argument("size", type=int)
    parser.add_argument("--core", type=int)
    parser.add_argument("--tls", nargs=2)
    parser.add_argument("--limited", action="store_true")
    chosen = parser.parse_args()
    machine.pin(chosen.core)
    machine.settle_allocator()
    tls = server_context(*chosen.tls) if chosen.tls else None
    asyncio.run(_serve(chosen.size, tls, Gate(PER_SECOND, BURST) if chosen.limited else None))


if __name__ == "__main__":
    main()
