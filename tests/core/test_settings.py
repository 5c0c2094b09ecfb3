"""Settings: invalid ones are refused when constructed, in messages that repeat no key."""

import ssl
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async import (
    Account,
    Cache,
    Hooks,
    RateLimit,
    Refold,
    RefoldError,
    Retry,
    SessionManager,
    SettingsError,
)
from refold_async._core.checks import check_timeout
from refold_async.settings import HOSTED, Settings, resolve_base_url

KEY = "tk_1234567890"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REFOLD_API_KEY", "REFOLD_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


URL_WORDS = "must be an http:// or https:// URL with a host"
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"timeout": 0}, "timeout must be a positive number of seconds, not 0"),
    ({"timeout": -1}, "timeout must be a positive number of seconds, not -1"),
    ({"timeout": float("nan")}, "timeout must be a positive number of seconds, not nan"),
    ({"timeout": "60"}, "timeout must be a positive number of seconds, not '60'"),
    ({"timeout": None}, "timeout must be a positive number of seconds, not None"),
    ({"timeout": True}, "timeout must be a positive number of seconds, not True"),
    ({"max_connections": 0}, "max_connections must be an integer of at least 1, not 0"),
    ({"max_connections": 1.5}, "max_connections must be an integer of at least 1, not 1.5"),
    ({"max_connections": True}, "max_connections must be an integer of at least 1, not True"),
    ({"max_response_bytes": 0}, "max_response_bytes must be an integer of at least 1, not 0"),
    ({"max_response_bytes": "1"}, "max_response_bytes must be an integer of at least 1, not '1'"),
    ({"retry": 3}, "retry must be a Retry, not int"),
    ({"retry": None}, "retry must be a Retry, not NoneType"),
    ({"rate_limit": 20}, "rate_limit must be a RateLimit, not int"),
    ({"rate_limit": "none"}, "rate_limit must be a RateLimit, not str"),
    ({"cache": 300}, "cache must be a Cache, not int"),
    ({"hooks": 5}, "hooks must be a Hooks, not int"),
    ({"hooks": [Hooks(), print]}, "hooks must be a Hooks, not builtin_function_or_method"),
    ({"trust_env": "yes"}, "trust_env must be a bool, not str"),
    ({"ssl": None}, "ssl must be True, False or an SSLContext, not NoneType"),
    ({"ssl": "no"}, "ssl must be True, False or an SSLContext, not str"),
    ({"ssl": 0}, "ssl must be True, False or an SSLContext, not int"),
    ({"proxy": "proxy:3128"}, f"proxy {URL_WORDS}"),
    ({"proxy": "socks5://h:1"}, f"proxy {URL_WORDS}"),
    ({"proxy": 5}, "proxy must be a str, not int"),
    ({"proxy": "http://h/?q=1"}, "proxy must not contain a query or a fragment"),
    ({"base_url": ""}, f"base_url {URL_WORDS}"),
    ({"base_url": "app.refold.ai"}, f"base_url {URL_WORDS}"),
    ({"base_url": "ftp://app.refold.ai"}, f"base_url {URL_WORDS}"),
    ({"base_url": "https://"}, f"base_url {URL_WORDS}"),
    ({"base_url": "https:///path"}, f"base_url {URL_WORDS}"),
    ({"base_url": "https://h:port"}, f"base_url {URL_WORDS}"),
    ({"base_url": "https://h:99999"}, f"base_url {URL_WORDS}"),
    ({"base_url": "https://[::1"}, f"base_url {URL_WORDS}"),
    ({"base_url": "https://a b"}, f"base_url {URL_WORDS}"),
    ({"base_url": "https://a\r\nx: y"}, f"base_url {URL_WORDS}"),
    ({"base_url": b"https://h"}, "base_url must be a str, not bytes"),
    ({"base_url": "https://h?q"}, "base_url must not contain a query or a fragment"),
    ({"base_url": "https://h#f"}, "base_url must not contain a query or a fragment"),
    ({"base_url": "https://u:p@h"}, "base_url must not contain a username or a password"),
    ({"base_url": "https://u@h"}, "base_url must not contain a username or a password"),
]


@pytest.mark.parametrize(("options", "words"), WRONG, ids=lambda case: repr(case)[:50])
def test_wrong_settings_have_an_error_message(options: dict[str, Any], words: str) -> None:
    makers: list[Callable[[], object]] = [
        lambda: Refold(KEY, **options),
        lambda: SessionManager(**options),
        lambda: Account.from_token(KEY, **options),
    ]
    for make in makers:
        with pytest.raises(SettingsError) as caught:
            make()
        assert caught.value.message == words
        assert isinstance(caught.value, ValueError)


KEYS: list[tuple[Any, str]] = [
    ("", "api_key is empty"),
    ("  ", "api_key is empty"),
    (KEY + "\n", "api_key contains whitespace, a line break or a non-ASCII character"),
    (f" {KEY}", "api_key contains whitespace, a line break or a non-ASCII character"),
    (f"{KEY} x", "api_key contains whitespace, a line break or a non-ASCII character"),
    (f"{KEY}\x00", "api_key contains whitespace, a line break or a non-ASCII character"),
    (f"{KEY}é", "api_key contains whitespace, a line break or a non-ASCII character"),
    (KEY.encode(), "api_key must be a string or an async callable, not bytes"),
    (5, "api_key must be a string or an async callable, not int"),
]


@pytest.mark.parametrize(("key", "words"), KEYS, ids=lambda case: repr(case)[:40])
def test_wrong_keys_are_refused_and_not_repeated(key: Any, words: str) -> None:
    makers: list[Callable[[], object]] = [lambda: Refold(key), lambda: SessionManager().client(key)]
    for make in makers:
        with pytest.raises(SettingsError) as caught:
            make()
        assert caught.value.message == words
        assert KEY not in repr(caught.value)
    with pytest.raises(SettingsError, match=words.replace("api_key", "token")):
        Account.from_token(key)


def test_without_a_key_anywhere() -> None:
    with pytest.raises(SettingsError, match=r"pass one to Refold\(...\), or set REFOLD_API_KEY"):
        Refold()


def test_the_environment_gives_what_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert resolve_base_url(None) == HOSTED
    monkeypatch.setenv("REFOLD_API_KEY", KEY)
    monkeypatch.setenv("REFOLD_BASE_URL", "http://localhost:8080/refold/")
    assert repr(Refold()) == "Refold(Requester('http://localhost:8080/refold', linked_account_id=None))"
    assert "https://other'" in repr(Refold(base_url="https://other/"))
    monkeypatch.setenv("REFOLD_BASE_URL", "")
    assert resolve_base_url(None) == HOSTED


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("REFOLD_BASE_URL", "nonsense", f"REFOLD_BASE_URL {URL_WORDS}"),
        ("REFOLD_API_KEY", f"{KEY}\n", "REFOLD_API_KEY starts or ends with whitespace or a line break"),
    ],
)
def test_an_invalid_environment_variable_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv("REFOLD_API_KEY", KEY)
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        Refold()
    assert caught.value.message == words


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("https://example.com/é/", "https://example.com/%C3%A9"),
        ("https://example.com/%C3%A9/a%2Fb", "https://example.com/%C3%A9/a%2Fb"),
        ('https://example.com/"x"/100%', "https://example.com/%22x%22/100%25"),
        ("https://bücher.example:8443/api", "https://xn--bcher-kva.example:8443/api"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
        ("https://APP.refold.ai", HOSTED),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("http://team_a.internal:8080/refold", "http://team_a.internal:8080/refold"),
    ],
)
def test_a_base_url_is_written_as_it_is_sent(given: str, sent: str) -> None:
    assert resolve_base_url(given) == resolve_base_url(sent) == sent


@pytest.mark.parametrize("host", ["ü" * 80, "ex\N{SOFT HYPHEN}\N{ZERO WIDTH JOINER}ample.com", "ü..de"])
def test_an_invalid_host_is_refused(host: str) -> None:
    assert refusal(f"https://{host}") == f"base_url {URL_WORDS}"


@given(st.text())
def test_any_text_is_a_base_url_or_is_refused(text: str) -> None:
    for url in (text, f"https://{text}", f"https://host{text}", f"https://host/{text}"):
        assert refusal(url) in {
            None,
            f"base_url {URL_WORDS}",
            "base_url must not contain a query or a fragment",
            "base_url must not contain a username or a password",
        }


def refusal(url: str) -> str | None:
    try:
        assert resolve_base_url(url).isascii()
    except RefoldError as error:
        return error.message
    return None


@pytest.mark.parametrize(
    ("base_url", "limited"),
    [
        (HOSTED, True),
        ("https://app.refold.ai:443", True),
        ("https://APP.refold.ai", True),
        ("https://app.refold.ai/prefix", True),
        ("https://refold.example.com", False),
        ("http://localhost:8080", False),
        ("https://app.refold.ai.example.com", False),
    ],
)
def test_the_documented_limit_holds_against_the_hosted_service(base_url: str, limited: bool) -> None:
    assert (Settings().limit_for(base_url) is not None) is limited
    assert Settings(rate_limit=None).limit_for(base_url) is None
    assert Settings(rate_limit=RateLimit(1)).limit_for(base_url) == RateLimit(1)


def test_certificates_unverified_are_warned_of() -> None:
    with pytest.warns(UserWarning, match="ssl=False: certificates are not verified") as caught:
        Refold(KEY, ssl=False)
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Refold(KEY, ssl=ssl.create_default_context())


def test_a_proxys_password_is_in_no_repr() -> None:
    settings = Settings(proxy="http://user:hunter2@proxy:3128")
    assert settings.proxy == "http://user:hunter2@proxy:3128"
    assert "hunter2" not in repr(settings)
    assert "proxy:3128" in repr(Settings(proxy="http://proxy:3128"))


def test_valid_settings_are_accepted() -> None:
    Settings(
        timeout=float("inf"),
        retry=Retry(attempts=1),
        cache=Cache(lifetime=0.1, size=1),
        hooks=[Hooks(), Hooks()],
    )
    assert check_timeout(1) == 1


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"lifetime": 0}, "Cache: lifetime must be a positive number of seconds, not 0"),
        ({"lifetime": True}, "Cache: lifetime must be a positive number of seconds, not True"),
        ({"lifetime": float("nan")}, "Cache: lifetime must be a positive number of seconds, not nan"),
        ({"lifetime": "5"}, "Cache: lifetime must be a positive number of seconds, not '5'"),
        ({"size": 0}, "Cache: size must be an integer of at least 1, not 0"),
        ({"size": True}, "Cache: size must be an integer of at least 1, not True"),
        ({"size": 2.0}, "Cache: size must be an integer of at least 1, not 2.0"),
    ],
)
def test_caches_that_cannot_work_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Cache(**settings)
    assert caught.value.message == words


class Awaited(Hooks):
    async def on_done(self, *_: object) -> None:  # type: ignore[override]
        """Do what would never be done."""


def test_a_coroutine_function_as_hook_is_refused() -> None:
    for hooks in (Awaited(), [Hooks(), Awaited()]):
        with pytest.raises(SettingsError, match=r"Awaited\.on_done must be a plain function"):
            Settings(hooks=hooks)
