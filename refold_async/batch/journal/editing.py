"""Changing a journal by hand, while no run uses it: settling calls by key, and pruning it."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from refold_async.batch.journal.lock import OwnerLock
from refold_async.batch.journal.sqlite import connect, is_empty, journal_errors
from refold_async.batch.journal.store import CallId, State
from refold_async.errors import JournalError

_FINAL: Final = frozenset({State.DONE, State.FOUND})
_FIND: Final = "SELECT scope, key, state FROM calls WHERE key = ?"
_OF_ACCOUNT: Final = " AND (scope = ? OR account = ?)"
_SETTLE: Final = """
    UPDATE calls SET state = ?, delivered = 1, at = ?, error = ?, result = NULL, params = NULL
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
    """A journal that is changed by hand: entered, it owns the file, and commits if nothing raises.

    Args:
        path: The file.

    Raises:
        JournalInUseError: If a run uses it.
        JournalError: If it is not a journal of this version.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path: Final = Path(path).absolute()
        if not self._path.exists():
            raise JournalError(f"the journal {self._path} does not exist")
        with contextlib.ExitStack() as stack, journal_errors(self._path):
            lock = OwnerLock(self._path)
            stack.callback(lock.release)
            self._db = connect(self._path, mode="rw")
            stack.callback(self._db.close)
            if is_empty(self._db, self._path):
                raise JournalError(f"{self._path} is empty, not a journal")
            self._closing: Final = stack.pop_all()

    def __enter__(self) -> Self:
        self._db.execute("BEGIN IMMEDIATE")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._closing, journal_errors(self._path):
            self._db.execute("COMMIT" if error is None else "ROLLBACK")

    def settle(self, verdicts: Iterable[HandVerdict]) -> int:
        """Record what became of calls, and return how many.

        Raises:
            JournalError: If a call is not in the journal, is done already, or its key is several customers'.
        """
        number = 0
        with journal_errors(self._path):
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
        with journal_errors(self._path):
            self._db.execute(_VERDICT, (state, found, time.time(), reason, found, *id_))

    def prune(self, before: datetime) -> int:
        """Remove the calls that were done and delivered before a time, and return how many.

        Raises:
            JournalError: If it cannot be written.
        """
        with journal_errors(self._path):
            return self._db.execute(_PRUNE, (State.DONE, State.FOUND, before.timestamp())).rowcount

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


def shrink(path: str | os.PathLike[str]) -> None:
    """Return the space of removed calls to the file system.

    Raises:
        JournalError: If it cannot be written.
    """
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
