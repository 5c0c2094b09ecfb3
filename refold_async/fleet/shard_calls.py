"""A shard of calls: a batch for each key, over one journal, into one series of parts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, Final, cast

from anyio.to_thread import run_sync as in_thread

from refold_async.batch import Batch, BatchOptions, Journal
from refold_async.batch.journal.opened import OpenJournal
from refold_async.batch.tasks import run_shielded
from refold_async.calls import Done, Reason
from refold_async.client import Refold
from refold_async.fleet.job_reports import ShardTotals
from refold_async.fleet.parts import Parts

_PART_ROWS: Final = 1000
_PART_SECONDS: Final = 30.0
_PART_BYTES: Final = 2**26


class ShardCalls:
    """The calls of a shard: a `ShardWork`.

    Args:
        journal: The setting of its journal.
        options: The settings of its batches.
        make_parts: Opens its result files, if it has any.
    """

    def __init__(
        self, journal: Journal, options: BatchOptions, make_parts: Callable[..., Parts] | None
    ) -> None:
        self._journal: Final = journal
        self._options: Final = options
        self._make_parts: Final = make_parts
        self._writing: Final = asyncio.Lock()
        self._parts: Parts | None = None
        self._opened: OpenJournal | None = None

    async def open(self, stack: AsyncExitStack, base_url: str) -> None:
        """Open the journal; see `ShardWork`."""
        opened = self._opened = await OpenJournal.open(self._journal, base_url)
        stack.push_async_callback(lambda: run_shielded(opened.aclose()))

    async def begin(self, _: AsyncExitStack) -> None:
        """Open the parts; see `ShardWork`."""
        if self._make_parts is not None:
            await run_shielded(self._open_parts(self._make_parts))

    async def _open_parts(self, make_parts: Callable[..., Parts]) -> None:
        assert self._opened is not None  # noqa: S101 - opened before
        make = partial(make_parts, recorded=await self._opened.parts(), run=self._opened.store.run)
        self._parts = await in_thread(make)

    def fan_out(self, client: Refold, items: Any) -> Batch:
        """Return the batch of one key."""
        return client.batch(items, **cast("BatchOptions", {**self._options, "journal": self._opened}))

    async def consume(self, running: Batch) -> Reason | None:
        """Write the results; a group is on disk before the next one is asked for, which delivers it."""
        parts = self._parts
        least = 1 if parts is None else _PART_ROWS
        async for group in running.groups(least=least, within=_PART_SECONDS, size=_PART_BYTES):
            if parts is not None:
                done = [each for each in group if isinstance(each, Done)]
                async with self._writing:
                    # To its end, also if it is cancelled: the next run may write a file of the same name.
                    await run_shielded(self._write(parts, done))
        return running.summary.stopped

    async def _write(self, parts: Parts, done: Sequence[Done]) -> None:
        assert self._opened is not None  # noqa: S101 - opened before
        if (name := await in_thread(parts.add, done)) is not None:
            await self._opened.add_part(name)

    async def end(self, all_of_them: Sequence[Batch]) -> ShardTotals:
        """Return the totals."""
        each_key = [batch.summary for batch in all_of_them]
        before = sum(each.reasons.get("done_before", 0) for each in each_key)
        return ShardTotals(
            done=sum(each.done for each in each_key),
            failed=sum(each.failed for each in each_key),
            done_before=before,
            skipped=sum(each.skipped for each in each_key) - before,
            stopped=next((each.stopped for each in each_key if each.stopped), None),
        )
