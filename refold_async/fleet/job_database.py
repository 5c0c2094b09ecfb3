"""The journals of a job in PostgreSQL, for workers on any machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, LiteralString, NoReturn, TypeVar

import msgspec

from refold_async.batch.journal import Journal, opened
from refold_async.batch.journal.postgres.schema import is_prepared, prepare
from refold_async.batch.journal.postgres.session import Connection, DatabaseSession, connect, database_errors
from refold_async.batch.journal.postgres.text import escaped, unescaped
from refold_async.batch.journal.store import State
from refold_async.errors import SettingsError
from refold_async.fleet.job_reports import UNKNOWN, ShardProgress, ShardReport, UnknownWrite, progress_of
from refold_async.fleet.parts import part_folder

T = TypeVar("T")

# One statement, so that it shows one moment; "running" is what the lease says, by the database's clock.
_PROGRESS: Final = """
    SELECT j.shard, coalesce(j.expires > clock_timestamp(), false), j.owner, j.report,
    extract(epoch FROM clock_timestamp()) - r.began, c.state, c.number
    FROM refold_journals AS j
    LEFT JOIN refold_runs AS r ON r.journal = j.id AND r.number = j.runs
    LEFT JOIN refold_counts AS c ON c.journal = j.id AND c.number > 0
    WHERE j.job = %s
"""
_UNKNOWN_OF: Final = """
    SELECT c.scope, c.key FROM refold_journals AS j JOIN refold_calls AS c ON c.journal = j.id
    WHERE j.job = %s AND (c.state = ANY(%s) AND j.shard = ANY(%s) OR c.state = %s AND j.shard = ANY(%s))
    ORDER BY j.shard, c.scope, c.key
"""
# Refused to a worker that has lost the shard: the run of another is not over.
_REPORT: Final = """
    INSERT INTO refold_journals AS j (job, shard, report) VALUES (%(job)s, %(shard)s, %(report)s)
    ON CONFLICT (job, shard) DO UPDATE SET report = excluded.report
    WHERE j.owner IS NULL OR starts_with(j.owner, %(worker)s || ':')
"""
_PARTS: Final = """
    SELECT j.shard, p.name FROM refold_journals AS j JOIN refold_parts AS p ON p.journal = j.id
    WHERE j.job = %s AND j.shard < %s ORDER BY j.shard, p.name
"""
_FIGURES: Final = """
    SELECT f.figures FROM refold_journals AS j JOIN refold_figures AS f ON f.journal = j.id
    WHERE j.job = %s AND j.shard < %s ORDER BY j.shard, f.run, f.batch
"""


class JobDatabase:
    """A database with the journals of a job: a `JobStore`.

    Args:
        url: Its URL, without a password.
        job: The job's name.
    """

    def __init__(self, url: str, job: str) -> None:
        self._url: Final = url
        self._job: Final = job

    def __repr__(self) -> str:
        return repr(self._url)

    def create(self, name: str, shards: int) -> str:
        """Create the tables if there are none, and check the number of shards; return what is no folder's.

        Raises:
            SettingsError: If the job has another number of shards.
            JournalError: If the database cannot be used.
        """
        values = (escaped(name), shards)

        def create(db: Connection) -> Any:
            prepare(db)
            db.execute("INSERT INTO refold_jobs VALUES (%s, %s) ON CONFLICT DO NOTHING", values)
            return db.execute("SELECT shards FROM refold_jobs WHERE name = %s", values[:1]).fetchone()

        found = self._patiently(create)
        if found != (shards,):
            raise SettingsError(
                f"Job: the database has job {name!r} in {found and found[0]} shards, not {shards};"
                " use another name"
            )
        return "postgresql"

    def journal(self, name: str, shard: int) -> Journal:
        """Return the setting of a shard's journal."""
        return Journal(self._url, job=name, shard=shard)

    def for_walks(self) -> NoReturn:
        """Refuse walks.

        Raises:
            SettingsError: Always.
        """
        raise SettingsError(
            "Job: the states of walks are files of one host: journal must be a folder, not a database"
        )

    def begin(self, shard: int, worker: str) -> None:
        """No-op: the lease has the worker's name."""

    def end(self, report: ShardReport) -> None:
        """Record what a run of a shard came to."""
        values = {
            "job": escaped(self._job),
            "shard": report.shard,
            "worker": report.worker,
            "report": msgspec.json.encode(report),
        }
        self._patiently(lambda db: db.execute(_REPORT, values))

    def progress(self, shards: int) -> list[ShardProgress]:
        """Return the state of each shard, also while they run, from any machine.

        Raises:
            JournalError: If the database cannot be used.
        """
        known: dict[int, list[tuple[Any, ...]]] = {}
        for shard, *facts in self._rows(_PROGRESS):
            known.setdefault(shard, []).append(tuple(facts))
        nothing = [(False, None, None, None, None, 0)]
        return [_progress(shard, known.get(shard, nothing)) for shard in range(shards)]

    def parts(self, shards: int, results: Path) -> list[Path]:
        """Return the result files of all shards.

        Raises:
            JournalError: If the database cannot be used.
        """
        return [part_folder(results, shard) / name for shard, name in self._rows(_PARTS, shards)]

    def figures(self, shards: int) -> list[bytes]:
        """Return the encoded figures of all runs of all shards.

        Raises:
            JournalError: If the database cannot be used.
        """
        return [each for (each,) in self._rows(_FIGURES, shards)]

    def unknown(self, shards: list[ShardProgress]) -> list[UnknownWrite]:
        """Return the writes of which it is unknown whether they were done.

        Raises:
            JournalError: If the database cannot be used.
        """
        some = [each.shard for each in shards if each.unknown or each.begun]
        over = [each.shard for each in shards if each.begun and each.state != "running"]
        if not some:
            return []
        rows = self._rows(_UNKNOWN_OF, list(map(int, UNKNOWN)), some, int(State.BEGUN), over)
        return [UnknownWrite(unescaped(scope), unescaped(key).removeprefix("=")) for scope, key in rows]

    def _patiently(self, work: Callable[[Connection], T]) -> T:
        """Do something that a run needs, also if the database is just being started again."""
        session = DatabaseSession(self._url, opened.patience)
        try:
            with session.interrupted_every(opened.lease_seconds):
                return session.run(work)
        finally:
            session.close(lambda _: None)

    def _rows(self, query: LiteralString, *values: object) -> list[Any]:
        """Return the rows of a query about the job; none if there are no tables yet."""
        with database_errors(), connect(self._url) as db:
            return db.execute(query, [escaped(self._job), *values]).fetchall() if is_prepared(db) else []


def _progress(shard: int, rows: list[tuple[Any, ...]]) -> ShardProgress:
    running, owner, saved, running_for, *_ = rows[0]
    counts: Counter[State] = Counter()
    for *_, state, number in rows:
        if state is not None:
            counts[State(state)] += number
    return progress_of(
        shard,
        counts,
        None if saved is None else msgspec.json.decode(saved, type=ShardReport),
        worker=owner and owner.rpartition(":")[0],
        running_for=float(running_for) if running else None,
    )
