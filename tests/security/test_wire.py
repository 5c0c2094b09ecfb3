"""The key goes to Refold alone, and what callers pass cannot leave its place in a request."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from refold_async import (
    Account,
    CertificateError,
    ConnectionFailedError,
    InvalidCallError,
    RedirectError,
    Refold,
    RefoldError,
    Retry,
    StatusError,
)
from tests.faults.certs import Certificate, client_context, server_context
from tests.faults.server import FaultServer

from .recorder import recorder

KEY = "tk_very-secret-0123456789"
TOKEN = "token-very-secret-0123456789"
ONCE = Retry(attempts=1)
REFUSAL = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
EMPTY_LIST = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n[]"


@pytest.mark.parametrize("tunnel", [REFUSAL, b"HTTP/1.1 200 Connection established\r\n\r\n"])
async def test_a_proxy_on_the_way_to_tls_sees_no_key(transport: str, tunnel: bytes) -> None:
    async with recorder(tunnel) as proxy:
        options = {"base_url": "https://refold.example", "retry": ONCE, "timeout": 5.0}
        url = f"http://127.0.0.1:{proxy.port}"
        async with (
            Refold(KEY, proxy=url, **options) as refold,  # type: ignore[arg-type]
            Account.from_token(TOKEN, proxy=url, **options) as account,  # type: ignore[arg-type]
        ):
            for each in (refold.account("a"), account):
                with pytest.raises(RefoldError):
                    await each.actions.list("hubspot")
    assert proxy.bytes.startswith(b"CONNECT refold.example:443 HTTP/1.1")
    assert KEY.encode() not in proxy.bytes
    assert TOKEN.encode() not in proxy.bytes


async def test_a_proxy_of_the_environment_is_ignored(transport: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async with recorder(REFUSAL) as proxy, FaultServer() as server:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        async with Refold(KEY, base_url=server.base_url()) as refold:
            await refold.account("a").actions.list("hubspot")
    assert len(server.requests) == 1
    assert proxy.received == []


@pytest.mark.parametrize("location", ["http://127.0.0.1:{}/", "//127.0.0.1:{}/x", "http://localhost:{}/?k=v"])
async def test_a_redirect_takes_the_key_nowhere(transport: str, location: str) -> None:
    async with recorder(EMPTY_LIST) as elsewhere:
        field = f"Location: {location.format(elsewhere.port)}".encode()
        redirect = REFUSAL.replace(b"403 Forbidden", b"307 Temporary Redirect\r\n" + field)
        async with recorder(redirect) as server:
            async with Refold(KEY, base_url=f"http://127.0.0.1:{server.port}", retry=ONCE) as refold:
                with pytest.raises(RedirectError):
                    await refold.account("a").actions.list("hubspot")
            assert KEY.encode() in server.bytes
    assert elsewhere.received == []


@pytest.mark.parametrize("certificate", ["untrusted", "expired", "wrong_host"])
async def test_nothing_is_sent_to_a_server_without_a_valid_certificate(
    transport: str, certificate: Certificate
) -> None:
    async with FaultServer(tls=[server_context(certificate)]) as server:
        async with Refold(
            KEY, base_url=server.base_url("localhost"), ssl=client_context(), retry=ONCE
        ) as refold:
            with pytest.raises(CertificateError) as caught:
                await refold.account("a").actions.list("hubspot")
        assert caught.value.fate == "not_sent"
        assert server.requests == []


async def test_certificates_are_verified_by_default(transport: str) -> None:
    async with FaultServer(tls=[server_context()]) as server:
        async with Refold(KEY, base_url=server.base_url("localhost"), retry=ONCE) as refold:
            with pytest.raises(CertificateError):
                await refold.account("a").actions.list("hubspot")
        with pytest.warns(UserWarning, match="certificates are not verified"):
            unsafe = Refold(KEY, base_url=server.base_url("localhost"), ssl=False)
        async with unsafe:
            await unsafe.account("a").actions.list("hubspot")
        assert len(server.requests) == 1


@pytest.mark.parametrize("base_url", ["http://refold.example@127.0.0.1:{}", "http://u:p@127.0.0.1:{}"])
async def test_a_base_url_that_hides_its_host_is_refused(base_url: str) -> None:
    with pytest.raises(ValueError, match="username"):
        Refold(KEY, base_url=base_url.format(1))


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(slug=st.text(max_size=20), action_id=st.text(max_size=20), customer=st.text(max_size=20))
@example(slug="hubspot", action_id="../../../x", customer="a")
@example(slug="hubspot", action_id="a?b=c#d", customer="ü@example.org")
@example(slug="hubspot HTTP/1.1\r\nx-evil: 1\r\n\r\n", action_id="a", customer="a")
@example(slug="hubspot", action_id="a", customer="a\r\nx-evil: 1")
@example(slug="%2e%2e", action_id="%2f", customer="a")
@example(slug="..", action_id="a", customer="a")
async def test_what_callers_pass_stays_in_its_place(
    transport: str, slug: str, action_id: str, customer: str
) -> None:
    """Either it is refused with nothing sent, or the request has its one line and its one header of it."""
    async with recorder(EMPTY_LIST) as server:
        async with Refold(KEY, base_url=f"http://127.0.0.1:{server.port}", retry=ONCE) as refold:
            try:
                await refold.account(customer).actions.schema(slug, action_id)
            except InvalidCallError:
                assert server.received == []
                return
        head, _, body = server.bytes.partition(b"\r\n\r\n")
        line, *fields = head.split(b"\r\n")
        method, target, version = line.split(b" ")
        assert (method, version, body) == (b"GET", b"HTTP/1.1", b"")
        assert target.count(b"/") == 6
        assert not set(target) & set(b"?#\\")
        assert target.startswith(b"/api/v2/integration-schema/")
        names = [field.partition(b":")[0].lower() for field in fields]
        assert len(names) == len(set(names))
        assert b"x-evil" not in names
        [own] = [field for field in fields if field.lower().startswith(b"linked_account_id:")]
        assert own.partition(b":")[2].strip() == customer.encode()


async def test_advice_to_browsers_moves_no_later_call(transport: str) -> None:
    """`Alt-Svc`, `Refresh` and `Link` are advice to browsers; they move no later call."""
    async with recorder(EMPTY_LIST) as elsewhere:
        port = elsewhere.port
        fields = f'Alt-Svc: http/1.1=":{port}"\r\nRefresh: 0; url=http://127.0.0.1:{port}/\r\n'
        fields += f"Content-Location: http://127.0.0.1:{port}/\r\n"
        answer = EMPTY_LIST.replace(b"Connection", fields.encode() + b"Connection")
        async with (
            recorder(answer) as server,
            Refold(KEY, base_url=f"http://127.0.0.1:{server.port}") as refold,
        ):
            for _ in range(2):
                await refold.account("a").actions.list("hubspot")
    assert len(server.received) == 2
    assert elsewhere.received == []


async def test_two_keys_share_no_connection(transport: str) -> None:
    async with FaultServer() as server:
        for key in (KEY, "tk_other"):
            async with Refold(key, base_url=server.base_url()) as refold:
                await refold.account("a").actions.list("hubspot")
        assert server.connections == 2
        assert [request.header("x-api-key") for request in server.requests] == [KEY, "tk_other"]


async def test_a_token_is_sent_without_a_key_and_without_an_account(transport: str) -> None:
    async with (
        recorder(REFUSAL) as server,
        Account.from_token(TOKEN, base_url=f"http://127.0.0.1:{server.port}", retry=ONCE) as account,
    ):
        with pytest.raises(StatusError):
            await account.actions.list("hubspot")
    head = server.bytes.lower()
    assert f"authorization: bearer {TOKEN}".encode() in head
    assert b"x-api-key" not in head
    assert b"linked_account_id" not in head


async def test_a_credential_that_would_split_a_header_is_refused_without_being_shown() -> None:
    for key in (f"{KEY}\r\nx-evil: 1", f"{KEY}\x00", f" {KEY}", f"{KEY}é"):
        with pytest.raises(ValueError, match="api_key") as caught:
            Refold(key)
        assert KEY not in str(caught.value)


async def test_a_refused_connection_repeats_no_key(transport: str) -> None:
    async with Refold(KEY, base_url="http://127.0.0.1:1", retry=ONCE) as refold:
        with pytest.raises(ConnectionFailedError) as caught:
            await refold.account("a").actions.list("hubspot")
    assert KEY not in repr(caught.value)


async def test_a_request_has_no_unnecessary_headers(transport: str) -> None:
    """Both transports send the same headers; a request without a body names no type of it."""
    async with (
        recorder(REFUSAL) as server,
        Refold(KEY, base_url=f"http://127.0.0.1:{server.port}", retry=ONCE) as refold,
    ):
        account = refold.account("a")
        for work in (account.executions.stop("x"), account.actions.execute("x", "create_y", {"a": "1"})):
            with pytest.raises(StatusError):
                await work
    without, with_body = (names_of(bytes(received)) for received in server.received)
    assert without - {b"content-length"} == {
        b"host", b"user-agent", b"accept", b"accept-encoding", b"x-api-key", b"linked_account_id"
    }  # fmt: skip
    assert with_body - without - {b"content-length"} == {b"content-type"}


def names_of(request: bytes) -> set[bytes]:
    lines = request.split(b"\r\n\r\n")[0].split(b"\r\n")[1:]
    return {line.partition(b":")[0].lower() for line in lines}
