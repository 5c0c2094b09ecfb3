"""A retry after a loss or a silence on a reused connection opens a new one, and what else ends a connection."""

import asyncio
import math
import socket
from typing import Any

import pytest

from refold_async import ActionResult, ConnectionFailedError, Refold, RefoldError, Retry

from .answers import good, good_body, ok
from .server import FaultServer
from .steps import Close, Hang, Request, Reset, Script, Send, Sleep
from .transports import TransportName

POOL = 6
ENDS: list[Script] = [(Reset(),), (Close(),), (Hang(),)]
RETRY = Retry(base=0.001, cap=0.002, attempt_timeout=1)
"""Silence takes a second, so that a busy machine is not taken for a silent one."""


class Pool:
    """A server whose first connections answer one request each, and from then on end as the script says."""

    def __init__(self, end: Script, size: int = POOL) -> None:
        self.server = FaultServer(default=self._script, second=0.05)
        self._end = end
        self._size = size
        self._used: set[int] = set()

    def _script(self, request: Request) -> Script:
        if request.connection > self._size:
            return good(request)
        if request.connection in self._used:
            return self._end
        self._used.add(request.connection)
        # Slow, so that the calls of the warm-up need a connection each.
        return (Sleep(1), *good(request))

    async def warm_up(self, refold: Refold) -> None:
        """Fill the client's pool."""
        await asyncio.gather(*(read(refold) for _ in range(self._size)))
        assert self.server.connections == self._size
        self.server.requests.clear()


def client(server: FaultServer, *, retry: Retry = RETRY, max_connection_age: float = 300) -> Refold:
    return Refold(
        "key",
        base_url=server.base_url(),
        timeout=10,
        retry=retry,
        max_connection_age=max_connection_age,
    )


async def read(refold: Refold) -> ActionResult:
    return await refold.account("demo-user-1").actions.execute("hubspot", "get_contact")


async def write(refold: Refold, timeout: float = 10) -> ActionResult:
    account = refold.account("demo-user-1")
    return await account.actions.execute("hubspot", "create_contact", timeout=timeout)


@pytest.mark.parametrize("end", ENDS, ids=lambda end: type(end[0]).__name__)
async def test_a_read_meets_one_dead_connection_however_many_there_are(
    transport: TransportName, end: Script
) -> None:
    pool = Pool(end)
    async with pool.server as server, client(server) as refold:
        await pool.warm_up(refold)
        await read(refold)
        await read(refold)
        assert [request.connection > POOL for request in server.requests] == [False, True, True]
        assert server.connections == POOL + 1


@pytest.mark.parametrize("end", ENDS, ids=lambda end: type(end[0]).__name__)
async def test_reads_that_each_meet_a_dead_connection_all_come_through(
    transport: TransportName, end: Script
) -> None:
    pool = Pool(end, size=20)
    # A budget of 0 permits no retry, unless it is free.
    retry = Retry(base=0.001, cap=0.002, attempt_timeout=1, budget=0)
    async with pool.server as server, client(server, retry=retry) as refold:
        await pool.warm_up(refold)
        await asyncio.gather(*(read(refold) for _ in range(20)))
        assert len(server.requests) <= 40


@pytest.mark.parametrize("end", ENDS, ids=lambda end: type(end[0]).__name__)
async def test_a_write_is_sent_once_and_the_next_one_has_a_new_connection(
    transport: TransportName, end: Script
) -> None:
    pool = Pool(end)
    async with pool.server as server, client(server) as refold:
        await pool.warm_up(refold)
        with pytest.raises(RefoldError) as caught:
            await write(refold, timeout=1)
        assert (caught.value.fate, caught.value.attempts, len(server.requests)) == ("unknown", 1, 1)
        await write(refold)
        assert server.requests[1].connection > POOL


async def test_only_the_first_stale_loss_of_a_call_is_free(transport: TransportName) -> None:
    """A loss on a new connection draws from the budget as ever."""

    def script(request: Request) -> Script:
        return good(request) if len(server.requests) == 1 else (Reset(),)

    async with FaultServer(default=script) as server, client(server) as refold:
        await read(refold)
        session = await refold._requester.session()
        with pytest.raises(ConnectionFailedError):
            await read(refold)
        assert session.budget.left == 500 - 2 * 14
        assert [request.connection for request in server.requests] == [1, 1, 2, 3, 4]


KEEP_ALIVE = [
    ("", 1),
    ("timeout=100", 1),
    ("timeout=1", 2),
    ("max=5, timeout=0", 2),
    ("timeout=-1, max=zero", 1),
]


@pytest.mark.parametrize(("header", "connections"), KEEP_ALIVE)
async def test_the_keep_alive_header_is_respected(
    transport: TransportName, header: str, connections: int
) -> None:
    def script(request: Request) -> Script:
        return (Send(ok(good_body(request), b"Keep-Alive: " + header.encode())),)

    async with FaultServer(default=script) as server, client(server) as refold:
        await read(refold)
        await write(refold)
        assert server.connections == connections


@pytest.mark.parametrize(("age", "connections"), [(1e-9, 5), (300, 1), (math.inf, 1)])
async def test_a_connection_that_is_too_old_is_replaced(
    transport: TransportName, age: float, connections: int
) -> None:
    async with FaultServer() as server, client(server, max_connection_age=age) as refold:
        for _ in range(5):
            await read(refold)
        assert server.connections == connections


async def test_a_failed_connect_looks_the_host_up_again(
    transport: TransportName, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not isinstance(asyncio.get_running_loop(), asyncio.BaseEventLoop):
        pytest.skip("this event loop resolves names elsewhere")
    addresses = iter(["127.0.0.2", "127.0.0.1"])
    resolve = socket.getaddrinfo

    def moved(host: str, *args: Any, **options: Any) -> Any:
        return resolve(next(addresses, "127.0.0.1") if host == "refold.test" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", moved)
    async with FaultServer() as server:
        url = f"http://refold.test:{server.port}"
        async with Refold("key", base_url=url, retry=RETRY, timeout=10) as refold:
            await read(refold)
            assert len(server.requests) == 1
