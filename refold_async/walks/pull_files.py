"""Writes the pages of walks over one state into a folder of parts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec

from refold_async._core.json_lines import json_line
from refold_async._core.pydantic_types import adapter_of
from refold_async.batch.tasks import run_shielded
from refold_async.walks.fan_out import Walks
from refold_async.walks.files import PartFolder
from refold_async.walks.outcomes import WalkSummary
from refold_async.walks.state import StateThread
from refold_async.walks.walk import WalkPage


def _encoded(record: Any, kind: Any) -> bytes:
    adapter = adapter_of(kind)
    return json_line(record) if adapter is None else bytes(adapter.dump_json(record))


_TOTALS: Final = ("complete", "incomplete", "failed", "skipped", "restarted")


class PullFiles:
    """The files of walks that share a state; see `open`.

    Args:
        state: The state, open; the parts are written in its thread.
        parts: The folder of parts of that state.
    """

    def __init__(self, state: StateThread, parts: PartFolder) -> None:
        self._state: Final = state
        self._parts: Final = parts

    @classmethod
    @asynccontextmanager
    async def open(cls, state: StateThread, parts: PartFolder) -> AsyncIterator[PullFiles]:
        """Open the files, and finish or remove the last one at the end of the block."""
        await state.run(parts.clean)
        try:
            yield cls(state, parts)
        except asyncio.CancelledError:
            # What was read before Ctrl-C is kept: the next start need not read it again.
            await run_shielded(state.run(parts.close_part))
            raise
        finally:
            await state.run(parts.abandon)

    async def write(self, walks: Walks, page: WalkPage[Any]) -> None:
        """Write a page, which `walks` has just yielded."""
        parts, row, records = self._parts, walks.row_of(page), page.records
        if page.walk.into is not msgspec.Raw:
            records = [msgspec.Raw(_encoded(record, page.walk.into)) for record in records]
        assert row is not None  # noqa: S101 - there is a state
        account = page.walk.linked_account_id
        if page.restarted:
            await self._state.run(lambda: parts.restart(account, row.key))
        await self._state.run(lambda: parts.add(account, records, row))

    async def finish(self, summaries: Sequence[WalkSummary]) -> None:
        """Finish the last part, and record the end of the run unless walks stopped early."""
        parts, state = self._parts, self._state
        await state.run(parts.close_part)
        if all(each.calls.stopped is None for each in summaries):
            await state.run(state.file.end)
        totals = {name: sum(getattr(each, name) for each in summaries) for name in _TOTALS}
        complete = all(each.is_complete for each in summaries)
        await state.run(lambda: parts.write_manifest({"is_complete": complete, "walks": totals}))
