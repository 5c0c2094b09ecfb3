"""Changing a journal by hand, while no run uses it: settling calls by key, and pruning it."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from refold_async.batch.journal.database_url import check_driver, is_database
from refold_async.batch.journal.lock import OwnerLock
from refold_async.batch.journal.sqlite import connect, is_empty, journal_errors
from refold_async.batch.journal.store import CallId, JournalTables, State
from refold_async.errors import JournalError

_FINAL: Final = frozenset({State.DONE, State.FOUND})
_FIND: Final = "SELECT scope, key, state FROM calls WHERE key = ?"
_OF_ACCOUNT: Final = " AND (scope = ? OR account = ?)"
_SETTLE: Final = """
    UPDATE calls SET state = ?, delivered = TRUE, at = ?, error = ?, result = NULL, params = NULL
    WHERE scope = ? AND key = ?
"""
_VERDICT: Final = """
    UPDATE calls SET state = ?, delivered = ?, at = ?, error = ?,
    params = CASE WHEN ? THEN NULL ELSE params END
    WHERE scope = ? AND key = ?
"""
_PRUNE: Final = "DELETE FROM calls WHERE delivered AND state IN (?, ?) AND at < ?"


class HandVerdict(NamedTuple):
    """What somebody found out about a call.

    Attributes:
        key: Its key, or `#` and its position in the input if it has none.
        done: Whether it was done; if not, it runs again.
        linked_account_id: Its customer; needed if the key is several customers'.
    """

    key: str
    done: bool
    linked_account_id: str | None = None


class JournalEditor:
    """A journal that is changed by hand: entered, it owns the journal, and commits if nothing raises.

    Args:
        path: The file, or `URL#JOB` or `URL#JOB/SHARD` in a database.

    Raises:
        JournalInUseError: If a run uses it.
        JournalError: If it is not a journal of this version.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path: Final = str(path) if is_database(path) else Path(path).absolute()
        with contextlib.ExitStack() as stack, _errors(self._path):
            self._db: JournalTables
            self._begin: Callable[[], object]
            if isinstance(self._path, Path):
                self._db = _opened_file(self._path, stack)
                self._begin = partial(self._db.execute, "BEGIN IMMEDIATE")
            else:
                from refold_async.batch.journal.postgres.views import JournalViews  # noqa: PLC0415 - needs the extra

                views = stack.enter_context(contextlib.closing(JournalViews(self._path)))
                self._db, self._begin = views, views.begin
            self._closing: Final = stack.pop_all()

    def __enter__(self) -> Self:
        try:
            with _errors(self._path):
                self._begin()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._closing, _errors(self._path):
            self._db.execute("COMMIT" if error is None else "ROLLBACK")

    def settle(self, verdicts: Iterable[HandVerdict]) -> int:
        """Record what became of calls, and return how many.

        Raises:
            JournalError: If a call is not in the journal, is done already, or its key is several customers'.
        """
        number = 0
        with _errors(self._path):
            for verdict in verdicts:
                state = State.DONE if verdict.done else State.FAILED
                self._db.execute(_SETTLE, (state, time.time(), "settled by hand", *self._find(verdict)))
                number += 1
        return number

    def record(self, id_: CallId, state: State, reason: str | None) -> None:
        """Record the verdict of a look-up.

        Raises:
            JournalError: If it cannot be written.
        """
        found = state is State.FOUND
        with _errors(self._path):
            self._db.execute(_VERDICT, (state, found, time.time(), reason, found, *id_))

    def prune(self, before: datetime) -> int:
        """Remove the calls that were done and delivered before a time, and return how many.

        Raises:
            JournalError: If it cannot be written.
        """
        with _errors(self._path):
            pruned = self._db.execute(_PRUNE, (State.DONE, State.FOUND, before.timestamp()))
            return int(pruned.rowcount)

    def _find(self, verdict: HandVerdict) -> CallId:
        rows = [row for key in _keys(verdict.key) for row in self._rows(key, verdict.linked_account_id)]
        of = "" if verdict.linked_account_id is None else f" of account {verdict.linked_account_id!r}"
        if not rows:
            raise JournalError(f"the journal {self._path} has no call with the key {verdict.key!r}{of}")
        if len(rows) > 1:
            accounts = ", ".join(repr(scope) for scope, *_ in rows[:5])
            raise JournalError(
                f"the key {verdict.key!r} is that of {len(rows)} accounts ({accounts}): name one"
            )
        scope, key, state = rows[0]
        if state in _FINAL:
            raise JournalError(
                f"the call with the key {verdict.key!r}{of} is {State(state).name.lower()}, which is final"
            )
        return CallId(scope, key)

    def _rows(self, key: str, account: str | None) -> Iterator[tuple[str, str, int]]:
        if account is None:
            yield from self._db.execute(_FIND, (key,))
        else:
            yield from self._db.execute(_FIND + _OF_ACCOUNT, (key, account, account))


def _opened_file(path: Path, stack: contextlib.ExitStack) -> JournalTables:
    if not path.exists():
        raise JournalError(f"the journal {path} does not exist")
    lock = OwnerLock(path)
    stack.callback(lock.release)
    db = stack.enter_context(contextlib.closing(connect(path, mode="rw")))
    if is_empty(db, path):
        raise JournalError(f"{path} is empty, not a journal")
    return db


def _errors(path: str | Path) -> contextlib.AbstractContextManager[None]:
    if isinstance(path, Path):
        return journal_errors(path)
    check_driver()
    from refold_async.batch.journal.postgres.session import database_errors  # noqa: PLC0415 - needs the extra

    return database_errors()


def shrink(path: str | os.PathLike[str]) -> None:
    """Return the space of removed calls to the file system; a database does that by itself.

    Raises:
        JournalError: If it cannot be written.
    """
    if is_database(path):
        return
    file = Path(path).absolute()
    with journal_errors(file):
        lock = OwnerLock(file)
        try:
            with contextlib.closing(connect(file, mode="rw")) as db:
                db.execute("VACUUM")
        finally:
            lock.release()


def _keys(key: str) -> Iterator[str]:
    yield f"={key}"
    if (found := re.fullmatch(r"#(\d{1,9})", key)) is not None:
        yield f"#{int(found[1]):09d}"
