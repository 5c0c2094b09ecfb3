"""The file of a journal: SQLite, with one row for each call that is worth remembering. No event loop.

A `FULL` synchronous write-ahead log: a commit is on disk when it returns, so a row outlives the process
and, on a disk that keeps what it was told to, a power failure.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from pathlib import Path
from typing import Final, NamedTuple

from refold_async.errors import JournalError

APPLICATION_ID: Final = 0x52464A4C
_FORMAT: Final = 1

_SCHEMA: Final = f"""
    PRAGMA application_id = {APPLICATION_ID};
    PRAGMA user_version = {_FORMAT};
    CREATE TABLE job (name TEXT, base_url TEXT NOT NULL, runs INTEGER NOT NULL);
    CREATE TABLE calls (
        key TEXT PRIMARY KEY, call BLOB NOT NULL, state INTEGER NOT NULL, run INTEGER NOT NULL,
        at REAL NOT NULL, result BLOB
    ) WITHOUT ROWID;
"""
_BEGIN: Final = """
    INSERT INTO calls VALUES (:key, :call, :state, :run, :at, NULL)
    ON CONFLICT (key) DO UPDATE SET state = :state, run = :run, at = :at, result = NULL
    WHERE call = :call AND (state = :failed OR (:again AND run < :run AND state <> :done))
"""
_END: Final = """
    INSERT INTO calls VALUES (:key, :call, :state, :run, :at, :result)
    ON CONFLICT (key) DO UPDATE SET state = :state, run = :run, at = :at, result = :result
    WHERE call = :call
"""
_LOOK: Final = "SELECT key, call, state, run, at, result FROM calls WHERE key = ?"


class State(IntEnum):
    """How far a call is known to be."""

    BEGUN = 1
    DONE = 2
    FAILED = 3
    UNKNOWN = 4


class JournalRow(NamedTuple):
    """What the journal holds of a call."""

    key: str
    call: bytes
    state: State
    run: int
    at: float
    result: bytes | None = None


class JournalWrite(NamedTuple):
    """What is to be written of a call."""

    key: str
    call: bytes
    state: State
    result: bytes | None = None


class Written(IntEnum):
    """What became of a record."""

    DONE = 0
    TAKEN = 1
    ANOTHER_CALL = 2


class JournalFile:
    """An open journal, which no other process can open meanwhile.

    Args:
        path: The file; made, for its owner alone, where there is none.
        job: The job's name.
        base_url: Where its calls go.
        again: Whether a call whose fate is unknown may be begun again.

    Attributes:
        run: The number of this run, from 1.
        fresh: Whether no earlier run left anything.

    Raises:
        JournalError: It is another job's, locked, damaged, no journal, or cannot be made or written.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, job: str | None, base_url: str, again: bool = False
    ) -> None:
        self._path: Final = Path(path).absolute()
        self._again: Final = again
        with self._in_words():
            _make(self._path)
            self._db = sqlite3.connect(
                f"{self._path.as_uri()}?mode=rw",
                uri=True,
                timeout=0,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            with self._in_words():
                self._lock(make=self._is_empty())
                self.run = self._enrol(job, base_url)
                self.fresh = self._db.execute("SELECT 1 FROM calls LIMIT 1").fetchone() is None
        except BaseException:
            self._db.close()
            raise

    def look(self, keys: Iterable[str]) -> list[JournalRow | None]:
        """Give the row of each key, where there is one.

        Raises:
            JournalError: It cannot be read.
        """
        with self._in_words():
            found = [self._db.execute(_LOOK, (key,)).fetchone() for key in keys]
            return [None if row is None else JournalRow(*row)._replace(state=State(row[2])) for row in found]

    def write(self, records: Sequence[JournalWrite]) -> list[Written]:
        """Write records in one commit.

        Returns:
            What became of each: a call that has begun, and is not known to have failed, does not begin
            again.

        Raises:
            JournalError: It cannot be written; then none was.
        """
        with self._in_words(), self._transaction():
            return [self._put(record) for record in records]

    def close(self) -> None:
        """Close it. Again is harmless."""
        with self._in_words():
            self._db.close()

    def _put(self, record: JournalWrite) -> Written:
        values = {
            **record._asdict(),
            "run": self.run,
            "at": time.time(),
            "failed": State.FAILED,
            "done": State.DONE,
            "again": self._again,
        }
        statement = _BEGIN if record.state is State.BEGUN else _END
        if self._db.execute(statement, values).rowcount:
            return Written.DONE
        (row,) = self.look([record.key])
        return Written.TAKEN if row is not None and row.call == record.call else Written.ANOTHER_CALL

    def _is_empty(self) -> bool:
        """Read the file's head, which fails where it is no journal or another process has it."""
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        (objects,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if not objects and not application:
            return True
        if application != APPLICATION_ID:
            raise JournalError(f"{self._path} is a database of something else, no journal")
        if version != _FORMAT:
            raise JournalError(f"the journal {self._path} has format {version}; this version reads {_FORMAT}")
        return False

    def _lock(self, *, make: bool) -> None:
        """Take the file for this process alone, and make its tables or see that they are whole."""
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON"):
            self._db.execute(f"PRAGMA {pragma}")
        with self._transaction():
            for statement in _SCHEMA.split(";") if make else ():
                self._db.execute(statement)
        (verdict,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise JournalError(f"the journal {self._path} is damaged: {verdict}")

    def _enrol(self, job: str | None, base_url: str) -> int:
        """Give this run its number, once it is known to be of the same job."""
        with self._transaction():
            row = self._db.execute("SELECT name, base_url, runs FROM job").fetchone()
            if row is None:
                self._db.execute("INSERT INTO job VALUES (?, ?, 1)", (job, base_url))
                return 1
            if row[:2] != (job, base_url):
                raise JournalError(
                    f"the journal {self._path} is of another job: "
                    f"{row[0]!r} against {row[1]}, not {job!r} against {base_url}"
                )
            self._db.execute("UPDATE job SET runs = runs + 1")
            return int(row[2]) + 1

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        """Raise what goes wrong in here as a `JournalError`."""
        try:
            yield
        except (sqlite3.Error, OSError, ValueError) as error:
            raise JournalError(f"the journal {self._path} {_words(error)}") from error


def _make(path: Path) -> None:
    """Make the file where there is none: empty, readable by its owner alone, and sure to stay."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _words(error: Exception) -> str:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "is in use by another batch or process"
    if name.startswith("SQLITE_NOTADB"):
        return "is no journal: not a SQLite database"
    if name.startswith("SQLITE_CORRUPT"):
        return "is damaged"
    if name.startswith("SQLITE_FULL"):
        return "cannot be written: the disk is full"
    said = error.strerror if isinstance(error, OSError) else str(error)
    return f"cannot be used: {said or type(error).__name__}"
