"""The journal's file by itself: what is on disk, and what a failure leaves."""

import asyncio
import os
import shutil
import sqlite3
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pytest

from refold_async import JournalError, JournalInUseError
from refold_async.batch.journal.editing import JournalEditor
from refold_async.batch.journal.lock import is_owned, lock_path
from refold_async.batch.journal.records import read_counts, read_records
from refold_async.batch.journal.sqlite import JournalFile
from refold_async.batch.journal.store import CallId, JournalWrite, State, Written
from tests.faults.leaks import Holdings


def journal(path: Path, job: str = "j") -> JournalFile:
    return JournalFile(path, job=job, base_url="http://h")


def record(key: str, state: State = State.BEGUN, call: bytes | None = None, **more: Any) -> JournalWrite:
    return JournalWrite(
        CallId("a", f"={key}"),
        "a",
        call or key.encode() * 16,
        "hubspot",
        "create_contact",
        "write",
        state,
        **more,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "job.sqlite"


def test_the_format_on_disk_stays_what_it_is(path: Path) -> None:
    """Another version of the SDK has to read it: a change needs a new number."""
    journal(path).close()
    assert [state.value for state in State] == [1, 2, 3, 4, 5, 6, 7]
    database = sqlite3.connect(path)
    assert database.execute("PRAGMA user_version").fetchone() == (5,)
    assert database.execute("PRAGMA application_id").fetchone() == (0x52464A4C,)
    database.close()


def test_a_commit_is_on_disk_when_it_returns(path: Path) -> None:
    file = journal(path)
    for pragma, value in {
        "journal_mode": "wal",
        "synchronous": 2,
        "fullfsync": 1,
    }.items():
        assert file._db.execute(f"PRAGMA {pragma}").fetchone() == (value,)
    file.close()


def test_a_journal_that_was_refused_is_not_held(path: Path) -> None:
    journal(path).close()
    with pytest.raises(JournalError, match="another job") as caught:
        journal(path, "k")
    journal(path).close()
    assert caught.value.fate == "not_sent"


async def test_making_a_journal_leaves_no_descriptor_open(path: Path) -> None:
    before = Holdings.now()
    await asyncio.to_thread(lambda: journal(path).close())
    assert Holdings.now().beyond(before) == []


def test_a_commit_that_fails_leaves_nothing_and_the_next_one_works(path: Path) -> None:
    file = journal(path)
    with pytest.raises(JournalError, match="NOT NULL"):
        file.write([record("a"), record("b")._replace(slug=None)])  # type: ignore[arg-type]
    assert file.look([record("a").id]) == [None]
    assert file.write([record("a")]) == [Written.DONE]
    file.close()


def test_damage_outside_of_the_read_pages_is_noticed(path: Path) -> None:
    """The head of the file says that five of its pages are free, and none is."""
    journal(path).close()
    content = path.read_bytes()
    path.write_bytes(content[:36] + (5).to_bytes(4, "big") + content[40:])
    with pytest.raises(JournalError, match="is damaged"):
        journal(path)


def test_a_journal_of_another_format_is_refused_by_number(path: Path) -> None:
    journal(path).close()
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 2")
    database.close()
    with pytest.raises(JournalError, match="has format 2; this version reads 5"):
        journal(path)


def test_a_run_writes_nothing_once_another_has_begun(path: Path) -> None:
    """Somebody has deleted the file of the lock, which said that the journal was in use."""
    first = journal(path)
    first.write([record("a")])
    lock_path(path).unlink()
    second = journal(path)
    with pytest.raises(JournalInUseError, match="run 2, which began during this one, run 1"):
        first.write([record("b")])
    assert second.write([record("a"), record("b")]) == [Written.TAKEN, Written.DONE]
    first.close()
    second.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="has no fork")
def test_a_process_that_was_forked_does_not_hold_the_journal(path: Path) -> None:
    """Workers of a pool outlive a process that is killed, and kept the journal from its next run."""
    file = journal(path)
    done, wait = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of forking beside threads
        child = os.fork()
    if child == 0:
        os.close(wait)
        os.read(done, 1)
        os._exit(0)
    try:
        assert is_owned(path)
        file.close()
        journal(path).close()
    finally:
        os.close(wait)
        os.waitpid(child, 0)
        os.close(done)


def test_a_journal_has_one_owner_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "jobs").mkdir()
    path, link, folder = tmp_path / "jobs" / "job.sqlite", tmp_path / "latest.sqlite", tmp_path / "now"
    link.symlink_to(path)
    folder.symlink_to(path.parent)
    for name in (link, path, folder / path.name):
        file = journal(name)
        file.write([record(str(name))])
        for other in (link, path, folder / path.name):
            assert is_owned(other)
            with pytest.raises(JournalInUseError):
                journal(other)
            with pytest.raises(JournalInUseError):
                JournalEditor(other)
        file.close()
        assert len(list(read_records(name))) == file.run
    assert sorted(each.name for each in tmp_path.iterdir()) == ["jobs", "latest.sqlite", "now"]


@pytest.mark.parametrize(("runs", "calls", "size"), [(1, 1, 1), (2, 1, 1), (1, 5000, 1), (2, 50, 100_000)])
def test_a_journal_without_the_log_of_a_killed_run_is_refused(
    path: Path, tmp_path: Path, runs: int, calls: int, size: int
) -> None:
    """Else its last run's writes would run again: the file alone does not have them."""
    for _ in range(runs - 1):
        journal(path).close()
    killed = journal(path)
    for place in range(0, calls, 10):
        killed.write([record(str(each), State.DONE, result=b"r" * size) for each in range(place, place + 10)])
    killed.write([record("a")])
    assert Path(f"{path}-wal").stat().st_size < 12_000_000  # it is taken into the file now and then
    (tmp_path / "moved").mkdir()
    moved = tmp_path / "moved" / path.name
    shutil.copy(path, moved)
    log = shutil.copy(f"{path}-wal", tmp_path / "log")
    killed.close()
    for _ in range(2):
        with pytest.raises(JournalError, match=r"is not whole: .* is in job\.sqlite-wal, which is missing"):
            journal(moved)
        assert "a" not in {each.key for each in read_records(moved)}
    shutil.copy(log, f"{moved}-wal")
    resumed = journal(moved)
    assert resumed.write([record("a")]) == [Written.TAKEN]
    resumed.close()
    journal(moved).close()


def test_the_log_stays_short_while_no_call_ends(path: Path) -> None:
    file = journal(path)
    for _ in range(200):
        file.write_run({0: b"f" * 100_000})
    assert Path(f"{path}-wal").stat().st_size < 12_000_000
    file.close()


def test_a_killed_journal_that_was_read_since_is_whole(path: Path, tmp_path: Path) -> None:
    killed = journal(path)
    killed.write([record("a")])
    other = tmp_path / "other.sqlite"
    for ending in ("", "-wal"):
        shutil.copy(f"{path}{ending}", f"{other}{ending}")
    killed.close()
    database = sqlite3.connect(other)  # e.g. in a shell: it takes the log into the file as it ends
    database.execute("SELECT count(*) FROM calls")
    database.close()
    assert not Path(f"{other}-wal").exists()
    resumed = journal(other)
    assert resumed.write([record("a")]) == [Written.TAKEN]
    resumed.close()


def test_runs_are_counted_from_one(path: Path) -> None:
    for run in (1, 2, 3):
        file = journal(path)
        assert (file.run, file.fresh) == (run, True)
        file.close()
    file = journal(path)
    file.write([record("a")])
    file.close()
    again = journal(path)
    assert (again.run, again.fresh) == (5, False)
    again.close()


def test_a_journal_in_a_folder_that_cannot_be_written_can_be_read() -> None:
    # Not below pytest's folders, which nobody else may enter, and which other workers use.
    folder = Path(tempfile.mkdtemp(prefix="refold-journal-"))
    path = folder / "job.sqlite"
    file = journal(path)
    file.write([record("a")])
    file.close()
    path.chmod(0o644)
    folder.chmod(0o555)
    is_root = os.geteuid() == 0
    if is_root:  # who may write everywhere
        os.seteuid(65534)
    try:
        assert [each.key for each in read_records(path)] == ["a"]
        assert read_counts(path) == {State.BEGUN: 1}
    finally:
        if is_root:
            os.seteuid(0)
        folder.chmod(0o700)
    assert not Path(f"{path}-wal").exists()
    shutil.rmtree(folder)
