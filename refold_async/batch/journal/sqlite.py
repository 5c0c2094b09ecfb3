"""The file of a journal: SQLite, one row per recorded call. No event loop.

A `FULL` synchronous write-ahead log: a commit is on disk when it returns, so a row outlives the process
and, on a disk that honours `fsync`, a power failure.
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
    """The recorded state of a call."""

    BEGUN = 1
    DONE = 2
    FAILED = 3
    UNKNOWN = 4


class JournalRow(NamedTuple):
    """The recorded row of a call."""

    key: str
    call: bytes
    state: State
    run: int
    at: float
    result: bytes | None = None


class JournalWrite(NamedTuple):
    """A row to be written."""

    key: str
    call: bytes
    state: State
    result: bytes | None = None


class Written(IntEnum):
    """The result of writing a row."""

    DONE = 0
    TAKEN = 1
    ANOTHER_CALL = 2


class JournalFile:
    """An open journal, locked against other processes.

    Args:
        path: The file; created, for its owner alone, if it does not exist.
        job: The job's name.
        base_url: The base URL of its calls.
        again: Whether a call with an unknown fate may begin again.

    Attributes:
        run: The number of this run, from 1.
        fresh: Whether no earlier run recorded a call.

    Raises:
        JournalError: If it belongs to another job, is locked, damaged or not a journal, or cannot be
            created or written.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, job: str | None, base_url: str, again: bool = False
    ) -> None:
        self._path: Final = Path(path).absolute()
        self._again: Final = again
        with self._journal_errors():
            _create(self._path)
            self._db = sqlite3.connect(
                f"{self._path.as_uri()}?mode=rw",
                uri=True,
                timeout=0,
                isolation_level=None,
                check_same_thread=False,
            )
        try:
            with self._journal_errors():
                self._lock(create=self._is_empty())
                self.run = self._register_run(job, base_url)
                self.fresh = self._db.execute("SELECT 1 FROM calls LIMIT 1").fetchone() is None
        except BaseException:
            self._db.close()
            raise

    def look(self, keys: Iterable[str]) -> list[JournalRow | None]:
        """Return the row of each key, or `None`.

        Raises:
            JournalError: If it cannot be read.
        """
        with self._journal_errors():
            found = [self._db.execute(_LOOK, (key,)).fetchone() for key in keys]
            return [None if row is None else JournalRow(*row)._replace(state=State(row[2])) for row in found]

    def write(self, records: Sequence[JournalWrite]) -> list[Written]:
        """Write rows in one commit.

        Returns:
            The result of each: a call that has begun, and is not known to have failed, does not begin
            again.

        Raises:
            JournalError: If it cannot be written; then no row was.
        """
        with self._journal_errors(), self._transaction():
            return [self._put(record) for record in records]

    def close(self) -> None:
        """Close the file. Idempotent."""
        with self._journal_errors():
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
        """Read the file's header, which fails if it is not a journal or is locked."""
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        (objects,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if not objects and not application:
            return True
        if application != APPLICATION_ID:
            raise JournalError(f"{self._path} is another SQLite database, not a journal")
        if version != _FORMAT:
            raise JournalError(f"the journal {self._path} has format {version}; this version reads {_FORMAT}")
        return False

    def _lock(self, *, create: bool) -> None:
        """Lock the file, and create its tables or check their integrity."""
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON"):
            self._db.execute(f"PRAGMA {pragma}")
        with self._transaction():
            for statement in _SCHEMA.split(";") if create else ():
                self._db.execute(statement)
        (verdict,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise JournalError(f"the journal {self._path} is damaged: {verdict}")

    def _register_run(self, job: str | None, base_url: str) -> int:
        """Check that the file belongs to this job, and return the number of this run."""
        with self._transaction():
            row = self._db.execute("SELECT name, base_url, runs FROM job").fetchone()
            if row is None:
                self._db.execute("INSERT INTO job VALUES (?, ?, 1)", (job, base_url))
                return 1
            if row[:2] != (job, base_url):
                raise JournalError(
                    f"the journal {self._path} belongs to another job: "
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
    def _journal_errors(self) -> Iterator[None]:
        """Raise SQLite and OS errors as a `JournalError`."""
        try:
            yield
        except (sqlite3.Error, OSError, ValueError) as error:
            raise JournalError(f"the journal {self._path} {_describe(error)}") from error


def _create(path: Path) -> None:
    """Create the file if it does not exist: empty, readable by its owner alone, its entry synced to disk."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    if os.name == "posix":
        # Without syncing the directory, a power failure may lose the file's entry.
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _describe(error: Exception) -> str:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "is in use by another batch or process"
    if name.startswith("SQLITE_NOTADB"):
        return "is not a journal: not a SQLite database"
    if name.startswith("SQLITE_CORRUPT"):
        return "is damaged"
    if name.startswith("SQLITE_FULL"):
        return "cannot be written: the disk is full"
    said = error.strerror if isinstance(error, OSError) else str(error)
    return f"cannot be used: {said or type(error).__name__}"
