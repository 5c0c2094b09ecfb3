"""Which proxy a base URL is reached through, by table and by property."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async import Refold, SessionManager, SettingsError
from refold_async._core.proxies import excludes, proxy_for
from refold_async.settings import Settings

EXCLUDED: list[tuple[str, str, int]] = [
    ("*", "refold.example", 443),
    ("refold.example", "refold.example", 443),
    ("example", "refold.example", 443),
    (".example", "refold.example", 443),
    ("*.example", "refold.example", 443),
    (".refold.example", "refold.example", 443),
    ("REFOLD.example.", "refold.EXAMPLE", 443),
    ("a, b ,refold.example", "refold.example", 443),
    ("a b\trefold.example", "refold.example", 443),
    ("refold.example:443", "refold.example", 443),
    ("127.0.0.1", "127.0.0.1", 80),
    ("127.0.0.1:80", "127.0.0.1", 80),
    ("127.0.0.0/8", "127.1.2.3", 80),
    ("127.0.0.1/8", "127.1.2.3", 80),
    ("127.0.0.0/255.0.0.0", "127.1.2.3", 80),
    ("::1", "::1", 80),
    ("[::1]", "::1", 80),
    ("[::1]:80", "::1", 80),
    ("0:0:0:0:0:0:0:1", "::1", 80),
    ("::1/128", "::1", 80),
    ("[fc00::]/7", "fd00::1", 80),
    ("10.0.0.0/8", "::ffff:10.1.2.3", 80),
]
"""Values of NO_PROXY that exclude a host at a port."""

KEPT: list[tuple[str, str, int]] = [
    ("", "refold.example", 443),
    (" , ,", "refold.example", 443),
    ("ample", "refold.example", 443),
    ("fold.example", "refold.example", 443),
    ("app.refold.example", "refold.example", 443),
    ("refold.example:80", "refold.example", 443),
    (".", "refold.example", 443),
    ("10.0.0.0/8", "127.0.0.1", 80),
    ("10.0.0.0/8", "10.0.0.1.example", 80),
    ("fc00::/7", "127.0.0.1", 80),
    ("[::1]:81", "::1", 80),
    ("10.0.0.0/99", "10.0.0.1", 80),
    ("[", "::1", 80),
    ("::1:80", "::1", 80),
]
"""Values that do not."""


@pytest.mark.parametrize(("no_proxy", "host", "port"), EXCLUDED)
def test_excluded(no_proxy: str, host: str, port: int) -> None:
    assert excludes(no_proxy, host, port)
    assert excludes(f"elsewhere, 192.0.2.0/24, {no_proxy}", host, port)


@pytest.mark.parametrize(("no_proxy", "host", "port"), KEPT)
def test_not_excluded(no_proxy: str, host: str, port: int) -> None:
    assert not excludes(no_proxy, host, port)


@given(st.text())
def test_odd_entries_break_nothing(no_proxy: str) -> None:
    for host in ("refold.example", "127.0.0.1", "::1"):
        excludes(no_proxy, host, 443)
        assert excludes(f"{no_proxy},*", host, 443)


@given(st.ip_addresses(), st.data())
def test_an_address_is_excluded_by_every_network_around_it(address: object, data: st.DataObject) -> None:
    bits = data.draw(st.integers(0, 32 if "." in str(address) else 128))
    assert excludes(f"{address}/{bits}", str(address), 443)


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


CHOSEN = [
    ({"HTTPS_PROXY": "http://proxy:3128"}, "https://refold.example", "http://proxy:3128"),
    ({"HTTPS_PROXY": "proxy:3128"}, "https://refold.example", "http://proxy:3128"),
    ({"https_proxy": "u:p@proxy:3128"}, "https://refold.example", "http://u:p@proxy:3128"),
    ({"HTTPS_PROXY": "proxy"}, "https://refold.example", "http://proxy"),
    ({"HTTPS_PROXY": "proxy:3128"}, "http://refold.example", None),
    ({"ALL_PROXY": "proxy:3128"}, "http://refold.example", "http://proxy:3128"),
    ({"HTTP_PROXY": ""}, "http://refold.example", None),
    ({"HTTP_PROXY": "proxy:3128", "NO_PROXY": "::1"}, "http://[::1]:8000", None),
    ({"HTTP_PROXY": "proxy:3128", "NO_PROXY": "[::1]:8000"}, "http://[::1]:8000", None),
    ({"HTTP_PROXY": "proxy:3128", "NO_PROXY": "[::1]:8001"}, "http://[::1]:8000", "http://proxy:3128"),
]


@pytest.mark.parametrize(("variables", "base_url", "proxy"), CHOSEN)
def test_which_proxy(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], base_url: str, proxy: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(base_url, Settings(trust_env=True)) == proxy
    assert proxy_for(base_url, Settings()) is None
    assert proxy_for(base_url, Settings(trust_env=True, proxy="http://other:1")) == "http://other:1"


@pytest.mark.parametrize("proxy", ["socks5://proxy.example:1080", "proxy.example:none", "http://"])
def test_a_proxy_that_cannot_be_used_is_refused_with_the_client(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    for make in (lambda: Refold("key", trust_env=True), lambda: SessionManager(trust_env=True)):
        with pytest.raises(SettingsError, match="the environment's proxy for https must be"):
            make()
    Refold("key")
