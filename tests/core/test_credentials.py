"""Credentials: never shown, sent as headers, and fetched from their source if they have one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from rich.pretty import pretty_repr

from refold_async._core.credentials import Credential, Secret
from refold_async.errors import SettingsError

KEY = "tk_1234567890"


def source(*values: object) -> Callable[[], Awaitable[Any]]:
    rest = iter(values)

    async def ask() -> object:
        return next(rest)

    return ask


def test_a_secret_is_a_text_that_no_repr_shows() -> None:
    secret = Secret(KEY)
    assert secret == KEY
    for shown in (repr(secret), repr([secret]), repr({"x-api-key": secret}), f"{secret!r}", "%r" % secret):  # noqa: UP031
        assert KEY not in shown
        assert "***" in shown
    assert KEY[:5] not in pretty_repr({"x-api-key": secret}, max_string=5)


@pytest.mark.parametrize(
    ("kind", "headers"),
    [("key", {"x-api-key": KEY}), ("token", {"Authorization": f"Bearer {KEY}"})],
)
async def test_the_headers_of_a_credential(kind: Any, headers: dict[str, str]) -> None:
    credential = Credential(kind, KEY)
    sent = credential.headers(await credential.secret())
    assert sent == headers
    assert KEY not in repr(sent) + repr(credential)
    assert not credential.rotates


def test_credentials_are_identified_by_kind_and_secret() -> None:
    assert Credential("key", KEY).identity == Credential("key", KEY).identity
    assert Credential("key", KEY).identity != Credential("token", KEY).identity
    assert Credential("key", KEY).identity != Credential("key", "other").identity
    assert KEY not in repr(Credential("key", KEY).identity)
    ask = source()
    assert Credential("key", ask).identity == Credential("key", ask).identity


def test_an_unhashable_key_source_is_identified_by_its_credential() -> None:
    @dataclass
    class Vault:
        path: str

        async def __call__(self) -> str:
            return KEY

    credential = Credential("key", Vault("a"))
    assert hash(credential.identity) == hash(credential.identity)
    assert credential.identity != Credential("key", Vault("a")).identity


async def test_a_key_source_is_called_each_time() -> None:
    credential = Credential("key", source("first", "second"))
    assert credential.rotates
    assert [await credential.secret(), await credential.secret()] == ["first", "second"]


async def test_a_key_source_may_be_a_plain_function() -> None:
    plain: Any = lambda: KEY  # noqa: E731
    assert await Credential("key", plain).secret() == KEY


@pytest.mark.parametrize("value", ["", None, 5, b"x", f"{KEY}\n"])
async def test_the_key_of_a_source_is_checked(value: object) -> None:
    with pytest.raises(SettingsError) as caught:
        await Credential("key", source(value)).secret()
    assert KEY not in repr(caught.value)


async def test_a_failing_key_source_is_reported_without_its_message() -> None:
    async def ask() -> str:
        raise KeyError(KEY)

    with pytest.raises(SettingsError, match="the api_key source raised KeyError") as caught:
        await Credential("key", ask).secret()
    assert KEY not in str(caught.value)
