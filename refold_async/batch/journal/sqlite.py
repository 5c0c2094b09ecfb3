"""The file of a journal: SQLite, one row per recorded call. No event loop.

A `FULL` synchronous write-ahead log: a commit is on disk when it returns, so a row outlives the process
and, on a disk that honours `fsync`, a power failure. Other processes may read it meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from refold_async.batch.journal.lock import FileIdentity, OwnerLock, lock_path
from refold_async.batch.journal.own_thread import transaction
from refold_async.batch.journal.store import (
    CallId,
    JournalRow,
    JournalTables,
    JournalWrite,
    RunRow,
    State,
    Written,
)
from refold_async.errors import JournalError, JournalInUseError

APPLICATION_ID: Final = 0x52464A4C
_FORMAT: Final = 5

_SCHEMA: Final = f"""
    PRAGMA application_id = {APPLICATION_ID};
    PRAGMA user_version = {_FORMAT};
    CREATE TABLE job (name TEXT, base_url TEXT NOT NULL);
    CREATE TABLE runs (number INTEGER PRIMARY KEY, began REAL NOT NULL, ended REAL, logged INTEGER NOT NULL);
    CREATE TABLE figures (run INTEGER, batch INTEGER, figures BLOB NOT NULL, PRIMARY KEY (run, batch));
    CREATE TABLE calls (
        scope TEXT NOT NULL, key TEXT NOT NULL, account TEXT, call BLOB NOT NULL,
        slug TEXT NOT NULL, action_id TEXT NOT NULL, effect TEXT,
        state INTEGER NOT NULL, delivered INTEGER NOT NULL, run INTEGER NOT NULL, attempts INTEGER NOT NULL,
        began REAL NOT NULL, at REAL NOT NULL, error TEXT, result BLOB, params BLOB,
        PRIMARY KEY (scope, key)
    ) WITHOUT ROWID;
    CREATE TABLE counts (
        state INTEGER NOT NULL, delivered INTEGER NOT NULL, number INTEGER NOT NULL,
        PRIMARY KEY (state, delivered)
    ) WITHOUT ROWID;
"""
# When to take the log into the file: after so many bytes of results and figures, or so many changes, of which
# a call is about 8.
_LONGEST_LOG: Final = 2**22
_MOST_CHANGES: Final = 4000
_ADD: Final = "UPDATE counts SET number = number {} 1 WHERE state = {}.state AND delivered = {}.delivered;"
_MORE: Final = _ADD.format("+", "new", "new")
_LESS: Final = _ADD.format("-", "old", "old")
# Triggers, so that the counters are right in every commit, whoever changes a row, and reading them costs
# the same for a million calls.
_COUNTING: Final = (
    f"CREATE TRIGGER count_new AFTER INSERT ON calls BEGIN {_MORE} END",
    f"""CREATE TRIGGER count_changed AFTER UPDATE OF state, delivered ON calls
        WHEN old.state <> new.state OR old.delivered <> new.delivered BEGIN {_LESS} {_MORE} END""",
    f"CREATE TRIGGER count_removed AFTER DELETE ON calls BEGIN {_LESS} END",
)
_ROW: Final = """
    INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
"""
_FINAL: Final = f"({State.DONE:d}, {State.FOUND:d})"
# The parameter 16 is the run before which an unknown write must have been recorded to begin again.
_BEGIN: Final = f"""
    {_ROW} state = excluded.state, delivered = 0, run = excluded.run, began = excluded.began,
    at = excluded.at, error = NULL, result = NULL, params = excluded.params
    WHERE call = excluded.call AND (state = {State.FAILED:d} OR (run < ? AND state NOT IN {_FINAL}))
"""
# Parameters are kept while it is unknown whether the call was done.
_END: Final = f"""
    {_ROW} state = excluded.state, delivered = 0, run = excluded.run,
    attempts = CASE WHEN excluded.attempts > 0 THEN excluded.attempts ELSE attempts END,
    at = excluded.at, error = excluded.error, result = excluded.result,
    params = CASE WHEN excluded.state IN ({State.DONE:d}, {State.FAILED:d}, {State.FOUND:d})
    THEN NULL ELSE params END
    WHERE call = excluded.call AND (state NOT IN {_FINAL} OR excluded.state = {State.DONE:d})
"""
_DELIVER: Final = "UPDATE calls SET delivered = 1{} WHERE scope = ? AND key = ?"
_LOOK: Final = """
    SELECT call, state, delivered, run, began, at, error, result FROM calls WHERE scope = ? AND key = ?
"""


class JournalFile:
    """An open journal, owned by this process: a `JournalStore`.

    Args:
        path: The file; created, for its owner alone, if it does not exist.
        job: The job's name.
        base_url: The base URL of its calls.
        keep_results: Whether results are kept after they were delivered.

    Attributes:
        run: The number of this run, from 1.
        fresh: Whether no earlier run recorded a call.
        longest_id: `None`: as long as they may be.
        lease: `None`: the lock is this process's until it ends.

    Raises:
        JournalInUseError: If another batch or process uses it.
        JournalError: If it belongs to another job, is damaged or not a journal, or cannot be created or
            written.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, job: str | None, base_url: str, keep_results: bool = False
    ) -> None:
        self._path: Final = Path(os.path.realpath(path))
        self._deliver: Final = _DELIVER.format("" if keep_results else ", result = NULL")
        self._closed = False
        self.longest_id: Final = None
        self.lease: Final = None
        with journal_errors(self._path):
            create_file(self._path)
            self._lock: Final = OwnerLock(self._path)
        log = self._path.with_name(f"{self._path.name}-wal")
        try:
            with journal_errors(self._path):
                # Looked at now: opening the database creates it, also to read, but empty.
                has_log = log.exists() and log.stat().st_size > 0
                self._db: Final = connect(self._path, mode="rw")
        except BaseException:
            self._lock.release()
            raise
        try:
            with journal_errors(self._path):
                self._prepare(create=is_empty(self._db, self._path))
                if not has_log:
                    self._check_whole(log)
                self.run = self._register_run(job, base_url)
                self.fresh = self._db.execute("SELECT 1 FROM calls LIMIT 1").fetchone() is None
                # Both exist since the run was registered, and are the same files until they are closed.
                self._identity: Final = FileIdentity(self._path, log)
        except BaseException:
            self._release()
            raise

    def look(self, ids: Sequence[CallId]) -> list[JournalRow | None]:
        """Return the row of each call, or `None`.

        Raises:
            JournalError: If it cannot be read.
        """
        with journal_errors(self._path):
            return [_row(self._db.execute(_LOOK, id_).fetchone()) for id_ in ids]

    def write(self, records: Sequence[JournalWrite], delivered: Sequence[CallId] = ()) -> list[Written]:
        """Write rows, and mark calls as delivered, in one commit; see `JournalStore`.

        Raises:
            JournalInUseError: If another run has begun since; then no row was written.
            JournalError: If it cannot be written; then no row was. If the file was deleted or replaced.
        """
        with journal_errors(self._path):
            with transaction(self._db):
                self._check_run()
                written = self._put_all(records)
                if delivered:
                    self._db.executemany(self._deliver, delivered)
            self._note_logged(sum(len(each.result) for each in records if each.result))
            # After the commit: what was written to a deleted file is not on disk for the next run.
            self._check_identity()
            return written

    def counts(self) -> dict[tuple[State, bool], int]:
        """Return the number of calls by state and by whether they were delivered.

        Raises:
            JournalError: If it cannot be read.
        """
        with journal_errors(self._path):
            return count_calls(self._db)

    def write_run(self, figures: Mapping[int, bytes]) -> None:
        """Record the figures of this run, by the number of each of its batches; see `JournalStore`.

        Raises:
            JournalError: If they cannot be written.
        """
        rows = [(self.run, batch, encoded) for batch, encoded in figures.items()]
        with journal_errors(self._path):
            with transaction(self._db):
                self._db.executemany("INSERT OR REPLACE INTO figures VALUES (?, ?, ?)", rows)
            self._note_logged(sum(map(len, figures.values())))

    def runs(self) -> list[RunRow]:
        """Return the runs so far, the first one first.

        Raises:
            JournalError: If they cannot be read.
        """
        with journal_errors(self._path):
            return runs_of(self._db)

    def parts(self) -> None:
        """Return `None`: only the process that holds the lock writes result files, so all of them count."""

    def add_part(self, name: str) -> None:
        """No-op; see `parts`."""

    def renew(self) -> None:
        """No-op: it has no lease."""

    def interrupt(self) -> None:
        """No-op: a disk answers."""

    def close(self) -> None:
        """Record the end of the run and close the file. Idempotent."""
        if self._closed:
            return
        self._closed = True
        # If it cannot be recorded, e.g. on a full disk, the run shows as one that was killed.
        with contextlib.suppress(sqlite3.Error):
            self._db.execute("UPDATE runs SET ended = ? WHERE number = ?", (time.time(), self.run))
        self._release()

    def _release(self) -> None:
        # In this order: the next owner must not open the file while it is being closed.
        try:
            with journal_errors(self._path):
                self._db.close()
        finally:
            self._lock.release()

    def _put_all(self, records: Sequence[JournalWrite]) -> list[Written]:
        now = time.time()
        begins = [record for record in records if record.state is State.BEGUN]
        ends = [record for record in records if record.state is not State.BEGUN]
        if self._put_group(begins, ends, now):
            return [Written.DONE] * len(records)
        # One of them was not written: find out which.
        return [self._put(record, now) for record in records]

    def _put_group(self, begins: list[JournalWrite], ends: list[JournalWrite], now: float) -> bool:
        """Write a group of rows, or none of them; return whether all were written."""
        self._db.execute("SAVEPOINT one_group")
        rows = 0
        if begins:
            values = [(*self._values(record, now), record.before) for record in begins]
            rows += self._db.executemany(_BEGIN, values).rowcount
        if ends:
            rows += self._db.executemany(_END, [self._values(record, now) for record in ends]).rowcount
        if rows == len(begins) + len(ends):
            self._db.execute("RELEASE one_group")
            return True
        self._db.execute("ROLLBACK TO one_group")
        return False

    def _put(self, record: JournalWrite, now: float) -> Written:
        values = self._values(record, now)
        begins = record.state is State.BEGUN
        if self._db.execute(*((_BEGIN, (*values, record.before)) if begins else (_END, values))).rowcount:
            return Written.DONE
        (row,) = self.look([record.id])
        return Written.TAKEN if row is not None and row.call == record.call else Written.ANOTHER_CALL

    def _values(self, record: JournalWrite, now: float) -> tuple[Any, ...]:
        (scope, key), account, call, slug, action_id, effect, state, *rest = record
        attempts, error, result, params, _ = rest
        return (
            scope, key, None if account == scope else account, call, slug, action_id, effect, state,
            self.run, attempts, now, now, error, result, params,
        )  # fmt: skip

    def _check_run(self) -> None:
        """Refuse to write if the lock did not keep another run out, e.g. since its file was deleted."""
        (last,) = self._db.execute("SELECT max(number) FROM runs").fetchone()
        if last != self.run:
            raise JournalInUseError(
                f"the journal {self._path} is in use by run {last}, which began during this one, run"
                f" {self.run}: was {lock_path(self._path).name} deleted? Keep it, and end one of the runs"
            )

    def _check_identity(self) -> None:
        if (lost := self._identity.lost()) is not None:
            raise JournalError(
                f"the journal {self._path} was deleted or replaced while it was in use ({lost.name}); "
                "what it recorded is lost: look the writes of this run up before running them again"
            )

    def _prepare(self, *, create: bool) -> None:
        """Create the tables, or check their integrity."""
        # Because of the triggers, each statement notes what to undo if it fails: in memory, not in a file.
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "fullfsync = ON",
            "temp_store = MEMORY",
            "wal_autocheckpoint = 0",
        ):
            self._db.execute(f"PRAGMA {pragma}")
        if create:
            with transaction(self._db):
                for statement in (*_SCHEMA.split(";"), *_COUNTING):
                    self._db.execute(statement)
                zeros = [(state, delivered) for state in State for delivered in (0, 1)]
                self._db.executemany("INSERT INTO counts VALUES (?, ?, 0)", zeros)
        (verdict,) = self._db.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise JournalError(f"the journal {self._path} is damaged: {verdict}")

    def _check_whole(self, log: Path) -> None:
        """Refuse a journal that was moved without the log of its last run, which was killed."""
        last = self._db.execute("SELECT ended, logged FROM runs ORDER BY number DESC LIMIT 1").fetchone()
        if last == (None, 0):
            raise JournalError(
                f"the journal {self._path} is not whole: its last run was killed, and what it recorded is in"
                f" {log.name}, which is missing; put it back beside the journal, or look up the writes of"
                " that run and start a new journal"
            )

    def _register_run(self, job: str | None, base_url: str) -> int:
        """Check that the file belongs to this job, and return the number of this run."""
        with transaction(self._db):
            row = self._db.execute("SELECT name, base_url FROM job").fetchone()
            if row is None:
                self._db.execute("INSERT INTO job VALUES (?, ?)", (job, base_url))
            elif row != (job, base_url):
                raise JournalError(
                    f"the journal {self._path} belongs to another job: "
                    f"{row[0]!r} against {row[1]}, not {job!r} against {base_url}"
                )
            (number,) = self._db.execute("SELECT coalesce(max(number), 0) + 1 FROM runs").fetchone()
            self._db.execute("INSERT INTO runs VALUES (?, ?, NULL, 0)", (number, time.time()))
        self._checkpoint()
        return int(number)

    def _note_logged(self, size: int) -> None:
        """Note that large values were written, of `size` bytes in all, and see whether the log is long."""
        self._logged += size
        if self._logged > _LONGEST_LOG or self._db.total_changes - self._changes > _MOST_CHANGES:
            self._checkpoint()

    def _checkpoint(self) -> None:
        """Take the log into the file, so that it stays short.

        The file by itself always says that a run has begun, and only with its log that there is one.
        """
        set_logged = (
            "UPDATE runs SET logged = ? WHERE ended IS NULL AND number = (SELECT max(number) FROM runs)"
        )
        self._db.execute(set_logged, (0,))
        self._db.execute("PRAGMA wal_checkpoint(PASSIVE)")  # as far as nobody reads what it would replace
        self._db.execute(set_logged, (1,))
        self._logged, self._changes = 0, self._db.total_changes


def connect(path: Path, *, mode: str) -> sqlite3.Connection:
    """Open a journal's database.

    Raises:
        sqlite3.Error: If it cannot be opened.
    """
    # Readers hold no lock for long: a moment's wait is for one that recovers the log of a killed run.
    return sqlite3.connect(
        f"{path.as_uri()}?mode={mode}", uri=True, timeout=5, isolation_level=None, check_same_thread=False
    )


def connect_to_read(path: Path) -> sqlite3.Connection:
    """Open a journal's database to read it, also in a folder that cannot be written.

    Raises:
        sqlite3.Error: If it cannot be opened.
    """
    db = connect(path, mode="ro")
    try:
        db.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError as error:
        db.close()
        # Reading takes files beside it, which cannot be created here. Without its log, nobody writes to it.
        has_log = Path(f"{os.path.realpath(path)}-wal").exists()
        if has_log or not error.sqlite_errorname.startswith(_UNWRITABLE):
            raise
        return sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True, isolation_level=None)
    except BaseException:
        db.close()
        raise
    return db


_UNWRITABLE: Final = ("SQLITE_READONLY", "SQLITE_CANTOPEN")


def is_empty(db: sqlite3.Connection, path: Path) -> bool:
    """Read a database's header, and return whether it holds nothing yet.

    Raises:
        JournalError: If it is not a journal, or one of another format.
        sqlite3.Error: If it cannot be read.
    """
    (objects,) = db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if not objects and not application:
        return True
    if application != APPLICATION_ID:
        raise JournalError(f"{path} is another SQLite database, not a journal")
    if version != _FORMAT:
        raise JournalError(
            f"the journal {path} has format {version}; this version reads {_FORMAT}: "
            "finish the job with the version that began it, or start a new journal"
        )
    return False


def count_calls(db: JournalTables) -> dict[tuple[State, bool], int]:
    """Return the number of calls by state and by whether they were delivered."""
    rows = db.execute("SELECT state, delivered, number FROM counts WHERE number > 0").fetchall()
    return {(State(state), bool(delivered)): number for state, delivered, number in rows}


def runs_of(db: JournalTables) -> list[RunRow]:
    """Return the runs of a journal with their figures, the first one first."""
    figures: dict[int, list[bytes]] = {}
    for run, encoded in db.execute("SELECT run, figures FROM figures ORDER BY run, batch"):
        figures.setdefault(run, []).append(encoded)
    runs = db.execute("SELECT number, began, ended FROM runs ORDER BY number")
    return [RunRow(number, began, ended, tuple(figures.get(number, ()))) for number, began, ended in runs]


@contextlib.contextmanager
def journal_errors(path: Path) -> Iterator[None]:
    """Raise SQLite and OS errors as a `JournalError`."""
    try:
        yield
    except (sqlite3.Error, OSError, ValueError) as error:
        raise JournalError(f"the journal {path} {_describe(error)}") from error


def create_file(path: Path) -> None:
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


def _row(values: tuple[Any, ...] | None) -> JournalRow | None:
    if values is None:
        return None
    row = JournalRow(*values)
    return row._replace(state=State(row.state), delivered=bool(row.delivered))


def _describe(error: Exception) -> str:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "is locked by another process"
    if name.startswith("SQLITE_NOTADB"):
        return "is not a journal: not a SQLite database"
    if name.startswith("SQLITE_CORRUPT"):
        return "is damaged"
    if name.startswith("SQLITE_FULL"):
        return "cannot be written: the disk is full"
    said = error.strerror if isinstance(error, OSError) else str(error)
    return f"cannot be used: {said or type(error).__name__}"
