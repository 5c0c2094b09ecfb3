"""The shards of a job: which customer is in which, and the files of each."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Final
from uuid import uuid4

import msgspec

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


async def checked_calls(
    calls: Iterable[Call] | AsyncIterable[Call], shard: int, shards: int
) -> AsyncIterator[Call]:
    """Yield the calls of a shard, checked to belong to it.

    Raises:
        SettingsError: If a call has no key, or its customer is in another shard.
    """
    if isinstance(calls, AsyncIterable):
        async for call in calls:
            yield _checked(call, shard, shards)
        return
    for call in calls:
        yield _checked(call, shard, shards)


def _checked(call: Call, shard: int, shards: int) -> Call:
    if not isinstance(call, Call):
        raise SettingsError(f"Job: calls must return Call objects, not {type(call).__name__}")
    if call.key is None:
        raise SettingsError(f"Job: a call of account {call.linked_account_id!r} has no key: pass key=")
    if (own := shard_of(call.linked_account_id, shards)) != shard:
        # In two shards, its calls would be in two journals, and a write could run twice.
        raise SettingsError(
            f"Job: a call of account {call.linked_account_id!r}, which is in shard {own}, came from shard"
            f" {shard}; calls must return calls of the accounts it is given"
        )
    return call


class _JobFile(msgspec.Struct, frozen=True):
    """What the runs of a job must agree on."""

    name: str
    shards: int


class JobFolder:
    """The folder of a job: `job.json`, and for each shard a journal and its last report.

    Args:
        path: The folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Final = Path(path)

    def create(self, name: str, shards: int) -> None:
        """Create the folder, or check that it belongs to this job.

        Raises:
            SettingsError: If it belongs to another job, or has another number of shards.
            OSError: If it cannot be created or read.
        """
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        file, expected = self.path / "job.json", _JobFile(name, shards)
        if not file.exists():
            aside = _written_aside(file, msgspec.json.encode(expected))
            try:
                os.link(aside, file)  # unlike a rename, it never replaces what another worker wrote
            except FileExistsError:
                pass
            finally:
                aside.unlink()
            sync_folder(self.path)
        found = msgspec.json.decode(file.read_bytes(), type=_JobFile)
        if found != expected:
            raise SettingsError(
                f"Job: {self.path} is the journal of job {found.name!r} in {found.shards} shards,"
                f" not {name!r} in {shards}; use another folder"
            )

    def journal(self, shard: int) -> Path:
        """Return the journal of a shard."""
        return self.path / f"shard-{shard:04d}.sqlite"

    def report(self, shard: int) -> Path:
        """Return the file with the report of a shard's last run that ended."""
        return self.path / f"shard-{shard:04d}.json"


class Parts:
    """The result files of one shard: `part-000001.jsonl` and so on, each whole or absent.

    Args:
        folder: The folder of the shard; created if it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        sync_folder(folder.parent)
        for left in folder.glob(".part-*"):  # of a run that was killed; the shard's journal is ours now
            left.unlink()
        files = part_files(folder)
        self._number = int(files[-1].stem.removeprefix("part-")) if files else 0
        self._written = {key for file in files for key in _keys(file)}

    def add(self, rows: Iterable[tuple[Call, bytes]]) -> int:
        """Write the rows of a new part and wait until it is on disk; return how many are new.

        A row that an earlier part has, since its run was killed before it could record that, is left out.
        """
        new = [(call, line) for call, line in rows if (call.linked_account_id, call.key) not in self._written]
        if new:
            self._number += 1
            write_file(self._folder / f"part-{self._number:06d}.jsonl", b"".join(line for _, line in new))
            self._written.update((call.linked_account_id, call.key) for call, _ in new)
        return len(new)


def part_files(folder: Path) -> list[Path]:
    """Return the parts in the folder of a shard, in the order in which they were written."""
    return sorted(folder.glob("part-*.jsonl"), key=lambda file: (len(file.name), file.name))


def _keys(file: Path) -> Iterator[tuple[str, str | None]]:
    with file.open("rb") as lines:
        for line in lines:
            row = json.loads(line)  # unlike msgspec, it takes lone surrogates in results
            yield row["linked_account_id"], row["key"]


def write_file(path: Path, content: bytes) -> None:
    """Write a file aside, sync it to disk, and rename it, so that it is whole whenever it exists."""
    _written_aside(path, content).replace(path)
    sync_folder(path.parent)


def _written_aside(path: Path, content: bytes) -> Path:
    aside = path.with_name(f".{path.name}.{uuid4().hex}")
    with open(aside, "xb", opener=lambda name, flags: os.open(name, flags, 0o600)) as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    return aside


def sync_folder(folder: Path) -> None:
    """Wait until the entries of a folder are on disk."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
