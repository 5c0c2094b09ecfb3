"""One kind of fan-out in a separate process: `python -m benchmarks.fan_out SHAPE CALLS`.

Prints the CPU microseconds per call and the peak memory of the process in MB. Every shape runs the same
calls against the same stub, 100 at once, and counts the results. Small numbers are repeated up to 50,000
calls in total, and the median is printed, because a run of a few milliseconds is easily disturbed.
"""

import asyncio
import gc
import sys
from collections.abc import Awaitable, Callable, Iterator
from statistics import median

import anyio
import msgspec

from benchmarks import machine
from benchmarks.payloads import ACTION, PARAMS, SLUG
from refold_async import ActionResult, Call, Done, RefoldError
from refold_async.batch import Batch, BatchSettings
from refold_async.batch.scheduler import QueuedCall
from refold_async.settle import Settle

_CONCURRENCY = 100
_WARM_UP = 1_000
_MIN_CALLS = 50_000


def _calls(number: int) -> Iterator[Call]:
    """Yield the same action for `number` accounts."""
    return (Call(f"account-{index}", SLUG, ACTION, PARAMS) for index in range(number))


async def _stub(call: Call) -> str:
    """Stand in for the service: yield to the event loop once, then return."""
    await asyncio.sleep(0)
    return call.linked_account_id


class _Counter:
    """A callback that counts results."""

    count = 0

    def __call__(self, _: Call, __: str) -> None:
        self.count += 1


async def _pool(number: int) -> int:
    """Hand-written worker pool: a shared iterator and a callback per result."""
    source, callback = _calls(number), _Counter()

    async def worker() -> None:
        for call in source:
            callback(call, await _stub(call))

    await asyncio.gather(*(worker() for _ in range(_CONCURRENCY)))
    return callback.count


_RESULT = ActionResult("Success", 200, msgspec.Raw(b"{}"))


class _StubRunner:
    """Calls the stub, without a rate limit."""

    base_url = "none"
    learnt_rate = None
    rate_limit = None
    key_pauses = None

    async def open(self) -> None:
        """No-op."""

    def close(self) -> None:
        """No-op."""

    def acquire(self, queued: QueuedCall) -> None:
        """No-op."""

    async def attempt(self, queued: QueuedCall) -> ActionResult:
        """Call the stub."""
        queued.attempts += 1
        await _stub(queued.call)
        return _RESULT

    def stop(self) -> None:
        """No-op."""

    def abandon(self, queued: QueuedCall, error: RefoldError) -> None:
        """No-op."""


async def _batch(number: int, settle: Settle | None = None) -> int:
    """`refold.batch` against the stub."""
    done = 0
    settings = BatchSettings(concurrency=_CONCURRENCY, settle=settle)
    async with Batch(_calls(number), _StubRunner(), settings) as outcomes:
        async for outcome in outcomes:
            done += isinstance(outcome, Done)
    return done


async def _settling_batch(number: int) -> int:
    """`refold.batch` that would settle, but has no unknown write."""
    return await _batch(number, Settle(lambda _: None))


async def _gather(number: int) -> int:
    """`gather` with a semaphore: one task per call, all created at once."""
    semaphore, callback = asyncio.Semaphore(_CONCURRENCY), _Counter()

    async def one(call: Call) -> None:
        async with semaphore:
            callback(call, await _stub(call))

    await asyncio.gather(*(one(call) for call in _calls(number)))
    return callback.count


async def _task_group(number: int) -> int:
    """anyio task group with a capacity limiter: one task per call."""
    limiter, callback = anyio.CapacityLimiter(_CONCURRENCY), _Counter()

    async def one(call: Call) -> None:
        async with limiter:
            callback(call, await _stub(call))

    async with anyio.create_task_group() as group:
        for call in _calls(number):
            group.start_soon(one, call)
    return callback.count


SHAPES: dict[str, Callable[[int], Awaitable[int]]] = {
    "pool": _pool,
    "batch": _batch,
    "settle": _settling_batch,
    "gather": _gather,
    "task-group": _task_group,
}


async def _measure(shape: str, number: int) -> float:
    run, times = SHAPES[shape], max(1, _MIN_CALLS // number)
    await run(_WARM_UP)
    costs = []
    for _ in range(times):
        gc.collect()
        before = machine.cpu_seconds()
        count = await run(number)
        costs.append((machine.cpu_seconds() - before) / number * 1e6)
        if count != number:
            raise RuntimeError(f"{shape}: {count} results for {number} calls")
    return median(costs)


def main(shape: str, number: str) -> None:
    """Measure in this fresh process."""
    machine.pin(machine.CLIENT_CORE)
    micros = asyncio.run(_measure(shape, int(number)))
    print(micros, machine.peak_megabytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
