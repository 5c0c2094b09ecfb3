"""Journals that cannot be used: damaged, foreign, locked, or on a full disk."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from refold_async import (
    Journal,
    JournalError,
    JournalInUseError,
)
from refold_async.sandbox import Sandbox

from .journaled import client, run, writes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "job.sqlite"


def make_text(path: Path) -> None:
    path.write_text("no database at all, but long enough to look at" * 50)


def make_foreign(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE mine (id)")
    db.close()


def make_newer(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA application_id = 0x52464A4C")
        db.execute("PRAGMA user_version = 99")
        db.execute("CREATE TABLE mine (id)")
    db.close()


def make_folder(path: Path) -> None:
    path.mkdir()


def content_of(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[2 * 4096 + 8 :] = os.urandom(len(content) - 2 * 4096 - 8)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (make_text, "not a SQLite database"),
        (make_foreign, "another SQLite database"),
        (make_newer, "has format 99"),
        (make_folder, "cannot be used"),
    ],
)
async def test_a_file_that_is_not_a_journal_is_refused_and_unchanged(
    sandbox: Sandbox, path: Path, make: Callable[[Path], None], words: str
) -> None:
    make(path)
    before = content_of(path)
    with pytest.raises(JournalError, match=words) as caught:
        await run(sandbox, writes(3), path)
    assert caught.value.fate == "not_sent"
    assert sandbox.requests == []
    assert content_of(path) == before


async def test_a_damaged_journal_is_refused(sandbox: Sandbox, path: Path) -> None:
    await run(sandbox, writes(200), path)
    sent = sandbox.ledger.count()
    damage(path)
    with pytest.raises(JournalError, match="damaged"):
        await run(sandbox, writes(200), path)
    assert sandbox.ledger.count() == sent


async def test_a_folder_that_is_not_there_is_an_error(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="No such file or directory"):
        await run(sandbox, writes(1), tmp_path / "nowhere" / "job.sqlite")


async def test_a_journal_of_another_job_or_server_is_refused(sandbox: Sandbox, path: Path) -> None:
    await run(sandbox, writes(1), Journal(path, job="nightly"))
    with pytest.raises(JournalError, match="'nightly' against"):
        await run(sandbox, writes(1), Journal(path, job="weekly"))
    async with Sandbox() as other:
        with pytest.raises(JournalError, match="another job"):
            await run(other, writes(1), Journal(path, job="nightly"))
        assert other.requests == []


OTHER_PROCESS = """
import sys
from refold_async import Journal, JournalInUseError
from refold_async.batch.journal.sqlite import JournalFile

print(len(list(Journal.read(sys.argv[1]))))
try:
    JournalFile(sys.argv[1], job=None, base_url=sys.argv[2])
except JournalInUseError as error:
    print(error)
"""


async def test_a_journal_in_use_is_refused_here_and_in_another_process_and_can_be_read(
    sandbox: Sandbox, path: Path
) -> None:
    async with client(sandbox) as refold, refold.batch(writes(3), journal=path) as batch:
        outcomes = [outcome async for outcome in batch]
        with pytest.raises(JournalInUseError, match="in use by another batch or process"):
            await refold.run(writes(1), journal=path)
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-c", OTHER_PROCESS, str(path), sandbox.base_url, stdout=subprocess.PIPE
        )
        said, _ = await other.communicate()
    assert len(outcomes) == 3
    assert said.startswith(b"3\n")
    assert b"in use by another batch or process" in said


@pytest.mark.parametrize("replaced", [False, True])
async def test_a_journal_that_is_lost_during_the_run_is_noticed(
    sandbox: Sandbox, path: Path, *, replaced: bool
) -> None:
    def lose() -> None:
        for file in path.parent.iterdir():
            content = file.read_bytes()
            file.unlink()
            if replaced:
                file.write_bytes(content)

    async def run_and_lose() -> None:
        async with client(sandbox) as refold, refold.batch(writes(60), journal=path, concurrency=5) as batch:
            await anext(batch)
            await asyncio.to_thread(lose)
            async for _ in batch:
                pass

    with pytest.raises(JournalError, match="deleted or replaced"):
        await run_and_lose()
    assert sandbox.ledger.count() < 60


async def test_a_journal_that_is_lost_before_the_last_delivery_is_noticed(
    sandbox: Sandbox, path: Path
) -> None:
    async def run_and_lose() -> None:
        async with client(sandbox) as refold, refold.batch(writes(1), journal=path) as batch:
            await anext(batch)
            await asyncio.to_thread(path.unlink)

    with pytest.raises(JournalError, match="deleted or replaced"):
        await run_and_lose()


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
async def test_the_file_is_its_owners_alone_and_the_key_is_not_in_it(sandbox: Sandbox, path: Path) -> None:
    async with (
        client(sandbox) as refold,
        refold.batch(writes(20), journal=Journal(path, replay=True)) as batch,
    ):
        await anext(batch)
        for file in path.parent.iterdir():
            assert file.stat().st_mode & 0o777 == 0o600
            assert sandbox.api_key.encode() not in file.read_bytes()
            assert b"example.org" not in file.read_bytes() or file.name.endswith("-wal")


FULL_DISK = """
import asyncio, resource, signal, sys
from refold_async import Call, Done, JournalError, Refold, Skipped, Failed
from refold_async.sandbox import Sandbox

async def main():
    async with Sandbox() as sandbox, Refold(sandbox.api_key, base_url=sandbox.base_url) as refold:
        calls = [Call("demo-user-1", "hubspot", "create_contact", {"email": f"{n}@example.org"}) for n in range(3000)]
        outcomes = []
        try:
            async with refold.batch(calls, journal=sys.argv[1], concurrency=10) as batch:
                async for outcome in batch:
                    outcomes.append(outcome)
                    if len(outcomes) == 100:
                        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
        except JournalError as error:
            print(error)
        done = sum(isinstance(outcome, Done) for outcome in outcomes)
        unsent = sum(isinstance(outcome, Failed) and outcome.error.fate == "not_sent" for outcome in outcomes)
        skipped = {outcome.reason for outcome in outcomes if isinstance(outcome, Skipped)}
        assert skipped <= {"journal_failed"}, skipped
        assert done == sandbox.ledger.count(), (done, sandbox.ledger.count())
        assert done + unsent < 3000 and not batch.under_way
        assert len(outcomes) == batch.progress.read
        print("stopped well", done, unsent)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the size of files as Linux does")
async def test_a_full_disk_stops_the_batch(path: Path) -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FULL_DISK, str(path), str(200_000),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await program.communicate()
    assert b"stopped well" in said, said.decode()
    assert b"cannot be" in said
