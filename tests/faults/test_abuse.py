"""What a hostile server, or an attacker on the network, cannot make the client do."""

import asyncio
import tracemalloc
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import repeat

import pytest

from refold_async import (
    Call,
    ConnectionFailedError,
    DeadlineExceededError,
    Failed,
    RedirectError,
    Refold,
    ReplyTooLargeError,
    Retry,
    StatusError,
)
from refold_async._core.transport import ConnectionPool
from refold_async._core.transport.fast import FastTransport
from refold_async._core.transport.public import PublicTransport

from .answers import CHUNKED_FIELD, JSON_FIELD, head, ok, reply
from .cell import KEY, LONG, SHORT, Watch, client
from .certs import server_context
from .fault import REPLY_LIMIT, Wire
from .operations import LINKED_ACCOUNT_ID, LIST, READ, SINGLE, WRITE, Operation
from .scenarios import always, answer
from .server import FaultServer
from .steps import Close, Expect, Flood, Hang, Reset, Send, Sleep
from .transports import TransportName

MIB = 1 << 20
LARGE = {"note": "x" * (16 * MIB)}


def _bomb(mebibytes: int, wbits: int) -> bytes:
    """Return this many MiB of spaces, compressed a thousandfold."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return b"".join([squeeze.compress(b" " * MIB) for _ in range(mebibytes)]) + squeeze.flush()


BOMBS = {b"gzip": _bomb(96, 31), b"deflate": _bomb(96, 15)}


@contextmanager
def at_most(limit: int) -> Iterator[None]:
    """Fail if the peak memory of the block exceeds `limit` bytes."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < limit, f"{peak / MIB:.1f} MiB at peak"


async def _call(url: str, operation: Operation, timeout: float = LONG) -> None:
    async with client(url) as refold:
        await operation.call(refold, timeout)


def test_the_requested_transport_is_used(transport: TransportName) -> None:
    async def chosen() -> object:
        async with Refold(KEY, base_url="http://127.0.0.1:1") as refold:
            session = await refold._requester.session()
            assert isinstance(session._connections, ConnectionPool)
            return type(session._connections._transport)

    assert asyncio.run(chosen()) is {"direct": FastTransport, "public": PublicTransport}[transport]


@pytest.mark.parametrize("encoding", BOMBS)
@pytest.mark.parametrize("status", [200, 400])
async def test_a_decompression_bomb_is_rejected(
    transport: TransportName, encoding: bytes, status: int
) -> None:
    bomb = reply(status, BOMBS[encoding], JSON_FIELD, b"Content-Encoding: " + encoding)
    async with FaultServer([always(Send(bomb))]) as server, client(server.base_url()) as refold:
        with at_most(8 * REPLY_LIMIT), pytest.raises((ReplyTooLargeError, StatusError)) as caught:
            await WRITE.call(refold, LONG)
        assert caught.type is (ReplyTooLargeError if status == 200 else caught.type)
        assert READ.content(await READ.call(refold, LONG)) == READ.good


async def test_a_chunked_decompression_bomb_is_rejected(transport: TransportName) -> None:
    body = BOMBS[b"gzip"]
    chunk = b"%x\r\n%s\r\n" % (len(body), body)
    start = head(200, JSON_FIELD, CHUNKED_FIELD, b"Content-Encoding: gzip")
    async with FaultServer([always(Send(start), Flood(chunk))]) as server:
        with at_most(8 * REPLY_LIMIT), pytest.raises(ReplyTooLargeError):
            await _call(server.base_url(), WRITE)


async def test_an_endless_body_is_rejected(transport: TransportName) -> None:
    async with FaultServer([always(Send(head(200, JSON_FIELD)), Flood(b" " * 65536))]) as server:
        with at_most(8 * REPLY_LIMIT), pytest.raises(ReplyTooLargeError):
            await _call(server.base_url(), LIST)


@pytest.mark.parametrize("operation", SINGLE, ids=lambda operation: operation.name)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_the_key_is_never_sent_to_another_origin(
    transport: TransportName, operation: Operation, status: int
) -> None:
    async with FaultServer() as elsewhere:
        location = b"Location: " + elsewhere.base_url("localhost").encode()
        fields = (location, b"Refresh: 0; url=" + location[10:], b'Alt-Svc: h2=":%d"' % elsewhere.port)
        async with FaultServer([answer(status, b"", *fields)]) as server:
            with pytest.raises(RedirectError):
                await _call(server.base_url(), operation)
            assert len(server.requests) == 1
        assert elsewhere.connections == 0


async def test_cookies_are_not_stored(transport: TransportName) -> None:
    cookies = (b"Set-Cookie: one=1; Path=/", b"Set-Cookie: two=2; Domain=localhost")
    async with (
        FaultServer([answer(500, b"", *cookies)]) as server,
        client(server.base_url("localhost")) as refold,
    ):
        for linked_account_id in ("customer-1", "customer-2"):
            await refold.account(linked_account_id).actions.list("hubspot")
        assert len(server.requests) == 3
        assert all(request.header("cookie") is None for request in server.requests)


@pytest.mark.parametrize("end", [Close(), Reset()], ids=["closed", "reset"])
@pytest.mark.parametrize("operation", SINGLE, ids=lambda operation: operation.name)
async def test_nothing_is_resent_when_retries_are_off(
    transport: TransportName, operation: Operation, end: Close | Reset
) -> None:
    scenarios = [always(Send(ok(b"[]"))), *[always(end)] * 3]
    async with (
        FaultServer(scenarios) as server,
        Refold(KEY, base_url=server.base_url(), retry=Retry(attempts=1)) as refold,
    ):
        await LIST.call(refold, LONG)
        with pytest.raises(ConnectionFailedError) as caught:
            await operation.call(refold, LONG)
        assert (caught.value.fate, caught.value.attempts) == ("unknown", 1)
        assert len(server.requests) == 2


@pytest.mark.parametrize("wire", ["tcp", "tls"])
async def test_consecutive_calls_reuse_one_connection(transport: TransportName, wire: Wire) -> None:
    async with FaultServer(tls=[server_context()] if wire == "tls" else []) as server:
        async with client(server.base_url()) as refold:
            for operation in SINGLE * 3:
                assert operation.content(await operation.call(refold, LONG)) == operation.good
        assert (server.connections, len(server.requests)) == (1, 12)


async def test_a_response_that_arrives_before_a_large_request_is_sent_is_read(
    transport: TransportName,
) -> None:
    refusal = reply(413, b"", b"Connection: close")
    async with (
        FaultServer(accepts=[(Expect(), Send(refusal), Hang())]) as server,
        client(server.base_url()) as refold,
    ):
        account = refold.account(LINKED_ACCOUNT_ID)
        with pytest.raises(StatusError) as caught:
            await account.actions.execute("hubspot", "create_contact", LARGE, timeout=LONG)
        assert (caught.value.status, caught.value.fate) == (413, "rejected")
        assert READ.content(await READ.call(refold, LONG)) == READ.good


async def test_a_server_that_does_not_read_a_large_request_is_abandoned_at_the_deadline(
    transport: TransportName,
) -> None:
    unresponsive = (Expect(), Sleep(1e6))
    async with FaultServer(accepts=[unresponsive]) as server, client(server.base_url()) as refold:
        account = refold.account(LINKED_ACCOUNT_ID)
        with Watch(SHORT) as watch, pytest.raises(DeadlineExceededError) as caught:
            await account.actions.execute("hubspot", "create_contact", LARGE, timeout=SHORT)
        assert watch.kept
        assert not watch.early
        assert caught.value.fate == "unknown"
        assert READ.content(await READ.call(refold, LONG)) == READ.good


async def test_a_batch_gives_up_on_endless_429s_without_a_wait(transport: TransportName) -> None:
    calls = [Call(LINKED_ACCOUNT_ID, "hubspot", "create_contact")]
    throttle = answer(429, b"", b"Retry-After: 0")
    async with FaultServer(repeat(throttle)) as server, client(server.base_url()) as refold:
        report = await refold.run(calls, patience=0.1)
    assert [type(outcome) for outcome in report.outcomes] == [Failed]
    assert len(server.requests) < 50
