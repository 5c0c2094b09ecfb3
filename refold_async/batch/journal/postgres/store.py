"""The journal of one shard in PostgreSQL, under a lease: a `JournalStore`. No event loop.

Whoever holds the lease owns the journal. A lease has an epoch, and every statement that writes begins with
the row of the journal: if that has another epoch, the statement changes nothing. So a process that was
stopped while another took its shard cannot record that a write begins, and does not send it.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, LiteralString, NamedTuple
from uuid import uuid4

from refold_async.batch.journal.lease import LeaseClock
from refold_async.batch.journal.postgres.schema import prepare
from refold_async.batch.journal.postgres.session import Connection, DatabaseSession
from refold_async.batch.journal.postgres.statements import (
    ACQUIRE,
    ADD_PART,
    COUNTS,
    CREATE,
    FENCE,
    LOOK,
    PARTS,
    PUT_RUN,
    RELEASE,
    RESUME,
    RUNS,
    WHO,
    WRITE,
)
from refold_async.batch.journal.postgres.text import escaped, unescaped
from refold_async.batch.journal.store import CallId, JournalRow, JournalWrite, RunRow, State, Written
from refold_async.errors import JournalError, JournalInUseError


class _Statement(NamedTuple):
    """What one statement writes: no call twice, since PostgreSQL changes a row once in a statement.

    Attributes:
        places: The places of its records in the group.
        delivered: The calls that are marked as delivered.
        before: The run before which unknown writes must have been recorded to begin again.
    """

    places: list[int]
    delivered: Sequence[CallId]
    before: int = 0


class PostgresJournal:
    """An open journal, owned by this run as long as it holds the lease.

    Args:
        url: The database.
        job: The job's name.
        shard: The shard.
        base_url: The base URL of its calls.
        keep_results: Whether results are kept after they were delivered.
        lease: For how many seconds a process that does nothing keeps the journal.
        patience: For how many seconds a lost database is tried to be reached.

    Attributes:
        run: The number of this run, from 1.
        fresh: Whether no earlier run recorded a call.
        longest_id: How many bytes an entry of the index takes.
        lease: Until when it certainly holds the lease.

    Raises:
        JournalInUseError: If another run holds the lease.
        JournalError: If it belongs to another job, or the database cannot be used.
    """

    def __init__(
        self,
        url: str,
        *,
        job: str,
        shard: int,
        base_url: str,
        keep_results: bool = False,
        lease: float = 10.0,
        patience: float = 60.0,
    ) -> None:
        self._name: Final = f"the journal of job {job!r}, shard {shard},"
        self._write: Final = WRITE.format("" if keep_results else ", result = NULL").encode()
        owner = f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex}"
        self._common: Final[dict[str, Any]] = {"owner": owner, "seconds": lease}
        self._now = 0.0
        self._closed = False
        self.longest_id: Final = 2000
        self.lease: Final = LeaseClock(lease)
        self._session: Final = DatabaseSession(url, patience, self._resume)
        try:
            journal = {"job": escaped(job), "shard": shard, "base_url": base_url}
            with self._session.interrupted_every(lease):
                self._session.run(prepare)
                self.run, self.fresh = self._session.run(lambda db: self._acquire(db, journal))
        except BaseException:
            self._session.close(lambda _: None)
            raise

    def look(self, ids: Sequence[CallId]) -> list[JournalRow | None]:
        """Return the row of each call, or `None`.

        Raises:
            JournalError: If it cannot be read.
        """
        values = {**self._common, **_ids(ids)}
        rows = self._session.run(lambda db: db.execute(LOOK, values).fetchall())
        return [None if row[0] is None else _row(row) for row in rows]

    def write(self, records: Sequence[JournalWrite], delivered: Sequence[CallId] = ()) -> list[Written]:
        """Write rows, and mark calls as delivered, in one commit; see `JournalStore`.

        Raises:
            JournalInUseError: If another run has taken the journal over; then no row was written.
            JournalError: If it cannot be written.
        """
        statements = [
            (each, self._values(records, each, self._next_time())) for each in _statements(records, delivered)
        ]
        written = set(self._session.run(lambda db: self._execute(db, statements)))
        missing = [place for place in range(len(records)) if place not in written]
        answers = [Written.DONE] * len(records)
        for place, row in zip(missing, self.look([records[place].id for place in missing]), strict=True):
            same = row is not None and row.call == records[place].call
            answers[place] = Written.TAKEN if same else Written.ANOTHER_CALL
        return answers

    def counts(self) -> dict[tuple[State, bool], int]:
        """Return the number of calls by state and by whether they were delivered; 0 is left out.

        Raises:
            JournalError: If it cannot be read.
        """
        rows = self._session.run(lambda db: db.execute(COUNTS, self._common).fetchall())
        return {(State(state), delivered): number for state, delivered, number in rows}

    def write_run(self, figures: Mapping[int, bytes]) -> None:
        """Record the figures of this run, by the number of each of its batches; see `JournalStore`.

        Raises:
            JournalInUseError: If another run has taken the journal over.
            JournalError: If they cannot be written.
        """
        values = {"batches": list(figures), "figures": list(figures.values())}
        self._session.run(lambda db: self._fenced(db, PUT_RUN, values))

    def runs(self) -> list[RunRow]:
        """Return the runs so far, the first one first.

        Raises:
            JournalError: If they cannot be read.
        """
        rows = self._session.run(lambda db: db.execute(RUNS, self._common).fetchall())
        found: dict[int, RunRow] = {}
        for number, began, ended, figures in rows:
            run = found.setdefault(number, RunRow(number, began, ended, ()))
            if figures is not None:
                found[number] = run._replace(figures=(*run.figures, figures))
        return list(found.values())

    def parts(self) -> list[str]:
        """Return the names of the result files that were recorded.

        Raises:
            JournalError: If they cannot be read.
        """
        return self._session.run(lambda db: [name for (name,) in db.execute(PARTS, self._common)])

    def add_part(self, name: str) -> None:
        """Record a result file.

        Raises:
            JournalInUseError: If another run has taken the journal over; the file does not count then.
            JournalError: If it cannot be recorded.
        """
        self._session.run(lambda db: self._fenced(db, ADD_PART, {"name": name}))

    def renew(self) -> None:
        """Renew the lease.

        Raises:
            JournalInUseError: If another run has taken the journal over.
            JournalError: If the database cannot be reached.
        """
        self._session.run(lambda db: self._fenced(db, FENCE, {}))

    def interrupt(self) -> None:
        """Break off a statement under way. Called in any thread."""
        self._session.interrupt()

    def close(self) -> None:
        """Record the end of the run and release the lease. Idempotent."""
        if self._closed:
            return
        self._closed = True
        # If it cannot be recorded, the lease expires, and the run shows as one that was killed.
        with contextlib.suppress(JournalError), self._session.interrupted_every(self.lease.seconds):
            self._session.close(lambda db: db.execute(RELEASE, self._common))

    def _acquire(self, db: Connection, journal: dict[str, Any]) -> tuple[int, bool]:
        values = {**self._common, **journal}
        asked = self.lease.now()
        db.execute(CREATE, values)
        row = db.execute(ACQUIRE, values).fetchone()
        if row is None:
            raise self._refusal(db, journal)
        id_, epoch, run, used = row
        self.lease.renewed(asked)
        self._common.update(journal=id_, epoch=epoch, run=run)
        return run, not used

    def _refusal(self, db: Connection, journal: dict[str, Any]) -> JournalError:
        base_url, owner = db.execute(WHO, journal).fetchone() or (None, "")
        if base_url != journal["base_url"]:
            return JournalError(f"{self._name} is of calls to {base_url}, not to {journal['base_url']}")
        return JournalInUseError(f"{self._name} is in use by {_worker_of(owner)}")

    def _resume(self, db: Connection) -> None:
        if "journal" not in self._common:
            return  # not acquired yet
        asked = self.lease.now()
        row = db.execute(RESUME, self._common).fetchone()
        if row is None:
            raise self._lost(db)
        self._common["epoch"] = row[0]
        self.lease.renewed(asked)

    def _fenced(self, db: Connection, statement: LiteralString, values: dict[str, Any]) -> None:
        """Execute a statement that begins with the fence, and returns its row."""
        asked = self.lease.now()
        if db.execute(statement, {**values, **self._common}).fetchone() is None:
            raise self._lost(db)
        self.lease.renewed(asked)

    def _execute(self, db: Connection, statements: Sequence[tuple[_Statement, dict[str, Any]]]) -> list[int]:
        """Execute statements in one transaction, and return the places of the records that were written."""
        asked = self.lease.now()
        if len(statements) == 1:
            written = self._put(db, *statements[0])
        else:
            with db.transaction():
                written = [place for each in statements for place in self._put(db, *each)]
        self.lease.renewed(asked)
        return written

    def _put(self, db: Connection, statement: _Statement, values: dict[str, Any]) -> list[int]:
        # The epoch is that of the connection, which may be another than when the values were made.
        rows = db.execute(self._write, {**values, **self._common}).fetchall()
        if not rows:
            raise self._lost(db)
        written = set(rows)
        keys = zip(values["scope"], values["key"], strict=True)
        return [place for place, key in zip(statement.places, keys, strict=True) if key in written]

    def _lost(self, db: Connection) -> JournalInUseError:
        row = db.execute("SELECT owner FROM refold_journals WHERE id = %(journal)s", self._common).fetchone()
        by = "another run" if row is None else _worker_of(row[0])
        return JournalInUseError(
            f"{self._name} was taken over by {by}, since this run did not renew its lease of "
            f"{self.lease.seconds:g} s in time"
        )

    def _values(self, records: Sequence[JournalWrite], statement: _Statement, now: float) -> dict[str, Any]:
        rows = [_columns(records[place]) for place in statement.places]
        columns = map(list, zip(*rows, strict=True)) if rows else ([] for _ in _COLUMNS)
        given = dict(zip(_COLUMNS, columns, strict=True))
        return given | _ids(statement.delivered) | {"now": now, "before": statement.before}

    def _next_time(self) -> float:
        # Never the same twice, also if the clock is set back: it tells a group that is written again.
        self._now = max(time.time(), self._now + 1e-5)
        return self._now


_COLUMNS: Final = (
    "scope", "key", "account", "call", "slug", "action_id", "effect", "state", "attempts", "error", "result",
    "params",
)  # fmt: skip


def _columns(record: JournalWrite) -> tuple[Any, ...]:
    (scope, key), account, call, slug, action_id, effect, state, attempts, error, result, params, _ = record
    return (
        escaped(scope), escaped(key), None if account == scope else escaped(account), call, escaped(slug),
        escaped(action_id), effect, int(state), attempts, None if error is None else escaped(error), result,
        params,
    )  # fmt: skip


def _statements(records: Sequence[JournalWrite], delivered: Sequence[CallId]) -> Iterator[_Statement]:
    """Divide a group into statements, in its order: almost always one."""
    places: list[int] = []
    seen: set[CallId] = set()
    before: int | None = None
    for place, record in enumerate(records):
        begins = record.state is State.BEGUN
        if record.id in seen or (begins and before is not None and record.before != before):
            yield _Statement(places, (), before or 0)
            places, seen, before = [], set(), None
        places.append(place)
        seen.add(record.id)
        before = record.before if begins else before
    if seen.isdisjoint(delivered):
        yield _Statement(places, delivered, before or 0)
    else:
        yield _Statement(places, (), before or 0)
        yield _Statement([], delivered)


def _ids(ids: Sequence[CallId]) -> dict[str, list[str]]:
    return {"scopes": [escaped(scope) for scope, _ in ids], "keys": [escaped(key) for _, key in ids]}


def _row(values: tuple[Any, ...]) -> JournalRow:
    row = JournalRow(*values)
    return row._replace(state=State(row.state), error=None if row.error is None else unescaped(row.error))


def _worker_of(owner: str | None) -> str:
    return "another run" if owner is None else f"worker {owner.rpartition(':')[0]}"
