"""A worker on taskiq that stops cleanly: `python examples/worker_taskiq.py JOBS.jsonl`.

The broker here lives in memory. Put one of taskiq's others (Redis, NATS, RabbitMQ) in its place, and
`taskiq worker worker_taskiq:broker --max-async-tasks 8 --wait-tasks-timeout 10` does what `main` does.

taskiq-redis 1.2.4 loses the tasks of a worker that dies: its `ListQueueBroker` has no copy of what a worker
took, and its `RedisStreamBroker` looks for unacknowledged tasks only after it received a new one. Once
nothing new is enqueued, they stay where they are. For a job in shards, take an engine of `docs/jobs.md`.
"""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec
from jobs import Job, Outcome, read_jobs, run_job, tell
from taskiq import Context, InMemoryBroker, TaskiqDepends, TaskiqEvents, TaskiqState

from refold_async import Refold

AT_ONCE = 8
GRACE = 5.0

broker = InMemoryBroker()


@broker.on_event(TaskiqEvents.WORKER_STARTUP)
async def open_refold(state: TaskiqState) -> None:
    """One client for the whole worker: one pool, one rate limit."""
    state.refold = Refold()
    state.turns = asyncio.Semaphore(AT_ONCE)
    state.stopping = asyncio.Event()


@broker.on_event(TaskiqEvents.WORKER_SHUTDOWN)
async def close_refold(state: TaskiqState) -> None:
    """Let running calls finish for a while; the others fail with their fate."""
    await state.refold.aclose(drain=GRACE)


@broker.task
async def execute(fields: dict[str, Any], context: Context = TaskiqDepends()) -> Outcome:  # noqa: B008 - taskiq's way
    """Make one call and return the outcome of the job."""
    job, state = msgspec.convert(fields, Job), context.state
    async with state.turns:
        outcome: Outcome = "given back" if state.stopping.is_set() else await run_job(state.refold, job)
    tell(job, outcome)
    return outcome


async def main(path: Path) -> None:
    await broker.startup()
    stopping: asyncio.Event = broker.state.stopping
    with contextlib.suppress(NotImplementedError):  # event loops on Windows handle no signals
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    for job in read_jobs(path):
        await execute.kiq(msgspec.to_builtins(job))
    async with asyncio.TaskGroup() as group:
        all_told = group.create_task(broker.wait_all())
        all_told.add_done_callback(lambda _: stopping.set())
        await stopping.wait()
        await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
