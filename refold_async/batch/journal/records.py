"""Reading a journal without a client and without owning it, even during a run."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from refold_async._core.operation import Effect
from refold_async.batch.journal.database_url import check_driver, is_database
from refold_async.batch.journal.lock import is_owned
from refold_async.batch.journal.sqlite import connect_to_read, count_calls, is_empty, journal_errors, runs_of
from refold_async.batch.journal.store import CallId, RunRow, State
from refold_async.errors import JournalError

if TYPE_CHECKING:
    from refold_async.batch.journal.postgres.views import JournalViews

JournalState = Literal["begun", "done", "failed", "unknown", "found", "absent", "unresolved"]

_PAGE: Final = 500
_READ: Final = """
    SELECT scope, key, account, slug, action_id, effect, state, delivered, attempts, run, began, at, error,
    params FROM calls WHERE (scope, key) > (?, ?) AND state IN ({}) ORDER BY scope, key LIMIT ?
"""
_CERTAIN: Final[frozenset[JournalState]] = frozenset({"done", "found"})


class JournalRecord(msgspec.Struct, frozen=True, kw_only=True):
    """What a journal holds of one call.

    Attributes:
        linked_account_id: The customer.
        key: The call's key, or `None` if it has none.
        index: Its position in the input if it has no key, else `None`.
        slug: The app's slug.
        action_id: The action.
        effect: What running it twice does.
        state: `begun` (under way, or its run was killed), `done`, `failed` (and runs again), `unknown`,
            `found` (by a look-up, so it is done), `absent` or `unresolved` (look-ups did not find it, or did
            not tell).
        delivered: Whether its outcome was delivered.
        attempts: The attempts that the run which recorded its state made.
        run: The number of that run, from 1.
        began: When it began, as far as it was recorded.
        at: When the state was recorded.
        error: Why it failed, or why look-ups did not tell.
        params: Its parameters, if the batch has `settle` and it is unknown whether it was done.
    """

    linked_account_id: str
    key: str | None
    index: int | None
    slug: str
    action_id: str
    effect: Effect | None
    state: JournalState
    delivered: bool
    attempts: int
    run: int
    began: datetime
    at: datetime
    error: str | None = None
    params: msgspec.Raw | None = None

    @property
    def needs_attention(self) -> bool:
        """Whether it is not done for certain, or its outcome was not delivered."""
        return self.state not in _CERTAIN or not self.delivered


class JournalRun(msgspec.Struct, frozen=True):
    """One run of a journal's job.

    Attributes:
        number: Its number, from 1.
        began: When it began.
        ended: When it ended; `None` if it is still running, or was killed.
    """

    number: int
    began: datetime
    ended: datetime | None


class JournalOverview(msgspec.Struct, frozen=True, kw_only=True):
    """What the runs of a journal came to so far.

    Attributes:
        path: The file.
        job: The job's name.
        base_url: Where its calls go.
        in_use: Whether a run is using it.
        runs: The runs, the first one first.
        states: How many calls are in which state.
        undelivered: How many outcomes were recorded and not delivered.
    """

    path: str
    job: str | None
    base_url: str
    in_use: bool
    runs: list[JournalRun]
    states: dict[JournalState, int]
    undelivered: int


def read_records(
    path: str | os.PathLike[str], states: Collection[State] = tuple(State)
) -> Iterator[JournalRecord]:
    """Yield the records of a journal, by account and key.

    Args:
        path: The file.
        states: Only calls in these states; default: all.

    Raises:
        JournalError: If it is not a journal of this version, or cannot be read.
    """
    with opened_tables(path) as db:
        last, read = ("", ""), _READ.format(", ".join(str(int(state)) for state in states))
        # In pages: a read that stays open would keep the writer from shortening its log.
        while rows := db.execute(read, (*last, _PAGE)).fetchall():
            last = rows[-1][:2]
            yield from map(_record, rows)


def read_overview(path: str | os.PathLike[str]) -> JournalOverview:
    """Return what the runs of a journal came to so far.

    Raises:
        JournalError: If it is not a journal of this version, or cannot be read.
    """
    with opened_tables(path) as db:
        in_use = is_owned(Path(path).absolute()) if isinstance(db, sqlite3.Connection) else db.in_use
        job, base_url = db.execute("SELECT name, base_url FROM job").fetchone() or (None, "")
        runs = [_run(*row) for row in db.execute("SELECT number, began, ended FROM runs ORDER BY number")]
        counts = count_calls(db)
    states: dict[JournalState, int] = {}
    for (state, _), number in counts.items():
        states[_name(state)] = states.get(_name(state), 0) + number
    return JournalOverview(
        path=str(path) if is_database(path) else str(Path(path).absolute()),
        job=job,
        base_url=base_url,
        in_use=in_use,
        runs=runs,
        states=states,
        undelivered=sum(
            number
            for (state, delivered), number in counts.items()
            if not delivered and state is not State.BEGUN
        ),
    )


def read_runs(path: str | os.PathLike[str]) -> list[RunRow]:
    """Return the runs of a journal with their figures, even during a run.

    Raises:
        JournalError: If it is not a journal of this version, or cannot be read.
    """
    with opened_tables(path) as db:
        return runs_of(db)


def read_counts(path: str | os.PathLike[str]) -> dict[State, int]:
    """Return how many calls of a journal are in which state; none while it is being created.

    Raises:
        JournalError: If it is not a journal of this version, or cannot be read.
    """
    file = Path(path).absolute()
    with journal_errors(file), closing(connect_to_read(file)) as db:
        counts = {} if is_empty(db, file) else count_calls(db)
    states: Counter[State] = Counter()
    for (state, _), number in counts.items():
        states[state] += number
    return dict(states)


def key_id(record: JournalRecord) -> CallId:
    """Return how the journal identifies the call of a record."""
    if record.key is None:
        return CallId("", f"#{record.index:09d}")
    return CallId(record.linked_account_id, f"={record.key}")


@contextmanager
def opened_tables(path: str | os.PathLike[str]) -> Iterator[sqlite3.Connection | JournalViews]:
    """Open the tables of a journal to read them.

    Raises:
        SettingsError: If it is in a database, and the extra is missing.
        JournalError: If it is not a journal of this version, or cannot be read.
    """
    if is_database(path):
        check_driver()
        from refold_async.batch.journal.postgres.session import database_errors  # noqa: PLC0415 - needs the extra
        from refold_async.batch.journal.postgres.views import JournalViews  # noqa: PLC0415

        with database_errors(), closing(JournalViews(str(path))) as views:
            yield views
        return
    file = Path(path).absolute()
    with journal_errors(file), closing(_opened(file)) as db:
        yield db


def _opened(path: Path) -> sqlite3.Connection:
    if not path.exists():
        raise JournalError(f"the journal {path} does not exist")
    db = connect_to_read(path)
    try:
        empty = is_empty(db, path)
    except BaseException:
        db.close()
        raise
    if empty:
        db.close()
        raise JournalError(f"{path} is empty, not a journal")
    return db


def _run(number: int, began: float, ended: float | None) -> JournalRun:
    return JournalRun(number, _time(began), None if ended is None else _time(ended))


def _record(row: tuple[Any, ...]) -> JournalRecord:
    scope, key, account, slug, action_id, effect, state, *facts, params = row
    delivered, attempts, run, began, at, error = facts
    keyed = key.startswith("=")
    return JournalRecord(
        linked_account_id=scope if account is None else account,
        key=key[1:] if keyed else None,
        index=None if keyed else int(key[1:]),
        slug=slug,
        action_id=action_id,
        effect=effect,
        state=_name(state),
        delivered=bool(delivered),
        attempts=attempts,
        run=run,
        began=_time(began),
        at=_time(at),
        error=error,
        params=None if params is None else msgspec.Raw(params),
    )


def _name(state: int) -> JournalState:
    name: Any = State(state).name.lower()
    return name  # type: ignore[no-any-return]


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
