"""A worker on a plain asyncio queue that stops cleanly: `python examples/worker_asyncio.py JOBS.jsonl`.

On SIGTERM it takes no more jobs, lets the calls under way end for some seconds, and gives back what was
surely not done. It calls the Refold that REFOLD_API_KEY and REFOLD_BASE_URL name.
"""

import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from jobs import Job, read_jobs, run_job, tell

from refold_async import Refold

WORKERS = 8
GRACE = 5.0

Queue = asyncio.Queue[Job | None]


async def feed(path: Path, queue: Queue) -> None:
    """Put all jobs into the queue, then one end marker per worker."""
    for job in read_jobs(path):
        await queue.put(job)
    for _ in range(WORKERS):
        await queue.put(None)


async def work(queue: Queue, refold: Refold, stopping: asyncio.Event) -> None:
    """Run jobs until the end marker; once the worker stops, give them back instead."""
    while (job := await queue.get()) is not None:
        tell(job, "given back" if stopping.is_set() else await run_job(refold, job))


async def close_when(stopping: asyncio.Event, refold: Refold) -> None:
    """Once the worker stops, let running calls finish for a while; the others fail with their fate."""
    await stopping.wait()
    await refold.aclose(drain=GRACE)


async def main(path: Path) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    with contextlib.suppress(NotImplementedError):  # event loops on Windows handle no signals
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
    queue: Queue = asyncio.Queue(maxsize=2 * WORKERS)
    async with Refold() as refold, asyncio.TaskGroup() as whole:
        whole.create_task(close_when(stopping, refold))
        async with asyncio.TaskGroup() as crew:
            crew.create_task(feed(path, queue))
            for _ in range(WORKERS):
                crew.create_task(work(queue, refold, stopping))
        stopping.set()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
