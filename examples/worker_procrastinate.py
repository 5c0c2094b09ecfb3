"""The job of `contacts_job.py` on procrastinate: `python examples/worker_procrastinate.py`.

DATABASE_URL names a PostgreSQL; `python -m tests.services postgres` starts one to try it on. The program
queues each shard, starts JOB_WORKERS workers, starts another for each that dies, and gives the shards of dead
workers back to the queue, until none is left. For more machines, set JOB_JOURNAL to a PostgreSQL, too, and
run `python examples/worker_procrastinate.py worker` on each, under systemd or the like.
"""

import asyncio
import signal
import sys

from contacts_job import WORKERS, job, service
from contacts_tasks import app, run_shard


async def shards_left() -> list[object]:
    """Return the shards that wait, or that a worker runs or died with."""
    manager = app.job_manager
    queued = [await manager.list_jobs_async(queue="shards", status=status) for status in ("todo", "doing")]
    return [each.task_kwargs["shard"] for jobs in queued for each in jobs]


async def defer_shards() -> None:
    """Queue each shard, unless an earlier run of this program did."""
    if not await app.check_connection_async():
        await app.schema_manager.apply_schema_async()
    queued = await shards_left()
    for shard in [shard for shard in job.shards() if shard not in queued]:
        # Not with a `queueing_lock`: a shard that is queued again would keep `rescue` from giving it back.
        await run_shard.configure(lock=f"{job.name} {shard}").defer_async(shard=shard)


async def keep_worker() -> None:
    """Run a worker as a process, and another whenever it dies."""
    while True:
        process = await asyncio.create_subprocess_exec(sys.executable, __file__, "worker")
        try:
            await process.wait()
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()
        await asyncio.sleep(1)


async def supervise() -> int:
    this = asyncio.current_task()
    assert this is not None
    # The workers would live on without it: it stops them first.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, this.cancel)
    async with app.open_async(), asyncio.TaskGroup() as group:
        await defer_shards()
        # A worker of its own for `rescue`: those of shards may all be busy for hours.
        rescuer = app.run_worker_async(queues=["rescue"], install_signal_handlers=False)
        running = [group.create_task(rescuer), *(group.create_task(keep_worker()) for _ in range(WORKERS))]
        while await shards_left():  # noqa: ASYNC110 - the queue is in the database
            await asyncio.sleep(1)
        for task in running:
            task.cancel()
    summary = job.summary()
    print(summary)
    return 0 if summary.complete else 1


async def work() -> None:
    async with app.open_async():
        await app.run_worker_async(queues=["shards"])


if __name__ == "__main__":
    if sys.argv[1:] == ["worker"]:
        asyncio.run(work())
    else:
        with service():
            raise SystemExit(asyncio.run(supervise()))
