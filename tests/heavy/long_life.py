"""A long-lived process: calls for many accounts, with connections that come and go and keys that rotate.

    python -m tests.heavy.long_life --calls 1000000 --accounts 50000

A server in a separate process ends every fiftieth connection, half of them without a word, and refuses each key
with 401 after so many calls, so that the client asks its source for the next one. Half of the calls are executes, in
turn for each account, half are those of batches; now and then a customer's token is used once. Prints the memory
after each twentieth of the calls, and fails if it grew by more than so many bytes a call after the first quarter, or if
a call failed. `REFOLD_TRANSPORT=public` selects the other transport.
"""

import argparse
import asyncio
import gc
import itertools
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from refold_async import Account, Call, Done, Refold, Retry

from .reporter import emit
from .resource_usage import MIB, ResourceUsage

IN_FLIGHT = 20
STEPS = 20
SETTLED = 5
"""The step after which growth counts: pools, caches and the allocator are full."""

_CLOSED_SHARE = 0.02
_BODY = b'{"node_status":"Success","http_status":200,"data":{"results":[{"id":"1","email":"a@example.com"}]}}'
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n%bContent-Length: %d\r\n\r\n%b"
_REFUSED = b'HTTP/1.1 401 Unauthorized\r\nContent-Length: 26\r\n\r\n{"message":"unauthorized"}'


class RotatingServer(asyncio.Protocol):
    """Answers executes; one for each connection.

    Args:
        served: Counts the answers of all connections.
        period: The number of answers after which a key is refused.
    """

    transport: asyncio.WriteTransport

    def __init__(self, served: Iterator[int], period: int) -> None:
        self._served = served
        self._period = period
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, blank, rest = self._buffer.partition(b"\r\n\r\n")
        if not blank:
            return
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        if len(rest) < int(fields.get(b"content-length", b"0")):
            return
        self._buffer = b""
        number = next(self._served)
        key = fields.get(b"x-api-key")
        if key is not None and int(key.removeprefix(b"tk_")) < number // self._period:
            self.transport.write(_REFUSED)
            return
        lot = random.random()
        told = b"Connection: close\r\n" if lot < _CLOSED_SHARE / 2 else b""
        self.transport.write(_OK % (told, len(_BODY), _BODY))
        if lot < _CLOSED_SHARE:
            self.transport.close()


async def serve(period: int) -> None:
    served = itertools.count()
    server = await asyncio.get_running_loop().create_server(
        lambda: RotatingServer(served, period), "127.0.0.1", 0
    )
    emit(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await asyncio.to_thread(sys.stdin.read)  # until the parent closes it


@contextmanager
def server_process(period: int) -> Iterator[str]:
    """Run the server; yield its base URL."""
    command = [sys.executable, "-m", "tests.heavy.long_life", "--serve", str(period)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()


class LongLife:
    """Makes the calls.

    Args:
        base_url: The server.
        accounts: The number of accounts.

    Attributes:
        keys: The number of keys that its source has returned.
    """

    def __init__(self, base_url: str, accounts: int) -> None:
        self._base_url = base_url
        self._accounts = accounts
        self._calls = itertools.count()  # not `cycle`, which keeps what it repeats
        self.keys = 0

    def client(self) -> Refold:
        return Refold(self._next_key, base_url=self._base_url, retry=Retry(base=0.001), timeout=60)

    async def _next_key(self) -> str:
        self.keys += 1
        return f"tk_{self.keys - 1}"

    async def work(self, refold: Refold, calls: int) -> None:
        """Make so many calls, half of them one by one and half in a batch."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(IN_FLIGHT):
                tasks.create_task(self._execute(refold, calls // 2 // IN_FLIGHT))
        async with refold.batch(map(self._call, range(calls // 2)), concurrency=IN_FLIGHT) as outcomes:
            async for outcome in outcomes:
                assert isinstance(outcome, Done), outcome
        async with Account.from_token(f"token-{calls}", base_url=self._base_url) as account:
            await account.actions.execute("hubspot", "get_contact")

    async def _execute(self, refold: Refold, number: int) -> None:
        for _ in range(number):
            account = refold.account(self._account())
            result = await account.actions.execute("hubspot", "get_contact", {"limit": "1"})
            assert result.data["results"]

    def _account(self) -> str:
        return f"customer-{next(self._calls) % self._accounts}"

    def _call(self, number: int) -> Call:
        return Call(self._account(), "hubspot", "get_contact", {"limit": "1", "page": number})


async def live(calls: int, accounts: int, period: int) -> float:
    """Make the calls, and return the bytes by which the memory grew with each after the first quarter."""
    samples: list[ResourceUsage] = []
    with server_process(period) as base_url:
        life, began, cpu = LongLife(base_url, accounts), time.monotonic(), time.process_time()
        async with life.client() as refold:
            for step in range(1, STEPS + 1):
                await life.work(refold, calls // STEPS)
                samples.append(ResourceUsage.read(time.monotonic() - began))
                emit(
                    f"{samples[-1]}  {step * calls // STEPS:8} calls  {life.keys:5} keys  {len(gc.get_objects())} objects"
                )
        cost = (time.process_time() - cpu) / calls
    early, late = samples[SETTLED - 1], samples[-1]
    grown = (late.resident - early.resident) / (calls * (STEPS - SETTLED) / STEPS)
    emit(
        f"{calls:,} calls of {accounts:,} accounts with {life.keys} keys: {early.resident / MIB:.1f} MiB after a "
        f"quarter, {late.resident / MIB:.1f} at the end, {grown:.1f} bytes a call; {cost * 1e6:.0f} µs CPU a call"
    )
    return grown


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=1_000_000)
    parser.add_argument("--accounts", type=int, default=50_000)
    parser.add_argument("--period", type=int, default=2_000, help="calls after which a key is refused")
    parser.add_argument("--bytes", type=float, default=10.0, help="tolerated growth a call")
    parser.add_argument("--serve", type=int, metavar="PERIOD", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        asyncio.run(serve(options.serve))
        return
    emit(f"transport: {os.environ.get('REFOLD_TRANSPORT', 'direct')}, Python {sys.version.split()[0]}")
    grown = asyncio.run(live(options.calls, options.accounts, options.period))
    raise SystemExit(1 if grown > options.bytes else 0)


if __name__ == "__main__":
    main()
