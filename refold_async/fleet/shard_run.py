"""One run of a shard: a batch for each key, over one journal, into one series of parts."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Any, Final, NamedTuple, cast

from anyio.to_thread import run_sync as in_thread

from refold_async.batch import Batch, BatchOptions, BatchSummary, Journal
from refold_async.batch.journal.opened import OpenJournal
from refold_async.batch.tasks import run_shielded
from refold_async.calls import Call, Done, Outcome
from refold_async.client import Refold
from refold_async.errors import JournalInUseError
from refold_async.fleet.job_reports import ShardReport
from refold_async.fleet.parts import Parts
from refold_async.fleet.store import JobStore
from refold_async.settings import resolve_base_url

_WAIT: Final = 1.0
_PART_ROWS: Final = 1000


class KeyedCalls(NamedTuple):
    """The calls of one key in a shard.

    Attributes:
        settings: The settings of its client.
        calls: The calls.
    """

    settings: dict[str, Any]
    calls: Iterable[Call] | AsyncIterable[Call]


class ShardRun:
    """Runs the calls of a shard.

    Args:
        shard: The shard.
        store: Where its run is recorded.
        options: The settings of its batches.
        make_parts: Opens its result files, if it has any.
    """

    def __init__(
        self, shard: int, store: JobStore, options: BatchOptions, make_parts: Callable[[], Parts] | None
    ) -> None:
        self._shard: Final = shard
        self._store: Final = store
        self._options: Final = options
        self._make_parts: Final = make_parts
        self._writing: Final = asyncio.Lock()
        self._batches: Final[list[Batch]] = []
        self._parts: Parts | None = None
        self._stopped = False

    async def run(self, journal: Journal, sources: Sequence[KeyedCalls]) -> ShardReport:
        """Wait until the shard's journal is free, and run what is left.

        Raises:
            SettingsError: If the keys are of several services, or a call does not belong to the shard.
            JournalError: If the journal cannot be used.
        """
        began = asyncio.get_running_loop().time()
        if not sources:
            return await self._ended([], 0.0)
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(Refold(**each.settings)) for each in sources]
            opened = await _open_when_free(journal, resolve_base_url(sources[0].settings.get("base_url")))
            stack.push_async_callback(lambda: run_shielded(opened.aclose()))
            # Recorded and written only now: nobody else has the shard while its journal is ours.
            await in_thread(self._store.begin, self._shard, worker_name())
            if self._make_parts is not None:
                self._parts = await in_thread(self._make_parts)
            options = cast("BatchOptions", {**self._options, "journal": opened})
            results = await asyncio.gather(
                *(
                    self._run(client.batch(each.calls, **options))
                    for client, each in zip(clients, sources, strict=True)
                ),
                return_exceptions=True,
            )
            for result in results:
                if isinstance(result, BaseException):
                    raise result
            summaries = [result for result in results if isinstance(result, BatchSummary)]
            # Before the journal is released: a later run's report must not be replaced by this one.
            return await self._ended(summaries, asyncio.get_running_loop().time() - began)

    def stop(self) -> None:
        """Start nothing more: calls under way end and are reported, the others are skipped."""
        self._stopped = True
        for batch in self._batches:
            batch.stop()

    async def _run(self, batch: Batch) -> BatchSummary:
        """Run the calls of one key; unless their key is refused, stop the others when they stop."""
        goes_on = False
        try:
            async with batch:
                self._batches.append(batch)
                if self._stopped:
                    batch.stop()
                async for group in batch.groups(least=1 if self._parts is None else _PART_ROWS):
                    await self._write(group)
            goes_on = batch.summary.stopped in {None, "api_key_refused"}
        finally:
            if not goes_on:
                self.stop()
        return batch.summary

    async def _write(self, group: Sequence[Outcome]) -> None:
        if self._parts is None:
            return
        done = [each for each in group if isinstance(each, Done)]
        async with self._writing:
            await in_thread(self._parts.add, done)

    async def _ended(self, summaries: Sequence[BatchSummary], seconds: float) -> ShardReport:
        before = sum(each.reasons.get("done_before", 0) for each in summaries)
        report = ShardReport(
            shard=self._shard,
            done=sum(each.done for each in summaries),
            failed=sum(each.failed for each in summaries),
            done_before=before,
            skipped=sum(each.skipped for each in summaries) - before,
            seconds=seconds,
            worker=worker_name(),
            stopped=next((each.stopped for each in summaries if each.stopped), None),
        )
        await in_thread(self._store.end, report)
        return report


async def _open_when_free(journal: Journal, base_url: str) -> OpenJournal:
    while True:
        try:
            return await OpenJournal.open(journal, base_url)
        except JournalInUseError:
            await asyncio.sleep(_WAIT)


def worker_name() -> str:
    """Return what tells this process from others: its host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"
