"""A connection to a journal's database that is made again when it is lost."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar

import backoff
import psycopg
from psycopg import conninfo, errors

from refold_async.errors import JournalError

T = TypeVar("T")
Connection = psycopg.Connection[Any]

# What the URL does not say: give a dead network up in seconds, and after a failover find the new primary.
_DEFAULTS: Final = {
    "application_name": "refold_async",
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
    "target_session_attrs": "read-write",
}
# A commit must be on disk when it returns, whatever the database's default is.
_DURABLE: Final = """
    SELECT set_config('synchronous_commit', 'on', false)
    WHERE current_setting('synchronous_commit') IN ('off', 'local')
"""
_TRANSIENT: Final = (errors.ReadOnlySqlTransaction, errors.SerializationFailure, errors.DeadlockDetected)
_SHORTEST_PATIENCE: Final = 1.0
"""Seconds that a statement may take at least before it is interrupted."""
_FIRST_PATIENCE: Final = 10.0


def connect(url: str) -> Connection:
    """Connect to a database; each statement is a transaction of its own.

    Raises:
        psycopg.Error: If that fails.
    """
    db = _connected_to(url)
    try:
        db.execute(_DURABLE)
    except BaseException:
        db.close()
        raise
    return db


def _connected_to(url: str) -> Connection:
    # Not prepared: a plan made while the tables were small would still be used when they are not.
    settings: dict[str, Any] = {**_DEFAULTS, **conninfo.conninfo_to_dict(url)}
    return psycopg.connect(**settings, autocommit=True, prepare_threshold=None)


@contextlib.contextmanager
def database_errors() -> Iterator[None]:
    """Raise errors of the database as a `JournalError`."""
    try:
        yield
    except psycopg.Error as error:
        raise _journal_error(error) from error


class DatabaseSession:
    """One connection, used by one thread. What it runs is run again over a new one if it is lost.

    Args:
        url: The database.
        patience: For how many seconds it tries to connect again; 10 at most before it ever was connected.
        resume: Called with each connection after the first, before anything else is run over it.
    """

    def __init__(
        self, url: str, patience: float, resume: Callable[[Connection], None] = lambda _: None
    ) -> None:
        self._url: Final = url
        self._patience: Final = patience
        self._resume: Final = resume
        self._guard: Final = threading.Lock()
        self._socket: socket.socket | None = None
        self._db: Connection | None = None
        self._known = False

    def run(self, work: Callable[[Connection], T]) -> T:
        """Return what `work` returns; it may be called again, so it must be idempotent.

        Raises:
            JournalError: If the database refuses it, or cannot be reached for `patience` seconds.
        """
        waits = backoff.expo(factor=0.05, max_value=2.0)
        next(waits)
        began: float | None = None
        while True:
            try:
                return work(self._connected())
            except psycopg.Error as error:
                began = began or time.monotonic()
                patience = self._patience if self._known else min(_FIRST_PATIENCE, self._patience)
                refused = self._db is not None and not _is_lost(self._db, error)
                if refused or time.monotonic() - began > patience:
                    raise _journal_error(error) from error
                self._disconnect()
            time.sleep(backoff.full_jitter(next(waits)))

    def interrupt(self) -> None:
        """Break the connection, so that a statement under way fails. Called in any thread."""
        with self._guard, contextlib.suppress(OSError):
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def interrupted_every(self, seconds: float) -> Iterator[None]:
        """Interrupt what runs in the block whenever it has taken so long: a frozen server never answers."""
        over = threading.Event()

        def watch() -> None:
            # With a shorter lease, it would interrupt every attempt, and nothing would ever be opened.
            while not over.wait(max(_SHORTEST_PATIENCE, seconds)):
                self.interrupt()

        watching = threading.Thread(target=watch, name="refold-journal-watch", daemon=True)
        watching.start()
        try:
            yield
        finally:
            over.set()
            watching.join()

    def close(self, last: Callable[[Connection], object]) -> None:
        """Run something over the connection if there is one, without trying again, and close it."""
        try:
            if self._db is not None:
                with database_errors():
                    last(self._db)
        finally:
            self._disconnect()

    def _connected(self) -> Connection:
        if self._db is not None:
            return self._db
        db = _connected_to(self._url)
        with self._guard:
            # A descriptor of its own: that of the connection may be another file's by the time it is used.
            self._socket = socket.fromfd(db.fileno(), socket.AF_INET, socket.SOCK_STREAM)
        self._db = db
        try:
            db.execute(_DURABLE)
            if self._known:
                self._resume(db)
        except BaseException:
            self._disconnect()  # else the next statement would go over it without
            raise
        self._known = True
        return db

    def _disconnect(self) -> None:
        with self._guard:
            if self._socket is not None:
                self._socket.close()
                self._socket = None
        db, self._db = self._db, None
        if db is not None:
            db.close()


def _is_lost(db: Connection, error: psycopg.Error) -> bool:
    """Whether to connect again: also if the server is a standby now, after a failover."""
    return db.closed or isinstance(error, _TRANSIENT)


def _journal_error(error: psycopg.Error) -> JournalError:
    # The first line: further ones may quote a row.
    said = error.diag.message_primary or next(iter(str(error).splitlines()), type(error).__name__)
    return JournalError(f"the journal's database cannot be used: {said}")
