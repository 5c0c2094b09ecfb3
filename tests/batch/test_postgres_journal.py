"""A journal in PostgreSQL: its lease, a database that goes away, and what must not leak."""

import asyncio
import os
import re
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from refold_async import (
    Call,
    Done,
    Failed,
    InvalidCallError,
    Journal,
    JournalError,
    JournalInUseError,
    SettingsError,
)
from refold_async.batch.journal import opened as opening
from refold_async.batch.journal.postgres.store import PostgresJournal, _statements
from refold_async.batch.journal.store import CallId, JournalWrite, State, Written
from refold_async.fleet.job_database import JobDatabase
from refold_async.fleet.job_reports import ShardReport
from refold_async.sandbox import Fault, Sandbox
from tests.heavy.relay import Relay
from tests.services import Server, needs, postgres

from .journal_stores import record
from .journaled import client, reasons, run

pytestmark = needs("postgres")

REPORT = ShardReport(shard=0, done=0, failed=0, done_before=0, skipped=0, seconds=0.0, worker="w")


def store(url: str, *, shard: int = 0, lease: float = 10.0, patience: float = 60.0) -> PostgresJournal:
    return PostgresJournal(url, job="j", shard=shard, base_url="http://h", lease=lease, patience=patience)


def execute(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as db:
        cursor = db.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def writes(number: int) -> list[Call]:
    return [
        Call(f"demo-user-{place % 20 + 1}", "hubspot", "create_contact", {"email": f"{place}@example.org"},
             key=str(place))
        for place in range(number)
    ]  # fmt: skip


def test_a_run_that_lost_its_lease_begins_nothing_and_records_nothing(database: str) -> None:
    first = store(database, lease=0.2)
    assert first.write([record("a")]) == [Written.DONE]
    time.sleep(0.25)
    assert not first.lease.holds
    second = store(database)
    for group in ([record("b")], [record("a", State.DONE)], []):
        with pytest.raises(JournalInUseError, match="was taken over by worker"):
            first.write(group, [record("a").id])
    for refused in (first.renew, lambda: first.add_part("part-0001-000001.jsonl")):
        with pytest.raises(JournalInUseError):
            refused()
    assert second.counts() == {(State.BEGUN, False): 1}
    assert second.parts() == []
    first.close()
    assert second.write([record("c")]) == [Written.DONE]
    second.close()


async def test_a_key_that_the_database_does_not_take_fails_its_own_call(
    sandbox: Sandbox, database: str
) -> None:
    """At random: what repeats is compressed, and would be taken."""
    calls = [
        Call(
            "demo-user-1", "hubspot", "create_contact", {"email": f"{n}@example.org"}, key=os.urandom(n).hex()
        )
        for n in (10, 900, 3000)
    ]
    outcomes = await run(sandbox, calls, Journal(database, job="j"))
    assert [type(outcome) for outcome in outcomes].count(Done) == 2
    (failed,) = [outcome for outcome in outcomes if isinstance(outcome, Failed)]
    assert isinstance(failed.error, InvalidCallError)
    assert "have 6,011 bytes; a journal in a database takes 2,000" in failed.error.message
    assert sandbox.ledger.count() == 2


def test_a_lease_that_nobody_took_can_be_renewed_late(database: str) -> None:
    only = store(database, lease=0.1)
    time.sleep(0.15)
    only.renew()
    assert only.lease.holds
    time.sleep(0.15)
    assert only.write([record("a")]) == [Written.DONE]
    only.close()


def test_a_group_that_is_written_again_has_the_same_answers(database: str) -> None:
    """If the connection is lost during a commit, its result is unknown."""
    file = store(database)
    file.write([record("taken"), record("ended")])
    group = [record("a"), record("taken"), record("a"), record("ended", State.FAILED), record("ended")]
    statements = [
        (each, file._values(group, each, file._next_time())) for each in _statements(group, [group[0].id])
    ]
    answers = [file._session.run(lambda db: file._execute(db, statements)) for _ in range(3)]
    assert answers == [[0, 3, 4]] * 3
    assert file.write([record("a")]) == [Written.TAKEN]
    file.close()


def test_what_a_lost_connection_commits_late_is_refused(database: str) -> None:
    file = store(database)
    late = dict(file._common)
    file._session.run(lambda db: db.execute("SELECT 1"))
    file.interrupt()
    assert file.write([record("a")]) == [Written.DONE]
    with psycopg.connect(database) as db:
        values = file._values([record("b")], next(_statements([record("b")], [])), time.time())
        assert db.execute(file._write, {**values, **late}).fetchall() == []
    file.close()


def test_tables_may_be_created_by_many_at_once(database: str) -> None:
    with ThreadPoolExecutor(8) as threads:
        for each in threads.map(lambda shard: store(database, shard=shard), range(8)):
            each.close()
    assert execute(database, "SELECT count(*), max(runs) FROM refold_journals") == [(8, 1)]
    assert execute(database, "SELECT number FROM refold_format") == [(1,)]


def test_a_role_needs_no_more_than_to_read_and_write_the_tables(database: str) -> None:
    store(database).close()
    schema = database.rpartition("%3D")[2]
    execute(database, f"CREATE ROLE worker_{schema} LOGIN")
    execute(database, f"GRANT USAGE ON SCHEMA {schema} TO worker_{schema}")
    rights = "SELECT, INSERT, UPDATE, DELETE"
    execute(database, f"GRANT {rights} ON ALL TABLES IN SCHEMA {schema} TO worker_{schema}")
    file = store(database.replace("//refold@", f"//worker_{schema}@"), shard=1)
    assert file.write([record("a")]) == [Written.DONE]
    assert file.counts() == {(State.BEGUN, False): 1}
    file.close()


def test_tables_of_another_format_are_refused(database: str) -> None:
    store(database).close()
    execute(database, "UPDATE refold_format SET number = 99")
    with pytest.raises(JournalError, match="have format 99; this version reads 1"):
        store(database)


def test_a_database_that_cannot_hold_every_text_is_refused(postgres_server: Server) -> None:
    with psycopg.connect(postgres_server.url, autocommit=True) as db:
        db.execute("CREATE DATABASE narrow ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(JournalError, match="encoding LATIN1"):
        store(postgres_server.url.removesuffix("refold") + "narrow")


def test_a_commit_is_on_disk_whatever_the_database_is_set_to(database: str) -> None:
    file = store(f"{database}%20-csynchronous_commit%3Doff")
    assert file._session.run(lambda db: db.execute("SHOW synchronous_commit").fetchone()) == ("on",)
    file.close()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the lease of runs."""
    monkeypatch.setattr(opening, "lease_seconds", 0.6)


async def test_a_run_whose_journal_is_taken_over_ends_and_sends_nothing_more(
    sandbox: Sandbox, database: str
) -> None:
    sandbox.faults.add(Fault(latency=0.01))
    journal = Journal(database, job="j")

    async def until_taken() -> None:
        async with (
            client(sandbox) as refold,
            refold.batch(writes(400), journal=journal, concurrency=5) as batch,
        ):
            async for _ in batch:
                if sandbox.ledger.count() >= 20:
                    break
            await asyncio.to_thread(
                execute, database, "UPDATE refold_journals SET epoch = epoch + 1, owner = 'other:1:x'"
            )
            async for _ in batch:
                pass

    with pytest.raises(JournalInUseError, match="was taken over by worker other:1"):
        await until_taken()
    begun = await asyncio.to_thread(execute, database, "SELECT count(*) FROM refold_calls")
    assert sandbox.ledger.count() <= begun[0][0] < 100
    assert not sandbox.ledger.duplicates()


async def test_a_write_waits_for_its_lease_to_be_renewed_if_it_is_old(
    sandbox: Sandbox, database: str, short: None
) -> None:
    """As after the process was stopped: nothing renews the lease while the event loop is blocked."""
    sandbox.faults.add(Fault(status=429, headers={"Retry-After": "1"}, times=1))
    async with (
        client(sandbox) as refold,
        refold.batch(writes(1), journal=Journal(database, job="j")) as batch,
    ):
        while not sandbox.faults.fired(next(iter(sandbox.faults))):  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.002)
        replay = batch._replay
        assert replay is not None
        replay._commits._store.lease._until = 0.0  # type: ignore[union-attr]
        await asyncio.to_thread(
            execute, database, "UPDATE refold_journals SET epoch = epoch + 1, owner = 'other:1:x'"
        )
        with pytest.raises(JournalInUseError):
            async for _ in batch:
                pass
    assert sandbox.ledger.count() == 0


class _StoppedAfterCommit(PostgresJournal):
    """A journal whose process is stopped as soon as a write has begun, and loses it meanwhile."""

    def write(self, records: Sequence[JournalWrite], delivered: Sequence[CallId] = ()) -> list[Written]:
        answers = super().write(records, delivered)
        with psycopg.connect(self._session._url) as db:
            db.execute("UPDATE refold_journals SET epoch = epoch + 1, owner = 'other:1:x'")
        self.lease.renewed(-self.lease.seconds)
        return answers


async def test_a_write_is_not_sent_if_the_lease_was_lost_since_it_began(
    sandbox: Sandbox, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("refold_async.batch.journal.postgres.store.PostgresJournal", _StoppedAfterCommit)
    with pytest.raises(JournalInUseError, match="was taken over by worker other:1"):
        await run(sandbox, writes(1), Journal(database, job="j"))
    assert sandbox.ledger.count() == 0
    assert await asyncio.to_thread(execute, database, "SELECT state FROM refold_calls") == [(State.BEGUN,)]


async def test_connections_that_are_reset_double_and_lose_nothing(sandbox: Sandbox, database: str) -> None:
    port = urlsplit(database).port or 0
    with Relay("127.0.0.1", 0, port) as relay:
        journal = Journal(database.replace(f":{port}/", f":{relay.port}/"), job="j")
        over = threading.Event()

        def reset() -> None:
            while not over.wait(0.1):
                relay.reset(1.0)

        disturbing = threading.Thread(target=reset)
        disturbing.start()
        try:
            outcomes = await run(sandbox, writes(100), journal, concurrency=4)
        finally:
            over.set()
            disturbing.join()
    assert reasons(outcomes) == {"Done"}
    assert sandbox.ledger.count() == 100
    assert await asyncio.to_thread(
        execute, database, "SELECT state, delivered, number FROM refold_counts WHERE number <> 0"
    ) == [(State.DONE, True, 100)]


async def test_a_connection_that_is_cut_is_given_up(sandbox: Sandbox, database: str, short: None) -> None:
    port = urlsplit(database).port or 0
    with Relay("127.0.0.1", 0, port) as relay:
        journal = Journal(database.replace(f":{port}/", f":{relay.port}/"), job="j")
        async with (
            client(sandbox) as refold,
            refold.batch(writes(50), journal=journal, concurrency=5) as batch,
        ):
            await anext(batch)
            relay.cut(1.0)
            rest = [outcome async for outcome in batch]
    assert reasons(rest) == {"Done"}
    assert sandbox.ledger.count() == 50


def test_a_database_that_answers_never_is_given_up_at_the_start_and_at_the_end(
    database: str, short: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """During a run, renewing the lease notices; here a lock stands for a server that is frozen."""
    monkeypatch.setattr(opening, "patience", 0.3)
    file = store(database, lease=0.1)
    file.write([record("a")])
    with psycopg.connect(database) as db:
        db.execute("LOCK TABLE refold_journals")
        file.close()
        with pytest.raises(JournalError, match="cannot be used"):
            store(database, shard=1, lease=0.1, patience=0.3)
        with pytest.raises(JournalError, match="cannot be used"):
            JobDatabase(database, "j").end(REPORT)
    store(database, shard=1).close()


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    with postgres("fsync=off") as server:
        yield server


async def test_a_database_that_is_killed(sandbox: Sandbox, own_server: Server, short: None) -> None:
    """It is back in time, and the run continues; or it is not, and what was sent is unknown."""
    sandbox.faults.add(Fault(latency=0.01))
    journal, calls = Journal(own_server.url, job="j"), writes(300)

    async def until_it_is_gone(calls: list[Call], outcomes: list[object]) -> None:
        async with client(sandbox) as refold, refold.batch(calls, journal=journal, concurrency=10) as batch:
            async for outcome in batch:
                outcomes.append(outcome)
                if len(outcomes) == 50:
                    await asyncio.to_thread(own_server.kill)
                    await asyncio.to_thread(own_server.start)
                if len(outcomes) == 150:
                    batch._replay._commits._store._session._patience = 0.2  # type: ignore[union-attr]
                    await asyncio.to_thread(own_server.kill)

    before: list[Any] = []
    with pytest.raises(JournalError, match="cannot be used"):
        await until_it_is_gone(calls, before)
    assert sum(isinstance(outcome, Done) for outcome in before) >= 100
    assert sandbox.ledger.count() < 300
    await asyncio.to_thread(own_server.start)
    await asyncio.sleep(0.6)  # the lease of the run that ended
    after = await run(sandbox, calls, journal)
    unknown = {outcome.call.key for outcome in after if isinstance(outcome, Failed)}
    done = {outcome.call.key for outcome in [*before, *after] if isinstance(outcome, Done)}
    assert not sandbox.ledger.duplicates()
    assert done | unknown == {call.key for call in calls}
    assert len(done) <= sandbox.ledger.count() <= len(calls)


def test_a_database_that_is_being_started_is_waited_for(own_server: Server) -> None:
    own_server.kill()
    starting = threading.Timer(0.3, own_server.start)
    starting.start()
    file = store(own_server.url, shard=1)
    starting.join()
    assert file.write([record("a")]) == [Written.DONE]
    file.close()


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:hunter2@db/refold",
        "postgres://user:hunter2@db,other/refold",
        "postgresql://db/refold?password=hunter2",
        "postgresql://[hunter2",
    ],
)
def test_a_url_with_a_password_is_refused(url: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Journal(url, job="j")
    shown = "".join(traceback.TracebackException.from_exception(caught.value).format())
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in shown


def test_the_password_of_the_environment_is_in_no_error(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    with pytest.raises(JournalError, match="cannot be used") as caught:
        store("postgresql://nobody@127.0.0.1:1/refold", patience=0.1)
    error = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "hunter2" not in "".join(error.format())
    assert "hunter2" not in repr(Journal(database, job="j"))


def test_a_database_needs_a_job() -> None:
    with pytest.raises(SettingsError, match="job is required with a database"):
        Journal("postgresql://db/refold")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(SettingsError, match=re.escape("pip install 'refold-async[postgres]'")):
        Journal("postgresql://db/refold", job="j")


def test_no_driver_is_loaded_until_a_journal_is_opened() -> None:
    program = """
import sys
from refold_async import Journal
from refold_async.fleet import Job
Job("j", print, accounts=[], journal="folder")
print([name for name in sys.modules if name.startswith(("psycopg", "redis", "dask"))])
Journal("postgresql://db/refold", job="j")
print([name for name in sys.modules if name.startswith("psycopg.")])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n") == ["[]", "[]", ""]
