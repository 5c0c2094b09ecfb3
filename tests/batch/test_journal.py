"""What a journal promises: run again, a batch goes on where it was, and never repeats a write."""

import asyncio
import contextlib
import os
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
import pytest

from refold_async import (
    Call,
    Done,
    Failed,
    InterruptedRunError,
    InvalidCallError,
    Journal,
    JournalError,
    Outcome,
    Refold,
    Skipped,
)
from refold_async.sandbox import Fault, Sandbox


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "job.sqlite"


def client(sandbox: Sandbox) -> Refold:
    return Refold(sandbox.api_key, base_url=sandbox.base_url)


def writes(number: int, *, keyed: bool = False) -> list[Call]:
    return [
        Call(f"demo-user-{place}", "hubspot", "create_contact", {"email": f"{place}@example.org"},
             key=f"contact-{place}" if keyed else None)
        for place in range(1, number + 1)
    ]  # fmt: skip


async def run(sandbox: Sandbox, calls: Sequence[Call], journal: object, **options: object) -> list[Outcome]:
    async with client(sandbox) as refold:
        return (await refold.run(calls, journal=journal, **options)).outcomes  # type: ignore[arg-type]


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as db:
        return db.execute(query).fetchall()


def reasons(outcomes: Sequence[Outcome]) -> set[str]:
    return {
        outcome.reason if isinstance(outcome, Skipped) else type(outcome).__name__ for outcome in outcomes
    }


async def test_what_is_done_is_not_run_again(sandbox: Sandbox, path: Path) -> None:
    calls = [*writes(10), Call("demo-user-1", "hubspot", "get_contact", {"limit": "1"})]
    assert reasons(await run(sandbox, calls, path)) == {"Done"}
    assert reasons(await run(sandbox, calls, path)) == {"done_before"}
    assert sandbox.ledger.count() == 11


async def test_results_are_handed_over_again_where_asked(sandbox: Sandbox, path: Path) -> None:
    journal = Journal(path, replay=True)
    first = await run(sandbox, writes(5), journal)
    second = await run(sandbox, writes(5), journal)
    for before, after in zip(first, second, strict=True):
        assert isinstance(before, Done)
        assert isinstance(after, Done)
        assert (after.result, after.replayed, after.attempts) == (before.result, True, 0)
    assert sandbox.ledger.count() == 5


async def test_results_are_not_kept_unless_asked(sandbox: Sandbox, path: Path) -> None:
    await run(sandbox, writes(3), path)
    assert reasons(await run(sandbox, writes(3), Journal(path, replay=True))) == {"done_before"}
    assert rows(path, "SELECT count(result) FROM calls") == [(0,)]


@pytest.mark.parametrize(
    ("fault", "fate", "then"),
    [
        (Fault(effect="write", status=400, times=1), "rejected", "Done"),
        (Fault(effect="write", status=503, when="after", times=1), "unknown", "unknown_before"),
        (Fault(effect="write", drop="after", times=1), "unknown", "unknown_before"),
    ],
)
async def test_a_failed_write_is_run_again_only_where_it_surely_was_not_done(
    sandbox: Sandbox, path: Path, fault: Fault, fate: str, then: str
) -> None:
    sandbox.faults.add(fault)
    (first,) = await run(sandbox, writes(1), path)
    assert isinstance(first, Failed)
    assert first.error.fate == fate
    assert reasons(await run(sandbox, writes(1), path)) == {then}
    assert not sandbox.ledger.duplicates()


async def test_a_failed_read_is_run_again_whatever_its_fate(sandbox: Sandbox, path: Path) -> None:
    sandbox.faults.add(Fault(effect="read", garbage=True, times=1))
    calls = [Call("demo-user-1", "hubspot", "get_contact")]
    assert reasons(await run(sandbox, calls, path)) == {"Failed"}
    assert reasons(await run(sandbox, calls, path)) == {"Done"}


async def leave_under_way(sandbox: Sandbox, calls: Sequence[Call], path: Path) -> None:
    """Leave a batch while its writes hang."""
    hanging = Fault(effect="write", hang=True, when="after")
    sandbox.faults.add(hanging)
    async with client(sandbox) as refold, refold.batch(calls, journal=path):
        while sandbox.ledger.count() < len(calls):  # noqa: ASYNC110 - a ledger wakes nobody
            await asyncio.sleep(0.002)
    sandbox.faults.remove(hanging)


async def test_a_write_under_way_is_reported_unknown_once_and_never_repeated(
    sandbox: Sandbox, path: Path
) -> None:
    calls = writes(4)
    await leave_under_way(sandbox, calls, path)
    for outcome in await run(sandbox, calls, path):
        assert isinstance(outcome, Failed)
        assert isinstance(outcome.error, InterruptedRunError)
        assert outcome.error.fate == "unknown"
        assert outcome.error.linked_account_id == outcome.call.linked_account_id
    assert reasons(await run(sandbox, calls, path)) == {"unknown_before"}
    assert not sandbox.ledger.duplicates()


async def test_a_write_cut_off_between_attempts_is_known_not_to_have_run(
    sandbox: Sandbox, path: Path
) -> None:
    sandbox.faults.add(Fault(status=429, headers={"Retry-After": "60"}, times=1))
    async with client(sandbox) as refold, refold.batch(writes(1), journal=path):
        while not sandbox.faults.fired(next(iter(sandbox.faults))):  # noqa: ASYNC110 - it wakes nobody
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.02)
    assert reasons(await run(sandbox, writes(1), path)) == {"Done"}


async def test_retry_unknown_runs_them_again(sandbox: Sandbox, path: Path) -> None:
    await leave_under_way(sandbox, writes(2), path)
    assert reasons(await run(sandbox, writes(2), Journal(path, retry_unknown=True))) == {"Done"}
    assert len(sandbox.ledger.duplicates()) == 2
    assert reasons(await run(sandbox, writes(2), path)) == {"done_before"}


async def test_keys_let_the_input_change_between_runs(sandbox: Sandbox, path: Path) -> None:
    calls = writes(6, keyed=True)
    await run(sandbox, calls[:3], path)
    outcomes = await run(sandbox, list(reversed(calls)), path)
    assert Counter(type(outcome) for outcome in outcomes) == {Done: 3, Skipped: 3}
    assert not sandbox.ledger.duplicates()


@pytest.mark.parametrize("concurrency", [1, 2])
async def test_a_key_used_twice_runs_one_write(sandbox: Sandbox, path: Path, concurrency: int) -> None:
    call = writes(1, keyed=True)[0]
    outcomes = await run(sandbox, [call, call], path, concurrency=concurrency)
    assert reasons(outcomes) == {"Done", "duplicate_key"}
    assert sandbox.ledger.count() == 1


async def test_a_key_that_is_no_text_of_unicode_fails_its_own_call_alone(
    sandbox: Sandbox, path: Path
) -> None:
    good, other = writes(2, keyed=True)
    bad, done = await run(sandbox, [msgspec.structs.replace(other, key="\ud800"), good], path)
    assert isinstance(bad, Failed)
    assert isinstance(bad.error, InvalidCallError)
    assert isinstance(done, Done)


async def test_a_key_of_two_different_calls_is_an_error(sandbox: Sandbox, path: Path) -> None:
    one, two = writes(2)
    calls = [Call(one.linked_account_id, one.slug, one.action_id, one.params, key="k"),
             Call(two.linked_account_id, two.slug, two.action_id, two.params, key="k")]  # fmt: skip
    with pytest.raises(JournalError, match="key 'k' as another call"):
        await run(sandbox, calls, path, concurrency=1)
    assert sandbox.ledger.count() <= 1


async def test_an_input_that_changed_without_keys_is_an_error_and_nothing_is_sent(
    sandbox: Sandbox, path: Path
) -> None:
    await run(sandbox, writes(3), path)
    with pytest.raises(JournalError, match="position 0 of the input as another call"):
        await run(sandbox, list(reversed(writes(3))), path)
    assert sandbox.ledger.count() == 3


async def test_parameters_that_cannot_be_written_are_one_calls_failure(sandbox: Sandbox, path: Path) -> None:
    calls = [*writes(1), Call("demo-user-1", "hubspot", "create_contact", {"email": object()})]
    done, failed = await run(sandbox, calls, path)
    assert isinstance(done, Done)
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, InvalidCallError)


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
        (make_foreign, "a database of something else"),
        (make_newer, "has format 99"),
        (make_folder, "cannot be used"),
    ],
)
async def test_a_file_that_is_no_journal_is_refused_and_left_alone(
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
        with pytest.raises(JournalError, match="of another job"):
            await run(other, writes(1), Journal(path, job="nightly"))
        assert other.requests == []


async def test_a_journal_in_use_is_refused_here_and_in_another_process(sandbox: Sandbox, path: Path) -> None:
    opening = "import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0).execute('SELECT * FROM calls')"
    async with client(sandbox) as refold, refold.batch(writes(1), journal=path):
        with pytest.raises(JournalError, match="in use by another batch or process"):
            await refold.run(writes(1), journal=path)
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-c", opening, str(path), stderr=subprocess.PIPE
        )
        _, said = await other.communicate()
    assert b"database is locked" in said


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


async def test_a_call_is_on_disk_before_it_is_sent(sandbox: Sandbox, path: Path) -> None:
    """Seen from the other side: whenever a write runs, a row of it is already there."""
    await leave_under_way(sandbox, writes(5), path)
    assert rows(path, "SELECT state, count(*) FROM calls GROUP BY state") == [(1, 5)]


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
async def test_a_disk_that_gets_full_stops_the_batch_and_sends_nothing_more(path: Path) -> None:
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", FULL_DISK, str(path), str(200_000),
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await program.communicate()
    assert b"stopped well" in said, said.decode()
    assert b"cannot be" in said
