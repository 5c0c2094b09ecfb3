"""The job of `contacts_job.py` as tasks of procrastinate; `worker_procrastinate.py` runs them."""

import os
import sys

from contacts_job import complete, job
from procrastinate import App, JobContext, PsycopgConnector, RetryStrategy

from refold_async import RefoldError

GRACE = float(os.environ.get("GRACE", "5"))
# A worker that was not heard of for this long is dead. More than GRACE: a worker that stops is silent.
STALLED_AFTER = float(os.environ.get("STALLED_AFTER", "30"))

app = App(
    connector=PsycopgConnector(conninfo=os.environ["DATABASE_URL"]),
    worker_defaults={
        "delete_jobs": "successful",
        "shutdown_graceful_timeout": GRACE,
        "update_heartbeat_interval": STALLED_AFTER / 3,
        "stalled_worker_timeout": STALLED_AFTER,
    },
)


# Attempts count a worker's death, too.
@app.task(queue="shards", retry=RetryStrategy(max_attempts=100, wait=10))
async def run_shard(shard: int) -> None:
    """Run a shard. It never blocks the worker's event loop for long, so heartbeats continue."""
    try:
        print(complete(await job.run(shard)), flush=True)
    except RefoldError as error:
        print(f"shard {shard}: {error}", file=sys.stderr, flush=True)  # procrastinate logs it at INFO only
        raise


@app.periodic(cron=f"* * * * * */{max(1, int(STALLED_AFTER / 3))}")
@app.task(queue="rescue", queueing_lock="rescue", pass_context=True)
async def rescue(context: JobContext, timestamp: int) -> None:  # noqa: ARG001 - procrastinate's way
    """Give the shards of dead workers back to the queue; procrastinate does not without this."""
    manager = context.app.job_manager
    for stalled in await manager.get_stalled_jobs(queue="shards", seconds_since_heartbeat=STALLED_AFTER):
        await manager.retry_job(stalled)
