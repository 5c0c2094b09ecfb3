"""A journal in PostgreSQL as tables like those of a file: read and edited with the same statements."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Final
from urllib.parse import unquote, urldefrag

import psycopg

from refold_async.batch.journal.database_url import check_database
from refold_async.batch.journal.postgres.schema import is_prepared, prepare
from refold_async.batch.journal.postgres.session import connect
from refold_async.batch.journal.postgres.text import escaped, unescaped
from refold_async.errors import JournalError, JournalInUseError

_FIND: Final = """
    SELECT id, coalesce(expires > clock_timestamp(), false) FROM refold_journals
    WHERE job = %(job)s AND (shard = %(shard)s OR %(shard)s::integer IS NULL) ORDER BY shard
"""
# Of several shards, runs are numbered in the order in which they began.
_VIEWS: Final = """
    CREATE TEMP VIEW job AS SELECT job AS name, base_url FROM refold_journals WHERE id IN ({0});
    CREATE TEMP VIEW calls AS SELECT * FROM refold_calls WHERE journal IN ({0});
    CREATE TEMP VIEW counts AS
        SELECT state, delivered, sum(number)::bigint AS number FROM refold_counts WHERE journal IN ({0})
        GROUP BY state, delivered;
    CREATE TEMP VIEW numbered AS
        SELECT *, row_number() OVER (ORDER BY began, journal, number) AS place FROM refold_runs
        WHERE journal IN ({0});
    CREATE TEMP VIEW runs AS SELECT place AS number, began, ended FROM numbered;
    CREATE TEMP VIEW figures AS
        SELECT place AS run, batch, figures FROM refold_figures AS f
        JOIN numbered AS n ON n.journal = f.journal AND n.number = f.run;
"""
# With another epoch: a run that lost its lease and does not know it yet records nothing after the edit.
_OWN: Final = """
    UPDATE refold_journals SET epoch = epoch + 1, owner = NULL
    WHERE id = ANY(%s) AND (expires IS NULL OR expires <= clock_timestamp())
"""


class JournalViews:
    """The journal of a job, or of one shard of it, with the tables and the placeholders of SQLite.

    Args:
        reference: `URL#JOB`, or `URL#JOB/SHARD`.

    Attributes:
        in_use: Whether a run uses it.

    Raises:
        SettingsError: If the URL cannot be used.
        JournalError: If there is no such job.
        psycopg.Error: If the database cannot be used.
    """

    def __init__(self, reference: str) -> None:
        url, fragment = urldefrag(reference)
        check_database(url)
        job, _, shard = unquote(fragment).rpartition("/")
        if not (job and shard.isdecimal()):
            job, shard = unquote(fragment), ""
        self._name: Final = reference
        self._db: Final = connect(url)
        try:
            found = self._find(job, int(shard) if shard else None)
            self._ids: Final = [id_ for id_, _ in found]
            self.in_use: Final = any(used for _, used in found)
            self._db.execute(_VIEWS.format(", ".join(map(str, self._ids))).encode())
        except BaseException:
            self._db.close()
            raise

    def execute(self, statement: str, values: Sequence[object] = (), /) -> Any:
        """Execute a statement, and return a cursor."""
        cursor = self._db.cursor(row_factory=_unescaping)
        return cursor.execute(statement.replace("?", "%s").encode(), [_adapted(value) for value in values])

    def begin(self) -> None:
        """Begin a transaction that owns the journal.

        Raises:
            JournalInUseError: If a run uses it.
        """
        self._db.execute("BEGIN")
        if self._db.execute(_OWN, [self._ids]).rowcount != len(self._ids):
            self._db.execute("ROLLBACK")
            raise JournalInUseError(f"the journal {self._name} is in use by a run")

    def close(self) -> None:
        """Close the connection."""
        self._db.close()

    def _find(self, job: str, shard: int | None) -> list[tuple[int, bool]]:
        found: list[tuple[int, bool]] = []
        if is_prepared(self._db):
            prepare(self._db)  # checks the format
            found = self._db.execute(_FIND, {"job": escaped(job), "shard": shard}).fetchall()
        if not found:
            raise JournalError(f"the journal {self._name} does not exist; name it URL#JOB or URL#JOB/SHARD")
        return found


def _unescaping(_: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], tuple[Any, ...]]:
    return lambda values: tuple(unescaped(each) if isinstance(each, str) else each for each in values)


def _adapted(value: object) -> object:
    if isinstance(value, IntEnum):
        return int(value)
    return escaped(value) if isinstance(value, str) else value
