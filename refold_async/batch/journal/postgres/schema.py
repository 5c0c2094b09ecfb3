"""The tables of all journals in a database, created by whoever comes first."""

from __future__ import annotations

from typing import Any, Final

import psycopg

from refold_async.errors import JournalError

FORMAT: Final = 1
_LOCK: Final = 0x5265666F6C64  # "Refold": who creates the tables holds this advisory lock

# `refold_calls` has the columns of a SQLite journal, and no foreign key: checking it would lock another row
# for every call. `fillfactor` leaves room in a page for rows that every commit updates.
_SCHEMA: Final = f"""
    CREATE TABLE refold_format (number integer NOT NULL);
    INSERT INTO refold_format VALUES ({FORMAT});
    CREATE TABLE refold_jobs (name text PRIMARY KEY, shards integer NOT NULL);
    CREATE TABLE refold_journals (
        id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        job text NOT NULL, shard integer NOT NULL, base_url text, runs integer NOT NULL DEFAULT 0,
        epoch bigint NOT NULL DEFAULT 0, owner text, expires timestamptz, report bytea,
        UNIQUE (job, shard)
    ) WITH (fillfactor = 50);
    CREATE TABLE refold_runs (
        journal integer NOT NULL, number integer NOT NULL, owner text NOT NULL,
        began double precision NOT NULL, ended double precision,
        PRIMARY KEY (journal, number)
    );
    CREATE TABLE refold_figures (
        journal integer NOT NULL, run integer NOT NULL, batch integer NOT NULL, figures bytea NOT NULL,
        PRIMARY KEY (journal, run, batch)
    );
    CREATE TABLE refold_parts (journal integer NOT NULL, name text NOT NULL, PRIMARY KEY (journal, name));
    CREATE TABLE refold_calls (
        journal integer NOT NULL, scope text NOT NULL, key text NOT NULL, account text, call bytea NOT NULL,
        slug text NOT NULL, action_id text NOT NULL, effect text,
        state smallint NOT NULL, delivered boolean NOT NULL, run integer NOT NULL, attempts integer NOT NULL,
        began double precision NOT NULL, at double precision NOT NULL, error text, result bytea, params bytea,
        PRIMARY KEY (journal, scope, key)
    );
    CREATE TABLE refold_counts (
        journal integer NOT NULL, state smallint NOT NULL, delivered boolean NOT NULL, number bigint NOT NULL,
        PRIMARY KEY (journal, state, delivered)
    ) WITH (fillfactor = 50);
"""  # noqa: S608 - the number is ours
# As in SQLite, triggers keep the counters, in the commit of the rows, whoever changes them.
_COUNTING: Final = """
    CREATE FUNCTION refold_count() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
    BEGIN
        IF TG_OP = 'INSERT' THEN
            INSERT INTO refold_counts AS c
            SELECT journal, state, delivered, count(*) FROM new_rows GROUP BY 1, 2, 3
            ON CONFLICT (journal, state, delivered) DO UPDATE SET number = c.number + excluded.number;
        ELSIF TG_OP = 'UPDATE' THEN
            INSERT INTO refold_counts AS c
            SELECT journal, state, delivered, sum(n) FROM (
                SELECT journal, state, delivered, 1 AS n FROM new_rows
                UNION ALL SELECT journal, state, delivered, -1 FROM old_rows
            ) AS changes GROUP BY 1, 2, 3 HAVING sum(n) <> 0
            ON CONFLICT (journal, state, delivered) DO UPDATE SET number = c.number + excluded.number;
        ELSE
            INSERT INTO refold_counts AS c
            SELECT journal, state, delivered, -count(*) FROM old_rows GROUP BY 1, 2, 3
            ON CONFLICT (journal, state, delivered) DO UPDATE SET number = c.number + excluded.number;
        END IF;
        RETURN NULL;
    END $$;
    CREATE TRIGGER refold_count_new AFTER INSERT ON refold_calls
        REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION refold_count();
    CREATE TRIGGER refold_count_changed AFTER UPDATE ON refold_calls
        REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
        FOR EACH STATEMENT EXECUTE FUNCTION refold_count();
    CREATE TRIGGER refold_count_removed AFTER DELETE ON refold_calls
        REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION refold_count();
"""
# Not `to_regclass`: within a transaction, it may still answer what it did before the lock was waited for.
_EXISTS: Final = "SELECT 1 FROM pg_class WHERE relname = 'refold_format' AND pg_table_is_visible(oid)"


def prepare(db: psycopg.Connection[Any]) -> None:
    """Create the tables if there are none, or check their format.

    Raises:
        JournalError: If they have another format, or the database another encoding than UTF-8.
        psycopg.Error: If they cannot be created or read.
    """
    if (encoding := db.info.parameter_status("server_encoding")) != "UTF8":
        raise JournalError(f"the journal's database has the encoding {encoding}; create one with UTF8")
    if _format(db) is None:
        with db.transaction():
            db.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
            if _format(db) is None:  # nobody has created them since
                db.execute(_SCHEMA.encode())
                db.execute(_COUNTING)
    if (found := _format(db)) != FORMAT:
        raise JournalError(
            f"the journal's tables have format {found}; this version reads {FORMAT}: "
            "finish the jobs with the version that began them, or use another schema"
        )


def is_prepared(db: psycopg.Connection[Any]) -> bool:
    """Whether there are tables.

    Raises:
        psycopg.Error: If that cannot be read.
    """
    return _format(db) is not None


def _format(db: psycopg.Connection[Any]) -> int | None:
    if db.execute(_EXISTS).fetchone() is None:
        return None
    row = db.execute("SELECT number FROM refold_format").fetchone()
    return None if row is None else int(row[0])
