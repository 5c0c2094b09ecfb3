"""The job of `contacts_job.py` on procrastinate: `python examples/worker_procrastinate.py`.

DATABASE_URL names a PostgreSQL; `python -m tests.services postgres` starts one to try it on. The program
queues each shard, starts JOB_WORKERS workers, starts another for each that dies, and gives the shards of dead
workers back to the queue, until none is left. For more machines, set JOB_JOURNAL to a PostgreSQL, too, and
run `python examples/worker_procrastinate.py worker` on each, under systemd or the like.
"""

import asyncio
import signal
import sys
from contextlib import suppress

from contacts_job import WORKERS, job, service
from contacts_tasks import app, run_shard
from procrastinate.exceptions import AlreadyEnqueued


async def defer_shards() -> None:
    """Queue each shard once, however often this program is started."""
    if not await app.check_connection_async():
        await app.schema_manager.apply_schema_async()
    for shard in job.shards():
        name = f"{job.name} {shard}"
        with suppress(AlreadyEnqueued):
            await run_shard.configure(queueing_lock=name, lock=name).defer_async(shard=shard)


async def shards_left() -> bool:
    """Return whether a shard waits or is run."""
    for status in ("todo", "doing"):
        if list(await app.job_manager.list_jobs_async(queue="shards", status=status)):
            return True
    return False


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
