"""One shape of a fan-out in a process of its own: `python -m benchmarks.fan_out SHAPE CALLS`.

Prints the CPU microseconds of a call and the process's peak memory in MB. Every shape runs the same calls
against the same stub, 100 at once, and counts the answers. A small number is run again and again, as often as
makes 50,000 calls, and the median is given: a thousand calls take a few milliseconds, soon disturbed.
"""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Iterator
from statistics import median

import anyio

from benchmarks import machine
from benchmarks.payloads import ACTION, PARAMS, SLUG
from refold_async import Call, Done, RefoldError
from refold_async.batch import Batch, BatchSettings
from refold_async.batch.scheduler import QueuedCall

_CONCURRENCY = 100
_WARM_UP = 1_000
_ENOUGH = 50_000


def _calls(number: int) -> Iterator[Call]:
    """One action, for that many accounts."""
    return (Call(f"account-{index}", SLUG, ACTION, PARAMS) for index in range(number))


async def _stub(call: Call) -> str:
    """Stands for the service: lets the others go on once, as any answer does, and answers."""
    await asyncio.sleep(0)
    return call.linked_account_id


class _Count:
    """What hears of the answers."""

    heard = 0

    def __call__(self, _: Call, __: str) -> None:
        self.heard += 1


async def _pool(number: int) -> int:
    """A worker pool by hand: a shared iterator, and a callback for each answer."""
    source, callback = _calls(number), _Count()

    async def worker() -> None:
        for call in source:
            callback(call, await _stub(call))

    await asyncio.gather(*(worker() for _ in range(_CONCURRENCY)))
    return callback.heard


class _StubRunner:
    """Calls the stub in Refold's place, without a rate limit."""

    base_url = "none"

    async def open(self) -> None:
        """No-op."""

    def close(self) -> None:
        """No-op."""

    def acquire(self, queued: QueuedCall) -> None:
        """No-op."""

    async def attempt(self, queued: QueuedCall) -> str:
        """Answer the call."""
        queued.attempts += 1
        return await _stub(queued.call)

    def stop(self) -> None:
        """No-op."""

    def abandon(self, queued: QueuedCall, error: RefoldError) -> None:
        """No-op."""


async def _batch(number: int) -> int:
    """`refold.batch`, with the stub in Refold's place."""
    done = 0
    settings = BatchSettings(concurrency=_CONCURRENCY)
    async with Batch(_calls(number), _StubRunner(), settings) as outcomes:
        async for outcome in outcomes:
            done += isinstance(outcome, Done)
    return done


async def _gather(number: int) -> int:
    """`gather` with a semaphore: a task a call, all made at once."""
    semaphore, callback = asyncio.Semaphore(_CONCURRENCY), _Count()

    async def one(call: Call) -> None:
        async with semaphore:
            callback(call, await _stub(call))

    await asyncio.gather(*(one(call) for call in _calls(number)))
    return callback.heard


async def _task_group(number: int) -> int:
    """anyio's task group with a capacity limiter: a task a call."""
    limiter, callback = anyio.CapacityLimiter(_CONCURRENCY), _Count()

    async def one(call: Call) -> None:
        async with limiter:
            callback(call, await _stub(call))

    async with anyio.create_task_group() as group:
        for call in _calls(number):
            group.start_soon(one, call)
    return callback.heard


SHAPES: dict[str, Callable[[int], Awaitable[int]]] = {
    "pool": _pool,
    "batch": _batch,
    "gather": _gather,
    "task-group": _task_group,
}


async def _measure(shape: str, number: int) -> float:
    run, times = SHAPES[shape], max(1, _ENOUGH // number)
    await run(_WARM_UP)
    costs = []
    for _ in range(times):
        gc.collect()
        before = machine.cpu_seconds()
        heard = await run(number)
        costs.append((machine.cpu_seconds() - before) / number * 1e6)
        if heard != number:
            raise RuntimeError(f"{shape}: {heard} answers to {number} calls")
    return median(costs)


def main(shape: str, number: str) -> None:
    """Measure in this process, which has run nothing else."""
    machine.pin(machine.CLIENT_CORE)
    micros = asyncio.run(_measure(shape, int(number)))
    print(micros, machine.peak_megabytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
