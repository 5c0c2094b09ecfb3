"""The statements of a journal in PostgreSQL: each that writes begins with the fence."""

from __future__ import annotations

from typing import Final

from refold_async.batch.journal.store import State

CREATE: Final = """
    INSERT INTO refold_journals (job, shard) VALUES (%(job)s, %(shard)s)
    ON CONFLICT DO NOTHING
"""
# By the database's clock alone; `clock_timestamp`, since a statement may have waited for the row.
ACQUIRE: Final = """
    WITH taken AS (
        UPDATE refold_journals
        SET base_url = %(base_url)s, epoch = epoch + 1, owner = %(owner)s, runs = runs + 1,
        expires = clock_timestamp() + make_interval(secs => %(seconds)s)
        WHERE job = %(job)s AND shard = %(shard)s AND coalesce(base_url, %(base_url)s) = %(base_url)s
        AND (expires IS NULL OR expires <= clock_timestamp() OR owner = %(owner)s)
        RETURNING id, epoch, runs
    ), run AS (
        INSERT INTO refold_runs
        SELECT id, runs, %(owner)s, extract(epoch FROM clock_timestamp()), NULL FROM taken
    )
    SELECT id, epoch, runs, EXISTS (SELECT 1 FROM refold_calls WHERE journal = id) FROM taken
"""
WHO: Final = "SELECT base_url, owner FROM refold_journals WHERE job = %(job)s AND shard = %(shard)s"
# After a lost connection: what it may still be about to commit is refused from now on.
RESUME: Final = """
    UPDATE refold_journals SET epoch = epoch + 1,
    expires = clock_timestamp() + make_interval(secs => %(seconds)s)
    WHERE id = %(journal)s AND owner = %(owner)s RETURNING epoch
"""
FENCE: Final = """
    UPDATE refold_journals SET expires = clock_timestamp() + make_interval(secs => %(seconds)s)
    WHERE id = %(journal)s AND owner = %(owner)s AND epoch = %(epoch)s RETURNING id
"""
PARTS: Final = "SELECT name FROM refold_parts WHERE journal = %(journal)s ORDER BY name"
ADD_PART: Final = f"""
    WITH fence AS ({FENCE}), added AS (
        INSERT INTO refold_parts SELECT id, %(name)s FROM fence ON CONFLICT DO NOTHING
    )
    SELECT id FROM fence
"""  # noqa: S608 - the fence is ours
RELEASE: Final = """
    WITH fence AS (
        UPDATE refold_journals SET expires = NULL
        WHERE id = %(journal)s AND owner = %(owner)s AND epoch = %(epoch)s RETURNING id
    )
    UPDATE refold_runs SET ended = extract(epoch FROM clock_timestamp()) FROM fence
    WHERE journal = fence.id AND number = %(run)s
"""
_FINAL: Final = f"({State.DONE:d}, {State.FOUND:d})"
_SETTLED: Final = f"({State.DONE:d}, {State.FAILED:d}, {State.FOUND:d})"
# One statement: the fence, the rows that begin or end, and the marks of what was delivered. A row that began
# at this very time was written by this group before: the connection was lost before its commit was confirmed.
# Bytes are sent as they are (`b`): as text they are twice as long, and take the database eight times as long.
WRITE: Final = f"""
    WITH fence AS ({FENCE}), marked AS (
        UPDATE refold_calls AS c SET delivered = true{{}} FROM fence,
        unnest(%(scopes)s::text[], %(keys)s::text[]) AS d (scope, key)
        WHERE c.journal = fence.id AND c.scope = d.scope AND c.key = d.key
    ), put AS (
        INSERT INTO refold_calls AS c
        SELECT fence.id, scope, key, account, call, slug, action_id, effect, state, false, %(run)s, attempts,
        %(now)s, %(now)s, error, result, params
        FROM fence, unnest(
            %(scope)s::text[], %(key)s::text[], %(account)s::text[], %(call)b::bytea[], %(slug)s::text[],
            %(action_id)s::text[], %(effect)s::text[], %(state)s::smallint[], %(attempts)s::integer[],
            %(error)s::text[], %(result)b::bytea[], %(params)b::bytea[]
        ) AS g (scope, key, account, call, slug, action_id, effect, state, attempts, error, result, params)
        ON CONFLICT (journal, scope, key) DO UPDATE SET
        state = excluded.state, delivered = false, run = excluded.run, at = excluded.at,
        began = CASE WHEN excluded.state = {State.BEGUN:d} THEN excluded.began ELSE c.began END,
        attempts = CASE WHEN excluded.attempts > 0 THEN excluded.attempts ELSE c.attempts END,
        error = excluded.error, result = excluded.result,
        params = CASE WHEN excluded.state = {State.BEGUN:d} THEN excluded.params
            WHEN excluded.state IN {_SETTLED} THEN NULL ELSE c.params END
        WHERE c.call = excluded.call AND CASE WHEN excluded.state = {State.BEGUN:d} THEN
            c.state = {State.FAILED:d} OR (c.run < %(before)s AND c.state NOT IN {_FINAL})
            OR (c.state = {State.BEGUN:d} AND c.run = excluded.run AND c.began = excluded.began)
            ELSE c.state NOT IN {_FINAL} OR excluded.state = {State.DONE:d} END
        RETURNING scope, key
    )
    SELECT NULL, NULL FROM fence UNION ALL SELECT scope, key FROM put
"""  # noqa: S608 - the numbers are those of `State`
LOOK: Final = """
    SELECT c.call, c.state, c.delivered, c.run, c.began, c.at, c.error, c.result
    FROM unnest(%(scopes)s::text[], %(keys)s::text[]) WITH ORDINALITY AS g (scope, key, place)
    LEFT JOIN refold_calls AS c ON c.journal = %(journal)s AND c.scope = g.scope AND c.key = g.key
    ORDER BY g.place
"""
COUNTS: Final = (
    "SELECT state, delivered, number FROM refold_counts WHERE journal = %(journal)s AND number > 0"
)

PUT_RUN: Final = f"""
    WITH fence AS ({FENCE}), put AS (
        INSERT INTO refold_figures SELECT fence.id, %(run)s, g.batch, g.figures
        FROM fence, unnest(%(batches)s::integer[], %(figures)b::bytea[]) AS g (batch, figures)
        ON CONFLICT (journal, run, batch) DO UPDATE SET figures = excluded.figures
    )
    SELECT id FROM fence
"""  # noqa: S608 - the fence is ours
RUNS: Final = """
    SELECT r.number, r.began, r.ended, f.figures FROM refold_runs AS r
    LEFT JOIN refold_figures AS f ON f.journal = r.journal AND f.run = r.number
    WHERE r.journal = %(journal)s ORDER BY r.number, f.batch
"""
