"""Jobs on PostgreSQL: `python -m tests.heavy.job_database kills|stopped|progress`.

`kills`: three workers at once, which are killed at random moments; with `--outages`, the database, too. `stopped`: one is stopped for 15 seconds, while
another takes its shard over. `progress`: times `progress()` of 1 million calls in 64 shards.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median

import psycopg

from refold_async import Call
from refold_async.fleet import Job, JobSummary
from refold_async.row_files.rewriting import read_fields
from refold_async.sandbox import Sandbox, SandboxThread
from tests.fleet.taking_over import take_over
from tests.services import postgres

_ACCOUNTS = [f"demo-user-{number}" for number in range(1, 201)]
_SHARDS = 16
_KEYS = [*(f"read-{number}" for number in range(25)), *(f"write-{number}" for number in range(5))]


def calls(accounts: Sequence[str]) -> Iterator[Call]:
    for account in accounts:
        for key in _KEYS:
            if key.startswith("read"):
                yield Call(account, "hubspot", "get_contact", {"limit": "1"}, key=key)
            else:
                yield Call(
                    account, "hubspot", "create_contact", {"email": f"{account}-{key}@example.org"}, key=key
                )


def job(database: str, folder: str) -> Job:
    return Job(
        "kills", calls, accounts=_ACCOUNTS, journal=database, results=Path(folder) / "out", shards=_SHARDS
    )


def kills(number: int, seed: int, *, outages: bool) -> None:
    moments, began = random.Random(seed), time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        postgres() as server,
        SandboxThread(Sandbox(accounts=len(_ACCOUNTS), latency=0.02)) as sandbox,
    ):
        settings = {"REFOLD_API_KEY": sandbox.api_key, "REFOLD_BASE_URL": sandbox.base_url}

        def start() -> "subprocess.Popen[bytes]":
            shards = [str(shard) for shard in moments.sample(range(_SHARDS), _SHARDS)]
            command = [sys.executable, "-m", "tests.heavy.job_database", "work", server.url, folder, *shards]
            return subprocess.Popen(command, env=os.environ | settings)

        workers, killed = [start() for _ in range(3)], 0
        for _ in range(number):
            until = sandbox.ledger.count() + moments.randint(50, 450)
            while sandbox.ledger.count() < until and any(worker.poll() is None for worker in workers):
                time.sleep(0.002)
            running = [place for place, worker in enumerate(workers) if worker.poll() is None]
            if not running:
                break
            place = moments.choice(running)
            if outages:
                server.kill()
                server.start()
            workers[place].kill()
            workers[place].wait()
            workers[place], killed = start(), killed + 1
        assert [worker.wait() for worker in workers] == [0, 0, 0]
        summary = job(server.url, folder).summary()
        missing = _missing(summary)
        print(  # noqa: T201
            f"{killed} kills{' of a worker and the database' * outages}, {len(_ACCOUNTS) * len(_KEYS):,} calls in {_SHARDS} shards, "
            f"{time.monotonic() - began:.0f} s: {len(sandbox.ledger.duplicates())} doubled, {missing} missing or "
            f"twice in the results, {len(summary.unknown)} unknown writes named; {summary.progress}"
        )
        assert not sandbox.ledger.duplicates()
        assert not missing


def _missing(summary: JobSummary) -> int:
    rows = Counter(
        row for part in summary.parts for row in read_fields("jsonl", part, ("linked_account_id", "key"))
    )
    rows.update(tuple(write) for write in summary.unknown)
    expected = {(account, key) for account in _ACCOUNTS for key in _KEYS}
    return sum(rows[name] != 1 for name in expected) + len(rows.keys() - expected)


def stopped(seconds: float) -> None:
    with postgres() as server, tempfile.TemporaryDirectory() as folder:
        found = take_over(server.url, Path(folder), lease=10.0, stopped=seconds, each=150)
    print(  # noqa: T201
        f"stopped {seconds:g} s after {found.sent_before:,} of 3,000 writes: {found.begun_after} begun after the "
        f"takeover, {found.doubled} doubled, {found.missing} missing, {found.unknown} unknown writes named"
    )
    assert "was taken over by worker" in found.woken
    assert (found.begun_after, found.doubled, found.missing) == (0, 0, 0)


def progress(number: int) -> None:
    with postgres() as server:
        large = Job("large", calls, accounts=(), journal=server.url, shards=64)
        large._store.create("large", 64)
        with psycopg.connect(server.url) as db:
            db.execute(
                "INSERT INTO refold_journals (job, shard, runs, epoch, owner)"
                " SELECT 'large', shard, 1, 1, 'host:1:x' FROM generate_series(0, 63) AS shard"
            )
            db.execute(
                "INSERT INTO refold_calls SELECT j.id, 'account-' || n %% 1000, '=' || n, NULL, 'c', 's', 'a',"
                " 'write', CASE WHEN n %% 1000 = 0 THEN 4 ELSE 2 END, true, 1, 1, 0, 0"
                " FROM refold_journals AS j, generate_series(1, %s) AS n",
                [number // 64],
            )
        found = large.summary()
        times = {"progress": [0.0], "summary": [0.0]}
        for _ in range(20):
            for name, taken in times.items():
                began = time.perf_counter()
                getattr(large, name)()
                taken.append(time.perf_counter() - began)
        shown = ", ".join(
            f"{name}() {median(taken[1:]) * 1e3:.0f} ms (longest {max(taken) * 1e3:.0f})"
            for name, taken in times.items()
        )
        print(f"{found.progress.done:,} calls done, {len(found.unknown):,} unknown: {shown}")  # noqa: T201


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["kills", "stopped", "progress", "work"])
    parser.add_argument("given", nargs="*")
    parser.add_argument("--number", type=int, default=10, help="of kills")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--outages", action="store_true", help="kill the database, too, each time")
    options = parser.parse_args()
    if options.what == "kills":
        kills(options.number, options.seed, outages=options.outages)
    elif options.what == "stopped":
        stopped(15.0)
    elif options.what == "progress":
        progress(1_000_000)
    else:
        for each in options.given[2:]:
            job(options.given[0], options.given[1]).run_sync(int(each))
