"""A shard of walks: one fan-out for each key, over one state, into one folder of parts."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic
from typing import Any, Final

from anyio.to_thread import run_sync as in_thread

from refold_async.batch.figures import encode_figures
from refold_async.batch.merged_figures import merged
from refold_async.batch.tasks import run_shielded
from refold_async.calls import Reason
from refold_async.client import Refold
from refold_async.fleet.job_reports import ShardTotals
from refold_async.fleet.store import WalkStore
from refold_async.row_files import FileFormat
from refold_async.walks import WalkOptions, WalkPage, Walks
from refold_async.walks.files import PartFolder
from refold_async.walks.making import make_walks
from refold_async.walks.pull_files import PullFiles
from refold_async.walks.state import StateThread

_NOTE_INTERVAL: Final = 1.0


class ShardWalks:
    """The walks of a shard: a `ShardWork`.

    Args:
        shard: The shard.
        store: Where its state is, and its progress is noted, at most once a second: nobody else can read the
            state while it is in use.
        options: The settings of the walks.
        folder: The folder of the results.
        form: Their format.
    """

    def __init__(
        self, shard: int, store: WalkStore, options: WalkOptions, folder: Path, form: FileFormat
    ) -> None:
        self._shard: Final = shard
        self._store: Final = store
        self._options: Final = options
        self._folder: Final = folder
        self._form: Final = form
        self._noted = 0.0
        self._running: Final[list[Walks]] = []
        self._state: StateThread | None = None
        self._files: PullFiles | None = None

    async def open(self, stack: AsyncExitStack, base_url: str) -> None:
        """Open the state; see `ShardWork`."""
        # A job reads each customer once, so a run that has ended is continued.
        state = self._state = await StateThread.open(
            self._store.state(self._shard), base_url=base_url, once=True
        )
        stack.push_async_callback(lambda: run_shielded(state.aclose()))

    async def begin(self, stack: AsyncExitStack) -> None:
        """Open the files; see `ShardWork`."""
        assert self._state is not None  # noqa: S101 - it is open
        parts = PartFolder(self._folder, self._form, self._state.file)
        self._files = await stack.enter_async_context(PullFiles.open(self._state, parts))

    def fan_out(self, client: Refold, items: Any) -> Walks:
        """Return the walks of one key."""
        requester, settings = client._requester, client._sessions.settings  # noqa: SLF001 - see `Refold.walks`
        return make_walks(requester, settings, items, self._options, record=False, state=self._state)

    async def consume(self, running: Walks) -> Reason | None:
        """Write the pages."""
        assert self._files is not None  # noqa: S101 - they are open
        self._running.append(running)
        async for item in running:
            if isinstance(item, WalkPage):
                await self._files.write(running, item)
            if monotonic() - self._noted >= _NOTE_INTERVAL:
                self._noted = monotonic()
                totals = self._totals()
                await in_thread(
                    self._store.note, self._shard, totals.done + totals.done_before, totals.failed
                )
        return running.summary.calls.stopped

    async def end(self, all_of_them: Sequence[Walks]) -> ShardTotals:
        """Finish the files, and return the totals."""
        assert self._files is not None  # noqa: S101 - they are open
        await self._files.finish([walks.summary for walks in all_of_them])
        figures = merged("Walks", [walks.figures("Walks") for walks in all_of_them])
        await in_thread(self._store.keep_figures, self._shard, encode_figures(figures))
        return self._totals()

    def _totals(self) -> ShardTotals:
        each_key = [walks.summary for walks in self._running]
        before = sum(each.done_before for each in each_key)
        return ShardTotals(
            done=sum(each.complete for each in each_key) - before,
            failed=sum(each.failed + each.incomplete for each in each_key),
            done_before=before,
            skipped=sum(each.skipped for each in each_key),
            stopped=next((each.calls.stopped for each in each_key if each.calls.stopped), None),
        )
