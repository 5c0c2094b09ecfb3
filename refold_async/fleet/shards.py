"""The shards of a job: which customer is in which."""

from __future__ import annotations

import inspect
import os
from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Collection, Iterable, Iterator
from hashlib import blake2b
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from refold_async.batch.source import Items
from refold_async.calls import Call
from refold_async.errors import SettingsError
from refold_async.walks import Walk

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


def count_accounts(accounts: Accounts, shards: int) -> list[int]:
    """Return how many customers each shard has.

    Raises:
        SettingsError: If the file cannot be read.
    """
    counts = Counter(shard_of(account, shards) for account in set(_listed(accounts)))
    return [counts[shard] for shard in range(shards)]


def _listed(accounts: Accounts) -> Iterator[str]:
    if not isinstance(accounts, str | os.PathLike):
        for account in accounts:
            if not isinstance(account, str):
                raise SettingsError(f"Job: accounts must be strings, not {_name(account)}: {account!r}")
            yield account
        return
    try:
        with Path(accounts).open(encoding="utf-8-sig") as file:
            yield from (line.strip() for line in file if line.strip())
    except OSError as error:
        raise SettingsError(f"Job: accounts file {os.fspath(accounts)}: {error.strerror}") from error


class ShardCheck:
    """Checks that calls belong to a shard, and to the key that they are made with.

    Args:
        shard: The shard, from 0.
        shards: The number of shards.
        accounts: The customers of the key; default: every customer has the same key.
    """

    def __init__(self, shard: int, shards: int, accounts: Collection[str] | None = None) -> None:
        self._shard: Final = shard
        self._shards: Final = shards
        self._accounts: Final = accounts

    def __call__(self, item: object) -> object:
        """Return a call.

        Raises:
            SettingsError: If it has no key, or its customer is in another shard or has another key.
        """
        if not isinstance(item, Call):
            raise SettingsError(f"Job: calls must return Call or Walk objects of one kind, not {_name(item)}")
        self._check_account("call", item.linked_account_id)
        if item.key is None:
            raise SettingsError(f"Job: a call of account {item.linked_account_id!r} has no key: pass key=")
        return item

    def _check_account(self, kind: str, account: str) -> None:
        if (own := shard_of(account, self._shards)) != self._shard:
            # In two shards, its calls would be in two journals, and a write could run twice.
            raise SettingsError(
                f"Job: a {kind} of account {account!r}, which is in shard {own}, came from shard"
                f" {self._shard}; calls must return those of the accounts it is given"
            )
        if self._accounts is not None and account not in self._accounts:
            # It would be sent with the key of somebody else.
            raise SettingsError(
                f"Job: a {kind} of account {account!r} came for the accounts of another key;"
                " calls must return those of the accounts it is given"
            )


class WalkCheck(ShardCheck):
    """Checks that walks belong to a shard and its files; see `ShardCheck`."""

    def __init__(self, shard: int, shards: int, accounts: Collection[str] | None = None) -> None:
        super().__init__(shard, shards, accounts)
        self._actions: set[tuple[str, str]] = set()
        self._walked: set[str] = set()

    def __call__(self, item: object) -> object:
        """Return a walk whose records stay undecoded, unless they are checked against a type.

        Raises:
            SettingsError: If its customer is in another shard, has another key or another walk, or if its
                action is not that of the other walks.
        """
        if not isinstance(item, Walk):
            raise SettingsError(f"Job: calls must return Call or Walk objects of one kind, not {_name(item)}")
        account = item.linked_account_id
        self._check_account("walk", account)
        self._actions.add((item.slug, item.action_id))
        # A row of the files names its customer alone.
        if len(self._actions) > 1:
            raise SettingsError(f"Job: the walks are of several actions, {self._actions}: make a job of each")
        if account in self._walked:
            raise SettingsError(f"Job: account {account!r} has two walks: make a job of each")
        self._walked.add(account)
        if item.since is not None:
            raise SettingsError(
                "Job: a walk of a job has no since: it reads a customer once; use refold.pull"
            )
        return item if item.into is not None else msgspec.structs.replace(item, into=msgspec.Raw)


def _name(item: object) -> str:
    return type(item).__name__


_END: Final = object()


class Peeked(NamedTuple):
    """The first item, if there is one, and those after it."""

    first: list[Any]
    rest: Iterator[Any] | AsyncIterator[Any]


async def peek(items: Items) -> Peeked:
    """Read the first item.

    Raises:
        SettingsError: If it is not an iterable.
    """
    given: object = items
    if inspect.iscoroutine(given):
        given.close()  # else it warns that it was never awaited
        raise SettingsError(
            "Job: calls must return an iterable, not a coroutine: use def, or yield the calls"
        )
    if not isinstance(given, Iterable | AsyncIterable):
        raise SettingsError(f"Job: calls must return an iterable of Call or Walk, not {_name(given)}")
    if isinstance(items, AsyncIterable):
        each = aiter(items)
        first = await anext(each, _END)
        return Peeked([] if first is _END else [first], each)
    rest = iter(items)
    return Peeked(list(islice(rest, 1)), rest)
