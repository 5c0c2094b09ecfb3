"""What lets walks go on after a crash: a point per unfinished walk, a mark per finished one, in SQLite."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path
from queue import SimpleQueue
from typing import Final, NamedTuple, TypeVar
from zlib import crc32

import msgspec

from refold_async.batch.journal.own_thread import open_in_thread, transaction
from refold_async.batch.journal.sqlite import create_file
from refold_async.errors import JournalError, JournalInUseError
from refold_async.walks.walk import Walk

T = TypeVar("T")

_APPLICATION_ID: Final = 0x5246574B
_SCHEMA: Final = f"""
    PRAGMA application_id = {_APPLICATION_ID};
    PRAGMA user_version = 1;
    CREATE TABLE job (
        base_url TEXT NOT NULL, run INTEGER NOT NULL, started REAL NOT NULL, ended INTEGER NOT NULL
    );
    CREATE TABLE walks (key TEXT PRIMARY KEY, run INTEGER NOT NULL, point TEXT, mark REAL) WITHOUT ROWID;
    CREATE TABLE files (
        name TEXT PRIMARY KEY, run INTEGER NOT NULL, rows INTEGER NOT NULL,
        keys BLOB NOT NULL, columns BLOB NOT NULL
    ) WITHOUT ROWID;
"""
_PUT: Final = """
    INSERT INTO walks VALUES (?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE
    SET run = excluded.run, point = excluded.point, mark = coalesce(excluded.mark, mark)
"""


_FILES: Final = "SELECT name, run, rows, keys, columns FROM files ORDER BY name"


class WalkRow(NamedTuple):
    """How far a walk is.

    Attributes:
        key: The walk's key.
        run: The run that recorded this.
        point: Where its next page begins; `None` if it is complete.
        mark: The high-water mark of its last complete walk, in seconds since 1970.
    """

    key: str
    run: int
    point: str | None
    mark: float | None = None


class OwnedFile(NamedTuple):
    """A file that belongs to the state.

    Attributes:
        name: Its name in the folder.
        run: The run that wrote it.
        rows: The number of its rows.
        keys: The checksums of its walks' keys, four bytes each: the keys would fill the state.
        columns: Its columns with their types.
    """

    name: str
    run: int
    rows: int
    keys: bytes
    columns: dict[str, str]

    def may_hold(self, key: str) -> bool:
        """Whether a walk may have rows in it; that it has none is certain."""
        wanted = checksum(key)
        return any(self.keys[at : at + 4] == wanted for at in range(0, len(self.keys), 4))


def checksum(key: str) -> bytes:
    """Return four bytes that tell most keys apart."""
    return crc32(key.encode(errors="surrogatepass")).to_bytes(4)


def key_of(walk: Walk) -> str:
    """Return what identifies a walk across runs: customer, action and parameters.

    Raises:
        TypeError: If the parameters cannot be encoded as JSON.
        ValueError: If a text cannot be encoded.
    """
    params = blake2b(msgspec.json.encode(walk.params or {}, order="sorted"), digest_size=6).hexdigest()
    key = f"{walk.linked_account_id}\x1f{walk.slug}\x1f{walk.action_id}\x1f{params}"
    key.encode()
    return key


class StateFile:
    """An open state, locked against other processes.

    Args:
        path: The file; created, for its owner alone, if it does not exist.
        base_url: Where the walks go.
        once: Whether a run that has ended is continued, instead of a new one begun.

    Attributes:
        run: The number of this run, from 1.
        started: When it began, in seconds since 1970.

    Raises:
        JournalError: If the file is another's, locked, damaged or no state, or cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], *, base_url: str, once: bool) -> None:
        self._path: Final = Path(path).absolute()
        with self._errors():
            create_file(self._path)
            self._db = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            with self._errors():
                self._lock()
                self.run, self.started = self._register(base_url, once=once)
        except BaseException:
            self._db.close()
            raise

    def _lock(self) -> None:
        self._db.execute("PRAGMA locking_mode = EXCLUSIVE")
        (objects,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        if objects and application != _APPLICATION_ID:
            raise JournalError(f"{self._path} is another SQLite database, not the state of walks")
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "fullfsync = ON"):
            self._db.execute(f"PRAGMA {pragma}")
        with transaction(self._db):
            for statement in () if objects else _SCHEMA.split(";"):
                self._db.execute(statement)

    def _register(self, base_url: str, *, once: bool) -> tuple[int, float]:
        """Return the number and the start of the run to continue, or of a new one."""
        with transaction(self._db):
            row = self._db.execute("SELECT base_url, run, started, ended FROM job").fetchone()
            if row is None:
                row = (base_url, 1, time.time(), 0)
                self._db.execute("INSERT INTO job VALUES (?, ?, ?, ?)", row)
            elif row[0] != base_url:
                raise JournalError(f"the state {self._path} is of walks against {row[0]}, not {base_url}")
            elif row[3] and not once:
                row = (base_url, row[1] + 1, time.time(), 0)
                self._db.execute("UPDATE job SET run = ?, started = ?, ended = 0", row[1:3])
        return int(row[1]), float(row[2])

    def look(self, key: str) -> WalkRow | None:
        """Return what is recorded of a walk."""
        with self._errors():
            row = self._db.execute("SELECT key, run, point, mark FROM walks WHERE key = ?", (key,)).fetchone()
        return None if row is None else WalkRow(*row)

    def write(
        self, rows: Collection[WalkRow], files: Collection[OwnedFile] = (), lost: Collection[str] = ()
    ) -> None:
        """Record walks, and the files that belong to the state or no longer do, in one commit."""
        with self._errors(), transaction(self._db):
            self._db.executemany(_PUT, rows)
            self._db.executemany("DELETE FROM files WHERE name = ?", [(name,) for name in lost])
            self._db.executemany(
                "INSERT INTO files VALUES (?, ?, ?, ?, ?)",
                [(*each[:-1], msgspec.json.encode(each.columns)) for each in files],
            )

    def files(self) -> list[OwnedFile]:
        """Return the files that belong to the state."""
        with self._errors():
            rows = self._db.execute(_FILES).fetchall()
        return [OwnedFile._make((*row[:-1], msgspec.json.decode(row[-1]))) for row in rows]

    def end(self) -> None:
        """Record that the run has ended: the next one is a new one."""
        with self._errors(), transaction(self._db):
            self._db.execute("UPDATE job SET ended = 1")

    def close(self) -> None:
        """Close the file. Idempotent."""
        with self._errors():
            self._db.close()

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError, ValueError) as error:
            if getattr(error, "sqlite_errorname", "").startswith("SQLITE_BUSY"):
                raise JournalInUseError(f"the state {self._path} is in use by another process") from error
            raise JournalError(f"the state {self._path} cannot be used: {error}") from error


class StateThread:
    """A state in its own thread, with group commits: while rows are written, the next ones are collected.

    Args:
        thread: An executor with one thread.
        file: The state, opened in that thread.
    """

    def __init__(self, thread: ThreadPoolExecutor, file: StateFile) -> None:
        self._thread: Final = thread
        self._pending: Final[SimpleQueue[WalkRow]] = SimpleQueue()
        self.file: Final = file
        self.error: JournalError | None = None

    @classmethod
    async def open(cls, path: str | os.PathLike[str], *, base_url: str, once: bool) -> StateThread:
        """Open a state.

        Raises:
            JournalError: If it cannot be used.
        """
        return cls(
            *await open_in_thread(lambda: StateFile(path, base_url=base_url, once=once), "refold-walks")
        )

    async def run(self, work: Callable[[], T]) -> T:
        """Run something in the state's thread.

        Raises:
            JournalError: If the state failed.
        """
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def put(self, row: WalkRow) -> None:
        """Record a walk with the next commit."""
        self._pending.put(row)
        self._thread.submit(self._commit)

    def check(self) -> None:
        """Raise the error of an earlier commit.

        Raises:
            JournalError: If the state failed.
        """
        if self.error is not None:
            raise self.error

    async def flush(self) -> None:
        """Wait until everything is recorded.

        Raises:
            JournalError: If the state failed.
        """
        await self.run(self._commit)
        self.check()

    async def aclose(self) -> None:
        """Record what is pending, and close the file."""
        try:
            with contextlib.suppress(JournalError):
                await self.flush()
            await self.run(self.file.close)
        finally:
            self._thread.shutdown()

    def _commit(self) -> None:
        """Write what has come since the last commit; in the thread."""
        rows = [self._pending.get() for _ in range(self._pending.qsize())]
        if rows and self.error is None:
            try:
                self.file.write(rows)
            except Exception as error:  # noqa: BLE001 - `check` raises it
                self.error = error if isinstance(error, JournalError) else JournalError(repr(error))
