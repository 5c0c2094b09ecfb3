"""The fault server follows its scripts, observed over a bare socket."""

import asyncio
import errno
import socket
import ssl
from typing import Self

import pytest

from .answers import ACTIONS, ENVELOPE, POISON, chunks, good_body, head, ok, poison_body
from .certs import Certificate, client_context, server_context
from .scenarios import always
from .server import LOOPBACK, FaultServer
from .steps import Close, Drip, Expect, Flood, Hang, Request, Reset, Send, Sleep, Step

LIST = b"GET /api/v2/integration-schema/hubspot/actions HTTP/1.1\r\nHost: here\r\n\r\n"
EXECUTE = b"POST /actions/get_contact/execute HTTP/1.1\r\nContent-Length: 2\r\nX-One: 1\r\n\r\n{}"


class Client:
    """A bare asyncio connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def of(cls, server: FaultServer, context: ssl.SSLContext | None = None) -> "Client":
        return cls(*await asyncio.open_connection(LOOPBACK, server.port, ssl=context))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.transport.abort()
        await asyncio.sleep(0)

    async def ask(self, request: bytes, length: int = 1 << 16) -> bytes:
        self.writer.write(request)
        return await self.reader.read(length)


async def response_of(*steps: Step, request: bytes = LIST) -> bytes:
    """Return everything received for one request until the server closes."""
    async with FaultServer([always(*steps)], second=0.01) as server, await Client.of(server) as client:
        client.writer.write(request)
        return await client.reader.read()


async def test_serves_well_after_the_last_scenario() -> None:
    async with FaultServer([always(Send(b"odd"))]) as server, await Client.of(server) as client:
        assert await client.ask(LIST) == b"odd"
        assert ACTIONS[0]["name"].encode() in await client.ask(LIST)


async def test_records_requests() -> None:
    async with FaultServer() as server:
        async with await Client.of(server) as client:
            await client.ask(LIST)
            await client.ask(EXECUTE)
        async with await Client.of(server) as client:
            await client.ask(LIST)
    first, second, third = server.requests
    assert (first.method, first.path) == ("GET", "/api/v2/integration-schema/hubspot/actions")
    assert (second.body, second.header("X-ONE"), second.header("absent")) == (b"{}", "1", None)
    assert [first.connection, second.connection, third.connection] == [1, 1, 2]
    assert server.connections == 2


async def test_reads_a_request_in_pieces() -> None:
    async with FaultServer() as server, await Client.of(server) as client:
        for piece in (EXECUTE[:10], EXECUTE[10:-1], EXECUTE[-1:]):
            client.writer.write(piece)
            await asyncio.sleep(0)
        assert str(ENVELOPE["node_status"]).encode() in await client.reader.read(1 << 16)


async def test_an_unparsable_request_fails_the_test() -> None:
    with pytest.raises(ExceptionGroup, match="could not parse"):
        async with FaultServer() as server, await Client.of(server) as client:
            await client.ask(b"GET / HTTP/1.0\r\n\r\n")


async def test_sends_sleeps_drips_and_closes() -> None:
    assert await response_of(Send(b"a"), Sleep(0.1), Drip(b"bcd", chunk=2, interval=0.1), Close()) == b"abcd"


async def test_resets() -> None:
    with pytest.raises(ConnectionResetError):
        await response_of(Send(b"a"), Reset())


async def test_a_hanging_server_waits_until_the_client_closes() -> None:
    async with FaultServer([always(Send(b"a"), Hang())]) as server:
        async with await Client.of(server) as client:
            assert await client.ask(LIST) == b"a"
            client.writer.write(LIST)
            await asyncio.sleep(server.second / 100)
        assert len(server.requests) == 1


async def test_floods_until_the_client_closes() -> None:
    async with FaultServer([always(Flood(b"ab"))]) as server, await Client.of(server) as client:
        client.writer.write(LIST)
        assert await client.reader.readexactly(6) == b"ababab"


async def test_an_accept_script_comes_before_the_first_request() -> None:
    async with FaultServer(accepts=[(Expect(b"hello"), Send(b"bye"), Close())]) as server:
        async with await Client.of(server) as client:
            client.writer.write(b"hel")
            await asyncio.sleep(0)
            client.writer.write(b"lo")
            assert await client.reader.read() == b"bye"
        async with await Client.of(server) as client:
            assert (await client.ask(LIST)).startswith(b"HTTP/1.1 200")


async def test_an_accept_script_may_leave_the_connection_open() -> None:
    async with FaultServer(accepts=[(Sleep(0.01),)]) as server, await Client.of(server) as client:
        assert (await client.ask(LIST)).startswith(b"HTTP/1.1 200")


async def test_refuses_until_it_listens() -> None:
    async with FaultServer(listening="refuses") as server:
        with pytest.raises(ConnectionRefusedError):
            await Client.of(server)
        server.listen()
        async with await Client.of(server) as client:
            assert (await client.ask(LIST)).startswith(b"HTTP/1.1 200")


async def test_keeps_a_full_backlog_until_it_listens() -> None:
    async with FaultServer(listening="full") as server:
        with socket.socket() as blocked:
            blocked.setblocking(False)
            assert blocked.connect_ex((LOOPBACK, server.port)) == errno.EINPROGRESS
            await asyncio.sleep(0.02)
            with pytest.raises(BlockingIOError):
                blocked.recv(1)
            with pytest.raises(OSError, match="not connected"):
                blocked.getpeername()
        server.listen()
        async with await Client.of(server) as client:
            assert (await client.ask(LIST)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("tls", [False, True])
async def test_cuts_idle_connections_immediately(*, tls: bool) -> None:
    server = FaultServer(tls=[server_context()] if tls else [])
    async with server, await Client.of(server, client_context() if tls else None) as client:
        await client.ask(LIST)
        assert server.cut_idle(b"unasked") == 1
        assert await client.reader.read() == b"unasked"


async def test_serves_over_tls_and_sends_close_notify() -> None:
    server = FaultServer([always(Send(b"a" * 100_000), Close())], tls=[server_context()])
    async with server, await Client.of(server, client_context()) as client:
        client.writer.write(LIST)
        assert await client.reader.read() == b"a" * 100_000
    assert server.base_url("localhost").startswith("https://localhost:")


@pytest.mark.parametrize(
    ("certificate", "says"),
    [
        ("expired", "certificate has expired"),
        ("not_yet_valid", "certificate is not yet valid"),
        ("wrong_host", "IP address mismatch"),
        ("untrusted", "unable to get local issuer certificate"),
    ],
)
async def test_a_bad_certificate_is_rejected_and_a_good_one_accepted(
    certificate: Certificate, says: str
) -> None:
    async with FaultServer(tls=[server_context(certificate), server_context()]) as server:
        with pytest.raises(ssl.SSLCertVerificationError, match=says):
            await Client.of(server, client_context())
        async with await Client.of(server, client_context()) as client:
            assert (await client.ask(LIST)).startswith(b"HTTP/1.1 200")


def test_responses_are_framed() -> None:
    assert head(200, b"A: 1") == b"HTTP/1.1 200 Some Reason\r\nA: 1\r\n\r\n"
    assert ok(b"{}").endswith(b"Content-Length: 2\r\n\r\n{}")
    assert chunks(b"abc", 2) == b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"


@pytest.mark.parametrize("path", ["/x/actions", "/x/actions/get_contact", "/x/actions/get_contact/execute"])
def test_poison_differs_from_a_good_response(path: str) -> None:
    request = Request("GET", path, (), b"", 1)
    assert POISON.encode() in poison_body(request)
    assert POISON.encode() not in good_body(request)
