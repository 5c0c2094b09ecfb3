"""Workers of a job that are killed at random moments: `python -m tests.heavy.jobs --engine dask --kills 10`.

`--engine` is `processes`, `dask` or `procrastinate`; `--postgres` keeps the journals in PostgreSQL, and `--driver`
kills the program that submits the shards, too.
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from refold_async.fleet import JobProgress
from refold_async.fleet.folder import JobFolder
from refold_async.fleet.store import JobStore
from refold_async.sandbox import Sandbox, SandboxThread
from tests.services import postgres

from .job_project import ACCOUNTS, CALLS, SHARDS, JobProject, check_calls, end_group, workers_of
from .reporter import emit

PROGRAMS = {"dask": "worker_dask.py", "procrastinate": "worker_procrastinate.py"}


class Kills:
    """Kills workers of an engine, and perhaps its driver, while it runs a job.

    Args:
        project: The job.
        sandbox: What it calls.
        store: Where its journals are.
        moments: Which worker, and when.
    """

    def __init__(
        self, project: JobProject, sandbox: Sandbox, store: JobStore, moments: random.Random
    ) -> None:
        self._project = project
        self._sandbox = sandbox
        self._store = store
        self._moments = moments
        self.workers = 0
        self.drivers = 0

    def run(self, program: str, kills: int, *, driver: bool) -> None:
        """Run the job to its end, with a worker killed at each of some random numbers of calls."""
        counts = sorted(self._moments.sample(range(100, CALLS - 300), kills))
        process = self._project.start(program)
        groups = [process]
        try:
            for number, count in enumerate(counts):
                if driver and number == kills // 2:
                    process.kill()
                    process.wait()
                    process = self._project.start(program)
                    groups.append(process)
                    self.drivers += 1
                self._kill_one(process, count)
            output, _ = process.communicate()
            assert process.returncode == 0, output.decode()[-4000:]
        finally:
            for group in groups:
                end_group(group)  # a killed driver's workers may still be there

    def _kill_one(self, process: "subprocess.Popen[bytes]", count: int) -> None:
        """Wait until so many calls were run, and then until a worker runs a shard; kill it."""
        while process.poll() is None:
            if self._sandbox.ledger.count() >= count:
                running = list(workers_of(JobProgress(self._store.progress(SHARDS))))
                with contextlib.suppress(
                    IndexError, ProcessLookupError
                ):  # nobody runs a shard, or it has ended
                    os.kill(self._moments.choice(running), signal.SIGKILL)
                    self.workers += 1
                    return
            time.sleep(0.002)


def kill_plain_processes(project: JobProject, sandbox: Sandbox, moments: random.Random, kills: int) -> int:
    """Run the job in plain processes that are killed, and then to its end; return how many were."""
    killed = 0
    for number in range(kills):
        shards = [part for shard in range(number % 2, SHARDS, 2) for part in ("--shard", str(shard))]
        worker = project.start_job("run", "contacts_job.py", *shards)
        until = sandbox.ledger.count() + moments.randint(5, 500)
        while sandbox.ledger.count() < until and worker.poll() is None:
            time.sleep(0.002)
        worker.kill()
        worker.communicate()
        killed += worker.returncode == -signal.SIGKILL
    project.start_job("run", "contacts_job.py", "--workers", "2").communicate()
    return killed


def main(engine: str, kills: int, seed: int, *, on_postgres: bool, driver: bool) -> None:
    moments, began = random.Random(seed), time.monotonic()
    settles = engine != "processes"
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sandbox = stack.enter_context(SandboxThread(Sandbox(accounts=ACCOUNTS, latency=0.02)))
        more = {"STALLED_AFTER": "3", "GRACE": "1"} | ({"JOB_SETTLES": "1"} if settles else {})
        store: JobStore = JobFolder(folder / "journal")
        if engine == "procrastinate" or on_postgres:
            more["DATABASE_URL"] = stack.enter_context(postgres()).url
        if on_postgres:
            from refold_async.fleet.job_database import JobDatabase

            more["JOB_JOURNAL"] = more["DATABASE_URL"]
            store = JobDatabase(more["DATABASE_URL"], "contacts")
        project = JobProject(folder, sandbox.base_url, sandbox.api_key, more)
        drivers = 0
        if engine == "processes":
            killed = kill_plain_processes(project, sandbox, moments, kills)
        else:
            run = Kills(project, sandbox, store, moments)
            run.run(PROGRAMS[engine], kills, driver=driver)
            killed, drivers = run.workers, run.drivers
        unknown = check_calls(sandbox, folder, project.read("summary"), settled=settles)
        emit(
            f"{engine}{' on PostgreSQL' if on_postgres else ''}: {killed} workers and {drivers} drivers killed, "
            f"{CALLS:,} calls in {SHARDS} shards, {time.monotonic() - began:.0f} s: "
            f"none doubled, none missing, {unknown} unknown writes named"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=["processes", *PROGRAMS], default="processes")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--driver", action="store_true")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    main(given.engine, given.kills, given.seed, on_postgres=given.postgres, driver=given.driver)
