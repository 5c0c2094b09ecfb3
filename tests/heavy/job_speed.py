"""A job on Dask beside four plain processes, in turns: `python -m tests.heavy.job_speed --rounds 5`.

Dask's workers are running when it begins, as those of a cluster are; plain processes start with the job.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

from .job_project import CALLS, SHARDS, JobProject, end_group
from .reporter import emit
from .sandbox_process import KEY, sandbox_process

_WORKERS = 4
_MOST = 1.15
_DASK = f"""
import importlib, os, sys, time
import contacts_job
from distributed import Client, LocalCluster

if __name__ == "__main__":
    began = time.monotonic()
    with LocalCluster(n_workers={_WORKERS}, threads_per_worker=1) as cluster, Client(cluster) as client:
        client.wait_for_workers({_WORKERS})
        print(time.monotonic() - began, flush=True)
        for line in sys.stdin:
            os.environ["JOB_JOURNAL"], os.environ["JOB_RESULTS"] = line.split()
            job = importlib.reload(contacts_job).job
            began = time.monotonic()
            reports = client.gather(client.map(job.run_sync, job.shards(), pure=False, retries=5))
            assert all(report.complete for report in reports)
            print(time.monotonic() - began, flush=True)
"""


def main(rounds: int) -> bool:
    plain: list[float] = []
    dask: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "dask_rounds.py").write_text(_DASK, encoding="utf-8")
        options = ["--accounts", "200", "--latency", "0.02"]
        with sandbox_process([], folder / "ledger", options=options) as base_url:
            project = JobProject(folder, base_url, KEY, {})
            cluster = project.start("dask_rounds.py")
            assert cluster.stdin is not None
            assert cluster.stdout is not None
            try:
                start = float(cluster.stdout.readline())
                for number in range(2 * rounds):
                    journal, results = str(folder / f"journal-{number}"), str(folder / f"results-{number}")
                    if number % 2:
                        cluster.stdin.write(f"{journal} {results}\n".encode())
                        cluster.stdin.flush()
                        dask.append(float(cluster.stdout.readline()))
                        continue
                    began = time.monotonic()
                    run = ["run", "contacts_job.py", "--workers", str(_WORKERS)]
                    process = project.start_job(*run, JOB_JOURNAL=journal, JOB_RESULTS=results)
                    process.communicate()
                    assert process.returncode == 0
                    plain.append(time.monotonic() - began)
            finally:
                end_group(cluster)
    ran, plainly = statistics.median(dask), statistics.median(plain)
    emit(
        f"{CALLS:,} calls in {SHARDS} shards, median of {rounds}: four plain processes {plainly:.1f} s; Dask "
        f"{ran:.1f} s, {ran / plainly:.2f} x, or with the start of its workers {(start + ran) / plainly:.2f} x"
    )
    return ran / plainly <= _MOST


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    raise SystemExit(0 if main(parser.parse_args().rounds) else 1)
