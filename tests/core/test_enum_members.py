"""Enum members that are strings: they stand for their value wherever a string is sent."""

from enum import Enum
from typing import Any

import pytest

from refold_async import Account, Call, ConnectionFailedError, Refold, Retry
from refold_async._core.credentials import Secret, hide
from refold_async.sandbox import Sandbox


class Customer(str, Enum):  # noqa: UP042 - unlike a StrEnum, its `str` is its name
    ONE = "demo-user-1"


class Key(str, Enum):  # noqa: UP042
    SANDBOX = "tk_sandbox"


async def test_an_account_and_a_key(sandbox: Sandbox, transport: str) -> None:
    async with Refold(Key.SANDBOX, base_url=sandbox.base_url) as refold:
        account = refold.account(Customer.ONE)
        await account.actions.execute("playground", "echo", {"text": "hi"})
        report = await refold.run([Call(Customer.ONE, "playground", "echo", {"text": "hi"})])
    assert type(account.linked_account_id) is str
    assert report.summary.done == 1
    assert sandbox.ledger.count("playground", "echo", linked_account_id="demo-user-1") == 2


async def test_a_base_url_and_a_proxy(sandbox: Sandbox, transport: str) -> None:
    Url = Enum("Url", {"SANDBOX": sandbox.base_url, "PROXY": "http://ann:secret@127.0.0.1:1"}, type=str)  # noqa: N806
    base_url: Any = Url["SANDBOX"]
    async with Refold("tk_sandbox", base_url=base_url) as refold:
        assert (await refold.linked_accounts.list()).total
    proxy: Any = Url["PROXY"]
    async with Refold("tk_sandbox", base_url=base_url, proxy=proxy, retry=Retry(attempts=1)) as refold:
        with pytest.raises(ConnectionFailedError, match=r"could not connect to the proxy 127\.0\.0\.1:1"):
            await refold.linked_accounts.list()


async def test_a_token(sandbox: Sandbox) -> None:
    Token = Enum("Token", {"ONE": sandbox.issue_token("demo-user-1")}, type=str)  # noqa: N806
    token: Any = Token["ONE"]
    async with Account.from_token(token, base_url=sandbox.base_url) as account:
        await account.actions.list("hubspot")


def test_a_key_is_hidden() -> None:
    hidden: object = hide(Key.SANDBOX)
    assert isinstance(hidden, Secret)
    assert hidden == "tk_sandbox"
