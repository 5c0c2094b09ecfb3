"""A batch with or without a journal in a separate process: `python -m benchmarks.journal SHAPE CALLS`.

Prints the CPU microseconds per call, commits (each one `fsync`) per 1,000 calls, and the journal's bytes per
call. Calls run 100 at once against a stub that yields to the event loop once; outcomes are taken one by one,
so that delivery is included.
"""

import asyncio
import gc
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Final

import msgspec

from benchmarks import machine
from benchmarks.payloads import PARAMS, SLUG
from refold_async import ActionResult, Call, Done, RefoldError
from refold_async.batch import Batch, BatchSettings
from refold_async.batch.journal.group_commits import GroupCommits
from refold_async.batch.scheduler import QueuedCall

ACTIONS: Final = {"read": "get_contact", "write": "create_contact"}
_CONCURRENCY: Final = 100
_RUNS: Final = 3
_RESULT: Final = ActionResult(
    "Success", 200, msgspec.Raw(b'{"id": "1", "properties": {"email": "a@example.com"}}')
)


class _StubRunner:
    """Returns a small result after it has yielded to the event loop once; no rate limit."""

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
        """Return the result."""
        queued.attempts += 1
        await asyncio.sleep(0)
        return _RESULT

    def stop(self) -> None:
        """No-op."""

    def abandon(self, queued: QueuedCall, error: RefoldError) -> None:
        """No-op."""


async def _run(action: str, number: int, journal: Path | None) -> float:
    calls = (
        Call(f"account-{index}", SLUG, action, PARAMS, key=f"2026-11-28/{index}") for index in range(number)
    )
    settings = BatchSettings(concurrency=_CONCURRENCY, journal=journal)
    before, done = machine.cpu_seconds(), 0
    async with Batch(calls, _StubRunner(), settings) as outcomes:
        async for outcome in outcomes:
            done += isinstance(outcome, Done)
    if done != number:
        raise RuntimeError(f"{done} results for {number} calls")
    return (machine.cpu_seconds() - before) / number * 1e6


class _CommitCounter:
    """Counts the commits of all journals of this process."""

    def __init__(self) -> None:
        self.commits = 0
        commit = GroupCommits._commit

        def counted(group: GroupCommits) -> None:
            self.commits += 1
            commit(group)

        GroupCommits._commit = counted  # type: ignore[method-assign, assignment]


async def _measure(shape: str, number: int) -> tuple[float, float, float]:
    kind, _, journaled = shape.partition("-")
    counter, costs, size = _CommitCounter(), [], 0
    with tempfile.TemporaryDirectory() as folder:
        for run in range(_RUNS + 1):
            gc.collect()
            path = Path(folder) / f"{run}.sqlite" if journaled else None
            cost = await _run(ACTIONS[kind], number if run else number // 10, path)
            if not run:
                counter.commits = 0  # of the warm-up
            else:
                costs.append(cost)
                size += path.stat().st_size if path else 0
    per_thousand = counter.commits / (_RUNS * number) * 1000
    return median(costs), per_thousand, size / (_RUNS * number)


def main(shape: str, number: str) -> None:
    """Measure in this fresh process."""
    machine.pin(machine.CLIENT_CORE)
    print(*asyncio.run(_measure(shape, int(number))))


if __name__ == "__main__":
    main(*sys.argv[1:])
