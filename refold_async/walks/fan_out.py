"""Many walks at once, on the batch: fair queues, rate limits, retries, and a state to resume from."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import AsyncIterable, Awaitable, Callable, Collection, Mapping
from datetime import UTC, datetime
from itertools import islice
from math import inf
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NoReturn, Self

import msgspec

from refold_async._core.checks import check_mapping
from refold_async.batch import Batch, BatchProgress, BatchSettings, Done, Failed
from refold_async.batch.tasks import run_shielded
from refold_async.calls import Call, Outcome
from refold_async.errors import InvalidCallError, RefoldError, SettingsError
from refold_async.hooks import safely
from refold_async.walks.outcomes import (
    WalkCounters,
    WalkFailed,
    WalkItem,
    WalkProgress,
    WalkSettings,
    WalkSkipped,
    WalkSource,
    WalkSummary,
)
from refold_async.walks.page_calls import Opened, OpenWalk, PageCalls
from refold_async.walks.page_reader import PageReader
from refold_async.walks.position import ResumePoint
from refold_async.walks.state import StateThread, WalkRow, key_of
from refold_async.walks.walk import Walk, WalkPage, check_walk

if TYPE_CHECKING:
    from refold_async.batch.figures import RunFigures


class WalkClient(msgspec.Struct, frozen=True):
    """What walks need of a client.

    Attributes:
        base_url: Returns where the calls go.
        batch: Returns a batch over calls.
        names: Returns the names of the parameters of an action, for a customer.
    """

    base_url: Callable[[], Awaitable[str]]
    batch: Callable[[AsyncIterable[Call], BatchSettings], Batch]
    names: Callable[[str, str, str], Awaitable[Collection[str]]]


_BEGINNING: Final = ResumePoint().encode()


def _invalid(error: Exception) -> RefoldError:
    if isinstance(error, RefoldError):
        return error
    what = "linked_account_id or params" if isinstance(error, ValueError) else "params"
    return InvalidCallError(f"{what}: {error}")


class Walks:
    """Running walks: made by `Refold.walks`, entered with `async with`, iterated for pages.

    Pages come as they are read, those of one walk in their order; a slow consumer slows the walks. With a
    state, a page counts as delivered when the next item is asked for, or the block is left without an error.

    Args:
        walks: The walks.
        client: Makes the calls.
        settings: The settings of the walks.
        batch: The settings of the batch, those of `window` and `on_progress` aside.
        record: Whether delivered pages are recorded in the state; else the caller does so.
        state: An open state that other walks use, too, and the caller closes; default: that of the settings.
    """

    def __init__(
        self,
        walks: WalkSource,
        client: WalkClient,
        settings: WalkSettings,
        batch: BatchSettings,
        *,
        record: bool = True,
        state: StateThread | None = None,
    ) -> None:
        self._client: Final = client
        self._settings: Final = settings
        self._record: Final = record
        self._names: dict[tuple[str, str], Collection[str]] = {}
        self._counters: Final = WalkCounters()
        self._wake = asyncio.Event()
        self._calls: Final = PageCalls(walks, self._begin, batch.window, self._wake)
        report = None if settings.on_progress is None else self._report
        self._batch: Final = client.batch(
            self._calls, msgspec.structs.replace(batch, window=10_000, on_progress=report)
        )
        self._getting: asyncio.Future[Outcome] | None = None
        self._later: deque[WalkItem] = deque()
        self._delivered: WalkRow | None = None
        self._is_entered = self._over = False
        self._owns_state: Final = state is None
        self.state = state

    def __repr__(self) -> str:
        counters = self._counters
        return f"Walks({counters.pages} pages, {counters.records} records, {counters.complete} complete)"

    async def __aenter__(self) -> Self:
        if self._settings.state is not None and self.state is None:
            self.state = await StateThread.open(
                self._settings.state, base_url=await self._client.base_url(), once=self._settings.once
            )
        try:
            await self._batch.__aenter__()
        except BaseException:
            await run_shielded(self._close())
            raise
        self._is_entered = True
        return self

    if not TYPE_CHECKING:  # type checkers report this use themselves

        def __await__(self) -> NoReturn:
            raise TypeError("walks are not awaitable; use `async with refold.walks(...) as pages`")

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self._count_delivered()
        finally:
            await self._leave(kind, error, trace)

    async def _leave(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._getting is not None:
                self._getting.cancel()
                await asyncio.wait([self._getting])
                # An error that nobody retrieves would be logged when the future is collected.
                if not self._getting.cancelled():
                    self._getting.exception()
            await self._batch.__aexit__(kind, error, trace)
        finally:
            await run_shielded(self._close())

    async def _close(self) -> None:
        try:
            await self._calls.aclose()
        finally:
            if self.state is not None and self._owns_state:
                await self.state.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> WalkItem:
        if not self._is_entered:
            raise SettingsError("enter the walks first: `async with refold.walks(...) as pages:`")
        self._count_delivered()
        item = await self._next_item()
        self._counters.add(item)
        if isinstance(item, WalkPage):
            self._delivered = self.row_of(item)
        return item

    def row_of(self, page: WalkPage[Any]) -> WalkRow | None:
        """Return what the state records once a page is delivered."""
        if self.state is None:
            return None
        file, key = self.state.file, key_of(page.walk)
        if self._later and isinstance(failed := self._later[0], WalkFailed) and failed.walk is page.walk:
            # Rows that are in files already must not be read again behind them: the walk begins again.
            resume = getattr(failed.error, "resume", None) if self._record else _BEGINNING
            return WalkRow(key, file.run, resume or page.resume)
        if page.cursor is not None:
            return WalkRow(key, file.run, page.resume)
        return WalkRow(key, file.run, None, file.started - self._settings.overlap)

    def stop(self) -> None:
        """Start nothing more: pages under way are delivered, open walks are skipped."""
        self._batch.stop()

    @property
    def entered(self) -> bool:
        """Whether they were entered, so that they have a summary."""
        return self._is_entered

    @property
    def summary(self) -> WalkSummary:
        """The totals so far, or at the end."""
        counters, calls = self._counters, self._batch.summary
        return WalkSummary(**vars(counters), seconds=calls.seconds, calls=calls)

    async def write_report(self, path: str | os.PathLike[str], *, title: str = "Walks") -> None:
        """Write a report of the pages read so far to a file, as `Batch.write_report` does of calls.

        Raises:
            SettingsError: If the path ends in neither `.html` nor `.json`.
            OSError: If the file cannot be written.
        """
        await self._batch.write_report(path, title=title)

    def figures(self, title: str) -> RunFigures:
        """Return the figures of the pages read so far, for a report with a title."""
        return self._batch.figures(title)

    @property
    def progress(self) -> WalkProgress:
        """The progress so far."""
        counters, now = self._counters, asyncio.get_running_loop().time()
        slowest = [(each.walk.linked_account_id, now - each.since) for each in islice(self._calls.open, 3)]
        return WalkProgress(
            pages=counters.pages,
            records=counters.records,
            complete=counters.complete,
            failed=counters.failed + counters.incomplete,
            skipped=counters.skipped,
            open=len(self._calls.open),
            total=self._calls.total,
            slowest=tuple(slowest),
            calls=self._batch.progress,
        )

    def _report(self, _: BatchProgress) -> None:
        if self._settings.on_progress is not None:
            safely(self._settings.on_progress, self.progress)

    def _count_delivered(self) -> None:
        row, self._delivered = self._delivered, None
        if self.state is not None and self._record:
            self.state.check()
            if row is not None:
                self.state.put(row)

    async def _next_item(self) -> WalkItem:
        while True:
            if self._later:
                return self._later.popleft()
            if (ended := self._calls.pop_ended()) is not None:
                return ended
            if self._over:
                raise StopAsyncIteration
            try:
                outcome = await self._next_outcome()
            except StopAsyncIteration:
                await self._end()
                continue
            if outcome is not None and (item := await self._item_of(outcome)) is not None:
                return item

    async def _next_outcome(self) -> Outcome | None:
        """Wait for an outcome; returns `None` if a walk ended without a call meanwhile."""
        if self._getting is None and self._calls.open:
            # An open walk has an outcome to come: no task is needed to wait for something else beside it.
            return await anext(self._batch)
        if self._getting is None:
            self._getting = asyncio.ensure_future(anext(self._batch))
            self._getting.add_done_callback(lambda _: self._wake.set())
        await self._wake.wait()
        self._wake.clear()
        if not self._getting.done():
            return None
        done, self._getting = self._getting, None
        return done.result()

    async def _end(self) -> None:
        """Deliver what is left: walks between two pages when the batch stopped."""
        self._over = True
        reason = self._batch.summary.stopped
        self._later.extend(WalkSkipped(each.walk, reason or "stopped") for each in self._calls.open)
        if self.state is not None and reason is None and self._record:
            await self.state.flush()
            await self.state.run(self.state.file.end)

    async def _begin(self, walk: Walk) -> Opened:
        """Open a walk where the state says."""
        try:
            check_walk(walk)
            if walk.timeout is not None:
                raise InvalidCallError(
                    "timeout of a Walk counts in account.actions.walk alone: pass timeout= to refold.walks"
                )
            if self.state is None:
                if walk.since is not None:
                    raise InvalidCallError("since needs a state, which keeps the mark")
                return OpenWalk(walk, "", self._reader(walk, None, None), resumed=False)
            key = key_of(walk)
        except (RefoldError, TypeError, ValueError) as error:
            return WalkFailed(walk, _invalid(error))
        if any(each.key == key for each in self._calls.open):
            return WalkSkipped(walk, "duplicate_key")
        state = self.state
        row = await state.run(lambda: state.file.look(key))
        resumed = row is not None and row.run == state.file.run
        if row is not None and resumed and row.point is None:
            return WalkSkipped(walk, "done_before")
        point = ResumePoint.decode(row.point) if row is not None and resumed and row.point else None
        try:
            reader = self._reader(walk, point, row)
        except InvalidCallError as error:
            return WalkFailed(walk, error)
        opened = OpenWalk(walk, key, reader, resumed=bool(point and point.page_count))
        opened.restarts = resumed and row is not None and row.point == _BEGINNING
        return opened

    def _reader(self, walk: Walk, point: ResumePoint | None, row: WalkRow | None) -> PageReader:
        params: Mapping[str, object] = walk.params or {}
        # A mark behind the start of this run is of a clock that was ahead: changes would be missed.
        started = inf if self.state is None else self.state.file.started
        if walk.since is not None and row is not None and row.mark is not None and row.mark <= started:
            changed = walk.since(datetime.fromtimestamp(row.mark, UTC))
            params = {**params, **check_mapping("what since returns", changed)}
        return PageReader(walk, lambda: self._names_of(walk), point, params)

    async def _names_of(self, walk: Walk) -> Collection[str]:
        action = walk.slug, walk.action_id
        if action not in self._names:
            self._names[action] = await self._client.names(walk.linked_account_id, *action)
        return self._names[action]

    async def _item_of(self, outcome: Outcome) -> WalkItem | None:
        """Return what an outcome is for the consumer; `None` if it is nothing new."""
        open_walk = self._calls.take(outcome.index)
        walk, reader = open_walk.walk, open_walk.reader
        if isinstance(outcome, Done):
            try:
                return await self._page_of(open_walk, outcome)
            except RefoldError as error:
                return self._failed(open_walk, error)
        if isinstance(outcome, Failed):
            refusal = reader.refused(outcome.error)
            if refusal is not None and open_walk.resumed:
                # The cursor of an earlier start has expired: begin again, once.
                self._restart(open_walk)
                return None
            return self._failed(open_walk, refusal or outcome.error)
        self._calls.close(open_walk)
        return WalkSkipped(walk, outcome.reason)

    def _restart(self, open_walk: OpenWalk) -> None:
        walk, base = open_walk.walk, open_walk.reader.base
        open_walk.reader = PageReader(walk, lambda: self._names_of(walk), ResumePoint(), base)
        open_walk.resumed, open_walk.restarts = False, True
        self._calls.go_on(open_walk)

    async def _page_of(self, open_walk: OpenWalk, outcome: Done) -> WalkPage[Any] | None:
        reader = open_walk.reader
        page = await reader.read(outcome.result)
        open_walk.resumed = False
        if page is None:
            self._calls.go_on(open_walk)
            return None
        if open_walk.restarts:
            open_walk.restarts = False
            page = msgspec.structs.replace(page, restarted=True)
        if reader.error is not None:
            self._later.append(self._failed(open_walk, reader.error))
        elif reader.ended:
            self._calls.close(open_walk)
            self._counters.complete += 1
        else:
            # Asked for before this page is delivered: the consumer's work does not delay the call.
            self._calls.go_on(open_walk)
        return page

    def _failed(self, open_walk: OpenWalk, error: RefoldError) -> WalkFailed:
        self._calls.close(open_walk)
        point = open_walk.reader.point
        return WalkFailed(open_walk.walk, error, point.record_count, point.page_count)
