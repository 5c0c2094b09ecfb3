"""A worker of a job that is stopped while another takes its shard over, and woken again."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import psycopg

from refold_async import Call
from refold_async.batch.journal import opened
from refold_async.fleet import Job, JobSummary
from refold_async.row_files.rewriting import read_fields
from refold_async.sandbox import Sandbox, SandboxThread

ACCOUNTS = [f"demo-user-{number}" for number in range(1, 21)]


class Takeover(NamedTuple):
    """What came of it.

    Attributes:
        woken: What the worker said that was stopped, at its end.
        sent_before: How many writes were executed before the other worker took the shard.
        begun_after: How many writes the woken worker began after that.
        doubled: How many writes were executed twice.
        missing: How many calls are not exactly once in a part or named as unknown.
        unknown: How many are named as unknown.
    """

    woken: str
    sent_before: int
    begun_after: int
    doubled: int
    missing: int
    unknown: int


def calls(accounts: Sequence[str]) -> Iterator[Call]:
    for account in accounts:
        for number in range(int(os.environ["TEST_CALLS"])):
            email = f"{account}-{number}@example.org"
            yield Call(account, "hubspot", "create_contact", {"email": email}, key=str(number))


def job(database: str, folder: str) -> Job:
    results = Path(folder) / "out"
    return Job(
        "stopped", calls, accounts=ACCOUNTS, journal=database, results=results, shards=1, concurrency=5
    )


def take_over(database: str, folder: Path, *, lease: float, stopped: float, each: int) -> Takeover:
    """Stop a worker for some seconds in the middle of its shard, and let another one take that.

    Args:
        database: The URL of an empty database.
        folder: An empty folder.
        lease: The seconds of a lease.
        stopped: For how many seconds it is stopped at least: it is until the other one has the shard.
        each: The number of calls of each customer.
    """
    with (
        SandboxThread(Sandbox(accounts=len(ACCOUNTS), latency=0.02)) as sandbox,
        ThreadPoolExecutor(1) as thread,
    ):
        settings = {
            "REFOLD_API_KEY": sandbox.api_key,
            "REFOLD_BASE_URL": sandbox.base_url,
            "TEST_CALLS": str(each),
        }
        command = [sys.executable, "-m", "tests.fleet.taking_over", database, str(folder), str(lease)]
        with (
            patch.dict(os.environ, settings),
            patch.object(opened, "lease_seconds", lease),
            subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as first,
        ):
            while sandbox.ledger.count() < len(ACCOUNTS) * each // 5:
                assert first.poll() is None, first.stderr and first.stderr.read()
                time.sleep(0.002)
            first.send_signal(signal.SIGSTOP)
            try:
                sent = sandbox.ledger.count()
                second = thread.submit(job(database, str(folder)).run_sync, 0)
                time.sleep(stopped)
                while _runs(database) < 2:
                    assert not second.done()
                    time.sleep(0.05)
            finally:
                first.send_signal(signal.SIGCONT)
            woken = first.communicate()[1]
            second.result()
        summary = job(database, str(folder)).summary()
        with psycopg.connect(database) as db:
            ((begun,),) = db.execute(
                "SELECT count(*) FROM refold_calls AS c JOIN refold_runs AS r USING (journal)"
                " WHERE c.run = 1 AND r.number = 2 AND c.began > r.began"
            ).fetchall()
        doubled, missing = len(sandbox.ledger.duplicates()), _missing(summary, each)
        return Takeover(woken, sent, begun, doubled, missing, len(summary.unknown))


def _runs(database: str) -> int:
    with psycopg.connect(database) as db:
        ((runs,),) = db.execute("SELECT max(runs) FROM refold_journals").fetchall()
        return int(runs)


def _missing(summary: JobSummary, each: int) -> int:
    """Return how many calls are not exactly once in a part or named as unknown."""
    rows = Counter(
        row for part in summary.parts for row in read_fields("jsonl", part, ("linked_account_id", "key"))
    )
    rows.update(tuple(write) for write in summary.unknown)
    expected = {(account, str(number)) for account in ACCOUNTS for number in range(each)}
    return sum(rows[name] != 1 for name in expected) + len(rows.keys() - expected)


if __name__ == "__main__":
    opened.lease_seconds = float(sys.argv[3])
    asyncio.run(job(*sys.argv[1:3]).run(0))
