"""A tool that shows local variables, e.g. Sentry or `pytest -l`, shows no secret when a setting is wrong."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import Any

import pytest
from rich.pretty import pretty_repr
from starlette.applications import Starlette

import refold_async
from refold_async import Account, Refold, SessionManager, SettingsError
from refold_async.integrations.starlette import lifespan, webhook_of
from refold_async.testing.recording import recording

SECRET = "S3CR3T" * 4
KEY = f"tk_{SECRET}"
PROXY = f"http://user:{SECRET}@proxy.example:3128"
PACKAGE = str(Path(refold_async.__file__).parent)

WRONG: dict[str, dict[str, Any]] = {
    "timeout": {"timeout": 0},
    "retry": {"retry": 3},
    "rate_limit": {"rate_limit": 20},
    "max_connections": {"max_connections": 0},
    "max_connection_age": {"max_connection_age": -1},
    "max_response_bytes": {"max_response_bytes": None},
    "ssl": {"ssl": "yes"},
    "trust_env": {"trust_env": 1},
    "cache": {"cache": 300},
    "hooks": {"hooks": [print]},
    "base_url": {"base_url": "ftp://refold.example"},
    "login in base_url": {"base_url": f"https://user:{SECRET}@refold.example"},
    "port in base_url": {"base_url": f"https://user:{SECRET}@refold.example:port"},
    "query in base_url": {"base_url": f"https://user:{SECRET}@refold.example?a=b"},
    "scheme of proxy": {"proxy": f"socks5://user:{SECRET}@proxy.example:1"},
    "no scheme of proxy": {"proxy": f"user:{SECRET}@proxy.example:1"},
    "port of proxy": {"proxy": f"{PROXY}port"},
    "query in proxy": {"proxy": f"{PROXY}?a=b"},
}

MAKERS: dict[str, Callable[..., Any]] = {
    "Refold": lambda **options: Refold(KEY, **options),
    "SessionManager": SessionManager,
    "from_token": lambda **options: Account.from_token(KEY, **options),
    "lifespan": lambda **options: asyncio.run(_start(lifespan(KEY, **options))),
}


async def _start(opened: Any) -> None:
    async with opened(Starlette()):
        pass


def shown(trace: TracebackType | None) -> Iterator[tuple[str, str]]:
    """Yield each local variable of the package's frames, as two tools print it."""
    for frame, _ in walk_tb(trace):
        if frame.f_code.co_filename.startswith(PACKAGE):
            for name, value in frame.f_locals.items():
                where = f"{frame.f_code.co_qualname}.{name}"
                yield where, repr(value)
                yield where, pretty_repr(value)


def check(make: Callable[[], Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        make()
    seen = list(shown(caught.tb))
    assert seen
    assert [where for where, text in seen if SECRET in text] == []
    assert SECRET not in f"{caught.value} {caught.value!r} {vars(caught.value)}"


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("maker", MAKERS)
def test_a_wrong_setting_shows_no_secret(maker: str, wrong: str) -> None:
    options = {"proxy": PROXY, **WRONG[wrong]}
    check(lambda: MAKERS[maker](**options))


KEYS: dict[str, Callable[[], Any]] = {
    "line break": lambda: Refold(f"{KEY}\n"),
    "umlaut": lambda: Refold(f"{KEY}ä"),
    "token": lambda: Account.from_token(f"{KEY}\n"),
    "lent client": lambda: SessionManager().client(f"{KEY}\n"),
    "lent token": lambda: SessionManager().account(f"{KEY} "),
    "webhooks": lambda: webhook_of(KEY, f"{KEY}\n"),
    "recording": lambda: recording("never.json", api_key=KEY, base_url="no url").__enter__(),
}


@pytest.mark.parametrize("name", KEYS)
def test_a_wrong_key_shows_nothing_of_it(name: str) -> None:
    check(KEYS[name])


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("REFOLD_API_KEY", f"{KEY}\n"),
        ("REFOLD_BASE_URL", f"https://user:{SECRET}@refold.example"),
        ("HTTPS_PROXY", f"socks5://user:{SECRET}@proxy.example:1"),
        ("HTTPS_PROXY", f"user:{SECRET}@proxy.example:port"),
    ],
)
def test_a_wrong_environment_shows_no_secret(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv("REFOLD_API_KEY", KEY)
    monkeypatch.delenv("REFOLD_BASE_URL", raising=False)
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.setenv(variable, value)
    check(lambda: Refold(trust_env=True))


@pytest.mark.parametrize("answer", [f"{KEY}\n", ""])
@pytest.mark.parametrize("awaited", [True, False])
async def test_a_source_that_returns_a_wrong_key_shows_nothing_of_it(answer: str, awaited: bool) -> None:
    async def source() -> str:
        return answer

    plain: Any = lambda: answer  # noqa: E731 - a source that is not a coroutine
    refold = Refold(source if awaited else plain, base_url="http://127.0.0.1:1")
    with pytest.raises(SettingsError) as caught:
        await refold.account("demo-user-1").actions.list("hubspot")
    assert [where for where, text in shown(caught.tb) if SECRET in text] == []
    await refold.aclose()


def test_a_client_that_is_not_constructed_yet_has_a_repr() -> None:
    for kind in (Refold, SessionManager):
        assert "None" in repr(kind.__new__(kind))


def test_an_ssl_context_is_a_setting() -> None:
    """The table above would be empty words if the good settings failed too."""
    Refold(KEY, proxy=PROXY, ssl=ssl.create_default_context())
