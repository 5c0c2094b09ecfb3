"""The shards of a job: which customer is in which."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, AsyncIterator, Collection, Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Final

from refold_async.calls import Call
from refold_async.errors import SettingsError

Accounts = str | os.PathLike[str] | Iterable[str]


def shard_of(account: str, shards: int) -> int:
    """Return the shard of a customer: the same on every machine and in every version."""
    return int.from_bytes(blake2b(account.encode(), digest_size=8).digest()) % shards


def accounts_of(accounts: Accounts, shard: int, shards: int) -> Iterator[str]:
    """Yield the customers of one shard, each once.

    Args:
        accounts: The path of a file with one id per line, or the ids.
        shard: The shard, from 0.
        shards: The number of shards.

    Raises:
        SettingsError: If the file cannot be read.
    """
    seen: set[str] = set()
    for account in _listed(accounts):
        if account not in seen and shard_of(account, shards) == shard:
            seen.add(account)
            yield account


def _listed(accounts: Accounts) -> Iterator[str]:
    if not isinstance(accounts, str | os.PathLike):
        yield from accounts
        return
    try:
        with Path(accounts).open(encoding="utf-8-sig") as file:
            yield from (line.strip() for line in file if line.strip())
    except OSError as error:
        raise SettingsError(f"Job: accounts file {os.fspath(accounts)}: {error.strerror}") from error


class ShardCheck:
    """Checks that calls and walks belong to a shard, and to the key that they are made with.

    Args:
        shard: The shard, from 0.
        shards: The number of shards.
        accounts: The customers of the key; default: every customer has the same key.
    """

    def __init__(self, shard: int, shards: int, accounts: Collection[str] | None = None) -> None:
        self._shard: Final = shard
        self._shards: Final = shards
        self._accounts: Final = accounts

    def check(self, item: Call) -> Call:
        """Return a call.

        Raises:
            SettingsError: If it has no key, or its customer is in another shard or has another key.
        """
        if not isinstance(item, Call):
            raise SettingsError(f"Job: calls must return Call objects, not {type(item).__name__}")
        account = item.linked_account_id
        if item.key is None:
            raise SettingsError(f"Job: a call of account {account!r} has no key: pass key=")
        if (own := shard_of(account, self._shards)) != self._shard:
            # In two shards, its calls would be in two journals, and a write could run twice.
            raise SettingsError(
                f"Job: a call of account {account!r}, which is in shard {own}, came from shard {self._shard};"
                " calls must return calls of the accounts it is given"
            )
        if self._accounts is not None and account not in self._accounts:
            # It would be sent with the key of somebody else.
            raise SettingsError(
                f"Job: a call of account {account!r} came for the accounts of another key;"
                " calls must return calls of the accounts it is given"
            )
        return item

    def check_all(self, items: Iterable[Call] | AsyncIterable[Call]) -> Iterable[Call] | AsyncIterable[Call]:
        """Return an iterable that raises at the first that does not belong; see `check`."""
        return self._each(items) if isinstance(items, AsyncIterable) else map(self.check, items)

    async def _each(self, items: AsyncIterable[Call]) -> AsyncIterator[Call]:
        async for item in items:
            yield self.check(item)
