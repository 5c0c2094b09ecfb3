"""One run of a shard: wait until no other process runs it, and run its work with a client for each key."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Final, Generic, Protocol, TypeVar

from anyio.to_thread import run_sync as in_thread
from msgspec.structs import asdict

from refold_async.batch.tasks import run_shielded
from refold_async.calls import Reason
from refold_async.client import Refold
from refold_async.errors import JournalInUseError
from refold_async.fleet.job_reports import ShardReport, ShardTotals
from refold_async.fleet.keys import KeyGroup
from refold_async.fleet.store import JobStore
from refold_async.settings import resolve_base_url

_WAIT: Final = 1.0


class FanOut(AbstractAsyncContextManager[Any], Protocol):
    """A batch, or walks."""

    def stop(self) -> None:
        """Start nothing more."""


F = TypeVar("F", bound=FanOut)


class ShardWork(Protocol[F]):
    """What a shard consists of: calls or walks."""

    async def open(self, stack: AsyncExitStack, base_url: str, /) -> None:
        """Open what makes the shard resumable, until the stack is closed.

        Raises:
            JournalInUseError: If another run of the shard has it.
            JournalError: If it cannot be used.
        """

    async def begin(self, stack: AsyncExitStack, /) -> None:
        """Open the result files, which are ours now."""

    def fan_out(self, client: Refold, items: Any, /) -> F:
        """Return the batch or the walks of one key."""
        ...

    async def consume(self, running: F, /) -> Reason | None:
        """Write what comes to the result files, and return why it stopped early, if it did."""

    async def end(self, all_of_them: Sequence[F], /) -> ShardTotals:
        """Finish the result files, and return the totals."""
        ...


class ShardRun(Generic[F]):
    """Runs a shard.

    Args:
        shard: The shard.
        store: Where its run is recorded.
        work: What it consists of.
    """

    def __init__(self, shard: int, store: JobStore, work: ShardWork[F]) -> None:
        self._shard: Final = shard
        self._store: Final = store
        self._work: Final = work
        self._running: Final[list[F]] = []
        self._loop: Final = asyncio.get_running_loop()
        self._stopped = False

    async def run(self, sources: Sequence[KeyGroup]) -> ShardReport:
        """Wait until no other process runs the shard, and run what is left.

        Raises:
            SettingsError: If the keys are of several services, or an item does not belong to the shard.
            JournalInUseError: If it was stopped while somebody else runs the shard.
            JournalError: If the journal cannot be used.
        """
        if not sources:
            return await self._end(ShardTotals(), 0.0)
        async with AsyncExitStack() as stack:
            clients = [await stack.enter_async_context(Refold(**each.settings)) for each in sources]
            await self._open_when_free(stack, resolve_base_url(sources[0].settings.get("base_url")))
            clock = self._loop.time
            began = clock()
            # Also if it is cancelled, nothing is written any more once the journal is released.
            await run_shielded(in_thread(self._store.begin, self._shard, worker_name()))
            await self._work.begin(stack)
            each_key = [
                self._work.fan_out(client, each.items) for client, each in zip(clients, sources, strict=True)
            ]
            ended = await asyncio.gather(*map(self._run, each_key), return_exceptions=True)
            if errors := [error for error in ended if error is not None]:
                for other in errors[1:]:
                    errors[0].add_note(f"the calls of another key failed, too: {other!r}")
                raise errors[0]
            totals = await self._work.end(each_key)
            # Before the journal is released: a later run's report must not be replaced by this one.
            return await self._end(totals, clock() - began)

    def stop(self) -> None:
        """Start nothing more: calls under way end and are reported, the others are skipped."""
        self._stopped = True
        for running in self._running:
            running.stop()

    def stop_in(self, loop: asyncio.AbstractEventLoop) -> None:
        """Stop it if it runs in an event loop: another thread's would not notice."""
        if loop is self._loop:
            self.stop()

    async def _open_when_free(self, stack: AsyncExitStack, base_url: str) -> None:
        while True:
            try:
                return await self._work.open(stack, base_url)
            except JournalInUseError:
                if self._stopped:
                    raise
                await asyncio.sleep(_WAIT)

    async def _run(self, running: F) -> None:
        """Run the items of one key; unless their key is refused, stop the others when they stop."""
        goes_on = False
        try:
            async with running:
                self._running.append(running)
                if self._stopped:
                    running.stop()
                stopped = await self._work.consume(running)
            goes_on = stopped in {None, "api_key_refused"}
        finally:
            if not goes_on:
                self.stop()

    async def _end(self, totals: ShardTotals, seconds: float) -> ShardReport:
        report = ShardReport(shard=self._shard, seconds=seconds, worker=worker_name(), **asdict(totals))
        await run_shielded(in_thread(self._store.end, report))
        return report


def worker_name() -> str:
    """Return what identifies this process: its host and process id."""
    return f"{socket.gethostname()}:{os.getpid()}"
