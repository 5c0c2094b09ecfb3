"""The job of `contacts_job.py` on Dask distributed: `python examples/worker_dask.py [SCHEDULER]`.

Without the address of a scheduler, e.g. tcp://scheduler:8786, it starts workers of its own. Kill any of them
with `kill -9`: Dask runs its shards again on another, and their journals make that safe. Kill this
program too, and run it again: it resumes where it was.
"""

import sys

import dask.config
from contacts_job import WORKERS, job, run_shard, service
from distributed import Client, LocalCluster, as_completed

# By default, Dask gives a shard up when four workers died with it, whether it caused that or not; `retries`
# counts exceptions only. A scheduler elsewhere needs that in its own configuration. The second is
# LocalCluster's: if a worker's restart took longer, it would go without that worker.
dask.config.set(
    {"distributed.scheduler.allowed-failures": 100, "distributed.deploy.lost-worker-timeout": "1 hour"}
)


def main(scheduler: str | None) -> int:
    # A thread per worker: a shard has an event loop of its own, so Dask's heartbeats go on beside it.
    cluster = scheduler or LocalCluster(n_workers=WORKERS, threads_per_worker=1, dashboard_address=":0")
    with Client(cluster) as client:
        # Not pure: Dask must not take an earlier run's result for this one's.
        futures = client.map(run_shard, job.shards(), pure=False, retries=5)
        for future in as_completed(futures, raise_errors=False):
            print(future.result() if future.status == "finished" else future.exception())
            print(job.progress(), flush=True)
    summary = job.summary()
    print(summary)
    return 0 if summary.complete else 1


if __name__ == "__main__":  # the workers import this file
    with service():
        code = main(sys.argv[1] if len(sys.argv) > 1 else None)
    raise SystemExit(code)
