"""Messages of failed connections: which host could not be reached, and why."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trustme

from refold_async import ConnectionFailedError, Options, Refold, RefoldError, Retry

CLOSED = "127.0.0.1:1"
NOWHERE = "nowhere.invalid"


@pytest.fixture(params=["fast", "public"], autouse=True)
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go each transport."""
    monkeypatch.setenv("REFOLD_TRANSPORT", request.param)


async def failure(fate: str = "not_sent", **options: object) -> ConnectionFailedError:
    settings: Options = {"retry": Retry(attempts=1), **options}  # type: ignore[typeddict-item]
    async with Refold("key", **settings) as refold:
        with pytest.raises(ConnectionFailedError) as caught:
            await refold.account("demo-user-1").actions.list("hubspot")
    assert caught.value.fate == fate
    return caught.value


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[str]:
    """Run a server that gives one answer to whatever comes; gives its host and port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1024)
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield "{}:{}".format(*server.sockets[0].getsockname())


async def test_a_closed_port_refuses() -> None:
    error = await failure(base_url=f"http://{CLOSED}")
    assert error.message == f"could not connect to {CLOSED}: connection refused"


async def test_an_unresolvable_host_is_named() -> None:
    error = await failure(base_url=f"https://{NOWHERE}:8443")
    assert error.message == f"could not resolve the host name {NOWHERE}"


@pytest.mark.parametrize(
    ("host", "words"),
    [
        ("refold..example", "'refold..example' is not a valid host name"),
        (f"{'a' * 64}.example", f"'{'a' * 64}.example' is not a valid host name"),
    ],
)
async def test_a_host_that_cannot_exist_is_named(host: str, words: str) -> None:
    again = Retry(base=0.001, attempts=2)
    error = await failure(base_url=f"http://{host}", retry=again)
    assert (error.message, error.attempts) == (words, 1)
    error = await failure(
        base_url="http://refold.example", proxy=f"http://ann:secret@{host}:3128", retry=again
    )
    assert (error.message, error.attempts) == (f"{words} (through the proxy {host}:3128)", 1)


async def test_an_address_that_cannot_be_used_says_why() -> None:
    error = await failure(base_url="http://[fe80::1%25nowhere]")
    assert error.message.startswith("could not connect to [fe80::1%25nowhere]: ")
    assert "unknown error" not in error.message


async def test_a_port_without_tls_is_named_in_the_error() -> None:
    async with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as address:
        error = await failure(base_url=f"https://{address}")
    assert error.message.startswith(f"the TLS handshake with {address} failed: ")
    assert error.message.endswith("; does it serve http:// rather than https://?")
    assert not error.transient


async def test_a_proxy_that_is_not_there_is_named_as_the_proxy() -> None:
    for base_url in ("http://refold.example", "https://refold.example"):
        error = await failure(base_url=base_url, proxy=f"http://{CLOSED}")
        assert error.message == f"could not connect to the proxy {CLOSED}: connection refused"


async def test_a_proxy_that_cannot_be_resolved_is_named() -> None:
    error = await failure(base_url="https://refold.example", proxy=f"http://user:secret@{NOWHERE}:3128")
    assert error.message == f"could not resolve the host name {NOWHERE} (through the proxy {NOWHERE}:3128)"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"", "the connection to refold.example was lost"),
        (b"<html>\r\n\r\n", "the response from refold.example is not valid HTTP"),
    ],
)
@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_broken_proxy_is_named(scheme: str, answer: bytes, words: str) -> None:
    async with (
        answering(answer) as address,
        Refold(
            "key",
            base_url=f"{scheme}://refold.example",
            proxy=f"http://ann:secret@{address}",
            retry=Retry(attempts=1),
        ) as refold,
    ):
        with pytest.raises(RefoldError) as caught:
            await refold.account("demo-user-1").actions.list("hubspot")
    assert caught.value.message == f"{words} (through the proxy {address})"


async def test_a_proxy_that_refuses_says_why() -> None:
    async with answering(
        b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    ) as address:
        error = await failure(base_url="https://refold.example", proxy=f"http://{address}")
    assert error.message == (
        "the proxy refused to connect to refold.example: HTTP 407, it requires another username and password "
        f"(through the proxy {address})"
    )


@pytest.mark.parametrize("action_id", ["get_contact", "create_contact"])
async def test_a_server_that_demands_a_certificate_says_so_or_is_suspected(action_id: str) -> None:
    """asyncio's own server sends no alert: it only closes."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_authority, client_authority, trusting = trustme.CA(), trustme.CA(), ssl.create_default_context()
    server_authority.issue_cert("127.0.0.1").configure_cert(context)
    server_authority.configure_trust(trusting)
    client_authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # the server's
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0, ssl=context)
    async with server:
        base_url = "https://{}:{}".format(*server.sockets[0].getsockname())
        async with Refold("key", base_url=base_url, ssl=trusting, timeout=30) as refold:
            with pytest.raises(ConnectionFailedError, match="certificate") as caught:
                await refold.account("demo-user-1").actions.execute("hubspot", action_id)
    assert (caught.value.attempts, caught.value.transient) == (1, False)


async def test_a_refused_password_is_not_tried_again() -> None:
    refusal = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    for base_url in ("http://refold.example", "https://refold.example"):
        async with answering(refusal) as address:
            error = await failure(
                base_url=base_url, proxy=f"http://u:secret@{address}", retry=Retry(base=0.01)
            )
        assert (error.attempts, error.transient) == (1, False)
        assert "407" in error.message
        assert "secret" not in f"{error!r} {error}"


FORWARDED = [
    ("403 Forbidden", "X-Squid-Error: ERR_ACCESS_DENIED 0", "not_sent", False),
    ("503 Service Unavailable", "X-Squid-Error: ERR_CONNECT_FAIL 111", "unknown", True),
    ("502 Bad Gateway", "Proxy-Status: proxy; error=connection_terminated", "unknown", True),
]


@pytest.mark.parametrize(("status", "header", "fate", "transient"), FORWARDED)
async def test_an_error_of_a_forwarding_proxy_is_its_own(
    status: str, header: str, fate: str, transient: bool
) -> None:
    text = f"HTTP/1.1 {status}\r\n{header}\r\nContent-Length: 0\r\n\r\n"
    async with answering(text.encode()) as address:
        error = await failure(fate, base_url="http://refold.example", proxy=f"http://{address}")
    assert error.message == (
        f"the proxy refused to connect to refold.example: HTTP {status[:3]} (through the proxy {address})"
    )
    assert error.transient is transient
