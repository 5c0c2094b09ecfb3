"""Many walks at once, on the batch: fair queues, rate limits, retries, and a state to resume from."""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Collection,
    Generator,
    Iterable,
    Mapping,
    Sized,
)
from datetime import UTC, datetime
from itertools import islice
from types import TracebackType
from typing import Any, Final, Literal, Self, TypedDict

import msgspec

from refold_async._core.checks import is_number
from refold_async._core.requester import Requester
from refold_async.api.actions import Actions
from refold_async.batch import Batch, BatchProgress, BatchSettings, BatchSummary, Done, Failed, PerAccount
from refold_async.batch.runner import ExecuteRunner
from refold_async.batch.tasks import run_shielded
from refold_async.calls import Call, Outcome, Reason
from refold_async.errors import IncompleteWalkError, InvalidCallError, RefoldError, SettingsError
from refold_async.hooks import listening, safely
from refold_async.settings import RateLimit, Settings
from refold_async.walks.pages import PageReader, Walk, WalkPage, check_walk, names_of
from refold_async.walks.position import ResumePoint
from refold_async.walks.state import StateThread, WalkRow, key_of

WalkSource = Iterable[Walk] | AsyncIterable[Walk]


class WalkFailed(msgspec.Struct, frozen=True):
    """A walk ended early.

    Attributes:
        walk: The walk.
        error: Why; an `IncompleteWalkError` if there is more that cannot be read.
        record_count: The number of records on its pages before.
        page_count: The number of those pages.
    """

    walk: Walk
    error: RefoldError
    record_count: int = 0
    page_count: int = 0


class WalkSkipped(msgspec.Struct, frozen=True):
    """A walk was not begun, or not continued.

    Attributes:
        walk: The walk.
        reason: Why; `done_before` if it is complete since an earlier start of this run.
    """

    walk: Walk
    reason: Reason


WalkItem = WalkPage[Any] | WalkFailed | WalkSkipped


class WalkSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The totals of walks. Its `str` is a short report.

    Attributes:
        pages: Pages delivered.
        records: Records on them.
        complete: Walks that were read to their end, before as well.
        done_before: Those of them that were complete before this start.
        incomplete: Walks with an `IncompleteWalkError`.
        failed: Walks that ended with another error.
        skipped: Walks that were not begun or not continued.
        restarted: Walks that began again because their cursor had expired.
        seconds: Seconds since the start.
        calls: The totals of the calls.
    """

    pages: int
    records: int
    complete: int
    done_before: int
    incomplete: int
    failed: int
    skipped: int
    restarted: int
    seconds: float
    calls: BatchSummary

    @property
    def is_complete(self) -> bool:
        """Whether every walk was read to its end."""
        return not (self.incomplete or self.failed or self.skipped or self.calls.stopped)

    def __str__(self) -> str:
        speed = self.records / self.seconds if self.seconds else 0.0
        parts = [f"{self.complete:,} complete", f"{self.incomplete:,} incomplete", f"{self.failed:,} failed"]
        parts += [f"{self.skipped:,} skipped"]
        lines = [
            ", ".join(parts),
            f"{self.records:,} records on {self.pages:,} pages, {self.seconds:.1f} s, {speed:,.0f} records/s",
        ]
        if self.done_before:
            lines.append(f"complete before: {self.done_before:,}")
        if self.restarted:
            lines.append(f"began again after their cursors had expired: {self.restarted:,}")
        return "\n".join(lines)


class WalkProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of walks, as passed to `on_progress`.

    Attributes:
        pages: Pages delivered.
        records: Records on them.
        complete: Walks that are complete.
        failed: Walks that failed or are incomplete.
        skipped: Walks that were skipped.
        open: Walks that have begun and not ended.
        total: The number of walks, if it is known.
        slowest: The customers whose open walks began first, with the seconds since.
        calls: The progress of the calls: what is under way, and what is held back.
    """

    pages: int
    records: int
    complete: int
    failed: int
    skipped: int
    open: int
    total: int | None
    slowest: tuple[tuple[str, float], ...]
    calls: BatchProgress


class WalkOptions(TypedDict, total=False):
    """The keyword settings of `Refold.walks`.

    Keys:
        concurrency, per_account, timeout, patience, on_failure, stop_at_failure_share: As in `BatchOptions`;
            a page is a call. A walk's own `timeout` is not used.
        window: Maximum number of walks that have begun and not ended; default 10,000.
        state: A path to the file that makes the walks resumable; default: none.
        once: Continue the last run of the state even if it has ended, instead of beginning a new one.
        overlap: Seconds by which a mark for `since` lies before the start of its run; default 60.
        on_progress: Called with a `WalkProgress` four times a second, and at the end.
    """

    concurrency: int
    per_account: int | RateLimit | PerAccount | None
    timeout: float | None
    patience: float
    on_failure: Literal["collect", "stop"]
    stop_at_failure_share: float | None
    window: int
    state: str | os.PathLike[str] | None
    once: bool
    overlap: float
    on_progress: Callable[[WalkProgress], object] | None


class _OpenWalk:
    """A walk that has begun.

    Attributes:
        walk: The walk.
        key: What identifies it in the state.
        reader: Reads its answers.
        resumed: Whether its next page is the first since it was resumed from a state.
        restarts: Whether its next page begins it again.
        since: When it began, by the event loop's clock.
    """

    __slots__ = ("key", "reader", "restarts", "resumed", "since", "walk")

    def __init__(self, walk: Walk, key: str, reader: PageReader, *, resumed: bool) -> None:
        self.walk = walk
        self.key = key
        self.reader = reader
        self.resumed = resumed
        self.restarts = False
        self.since = asyncio.get_running_loop().time()


Opened = _OpenWalk | WalkFailed | WalkSkipped

_MOST_ENDED: Final = 1000
"""Walks without a call that wait for the consumer, before no more are read."""


class _PageCalls(AsyncIterable[Call]):
    """The input of the batch: the next pages of open walks, or the first one of a new walk.

    Args:
        walks: The walks.
        begin: Returns a new walk opened, or why it is not.
        most: How many walks may be open.
        wake: Set when a walk has ended without a call.

    Attributes:
        total: The number of walks, if they know it.
        open: The open walks, in the order in which they began.
    """

    def __init__(
        self,
        walks: WalkSource,
        begin: Callable[[Walk], Awaitable[Opened]],
        most: int,
        wake: asyncio.Event,
    ) -> None:
        if not isinstance(walks, AsyncIterable | Iterable):
            raise SettingsError(f"walks must be an iterable of Walk, not {type(walks).__name__}")
        self._walks: Final = walks
        self._sync = iter(walks) if isinstance(walks, Iterable) else None
        self._async = aiter(walks) if isinstance(walks, AsyncIterable) else None
        self._begin: Final = begin
        self._most: Final = most
        self._wake: Final = wake
        self._next: deque[_OpenWalk] = deque()
        self._called: dict[int, _OpenWalk] = {}
        self._count = 0
        self._reading: asyncio.Future[Walk] | None = None
        self._exhausted = False
        self._changed = asyncio.Event()
        self.total = len(walks) if isinstance(walks, Sized) else None
        self.open: dict[_OpenWalk, None] = {}
        self._ended: deque[WalkFailed | WalkSkipped] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Call:
        while not self._next:
            self._changed.clear()
            if self._exhausted and not self.open:
                raise StopAsyncIteration
            full = len(self.open) >= self._most or len(self._ended) >= _MOST_ENDED
            if self._exhausted or full or not await self._open_one():
                await self._changed.wait()
        open_walk = self._next.popleft()
        self._called[self._count] = open_walk
        self._count += 1
        walk = open_walk.walk
        return Call(walk.linked_account_id, walk.slug, walk.action_id, open_walk.reader.params, effect="read")

    def take(self, index: int) -> _OpenWalk:
        """Return the walk of a call that has ended."""
        return self._called.pop(index)

    def pop_ended(self) -> WalkFailed | WalkSkipped | None:
        """Return a walk that ended without a call, if there is one."""
        self._changed.set()
        return self._ended.popleft() if self._ended else None

    def go_on(self, open_walk: _OpenWalk) -> None:
        """Ask for a walk's next page."""
        self._next.append(open_walk)
        self._changed.set()

    def close(self, open_walk: _OpenWalk) -> None:
        """Forget a walk that has ended."""
        self.open.pop(open_walk, None)
        self._changed.set()

    async def aclose(self) -> None:
        """Close the input if it is a generator: nothing else can resume it."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
            if not self._reading.cancelled():
                self._reading.exception()
        if isinstance(self._async, AsyncGenerator):
            await self._async.aclose()
        if isinstance(self._sync, Generator):
            self._sync.close()

    async def _open_one(self) -> bool:
        """Begin a walk, if the input has one now."""
        try:
            walk = next(self._sync) if self._sync is not None else self._read_now()
        except (StopIteration, StopAsyncIteration):
            self._exhausted = True
            return True
        if walk is None:
            return False
        if not isinstance(walk, Walk):
            raise InvalidCallError(f"the input must yield Walk, not {type(walk).__name__}")
        opened = await self._begin(walk)
        if isinstance(opened, _OpenWalk):
            self.open[opened] = None
            self._next.append(opened)
        else:
            self._ended.append(opened)
            self._wake.set()
        return True

    def _read_now(self) -> Walk | None:
        """Return the next walk of an asynchronous input if it is there, and wait for it beside the pages."""
        assert self._async is not None  # noqa: S101 - for the type checker
        if self._reading is None:
            self._reading = asyncio.ensure_future(anext(self._async))
            self._reading.add_done_callback(lambda _: self._changed.set())
        if not self._reading.done():
            return None
        done, self._reading = self._reading, None
        return done.result()


class _WalkCounters:
    """Counts items as they are delivered."""

    def __init__(self) -> None:
        self.pages = self.records = self.complete = self.done_before = 0
        self.incomplete = self.failed = self.skipped = self.restarted = 0

    def add(self, item: WalkItem) -> None:
        """Count an item."""
        if isinstance(item, WalkPage):
            self.pages += 1
            self.records += len(item.records)
            self.restarted += item.restarted
        elif isinstance(item, WalkFailed):
            incomplete = isinstance(item.error, IncompleteWalkError)
            self.incomplete += incomplete
            self.failed += not incomplete
        elif item.reason == "done_before":
            self.done_before += 1
            self.complete += 1
        else:
            self.skipped += 1


class WalkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of walks that are not the batch's; see `WalkOptions`.

    Raises:
        SettingsError: If a setting is invalid.
    """

    state: str | os.PathLike[str] | None = None
    once: bool = False
    overlap: float = 60.0
    on_progress: Callable[[WalkProgress], object] | None = None

    def __post_init__(self) -> None:
        """Validate the settings."""
        given = self.state
        if given is not None and not (isinstance(given, str | os.PathLike) and os.fspath(given)):
            raise SettingsError(f"state must be a path, not {self.state!r}")
        if not (is_number(self.overlap) and self.overlap >= 0):
            raise SettingsError(f"overlap must be a number of seconds, not {self.overlap!r}")
        if self.on_progress is not None and not callable(self.on_progress):
            raise SettingsError(f"on_progress must be callable, not {type(self.on_progress).__name__}")


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
    """

    def __init__(
        self,
        walks: WalkSource,
        client: WalkClient,
        settings: WalkSettings,
        batch: BatchSettings,
        *,
        record: bool = True,
    ) -> None:
        self._client: Final = client
        self._settings: Final = settings
        self._record: Final = record
        self._names: dict[tuple[str, str], Collection[str]] = {}
        self._counters: Final = _WalkCounters()
        self._wake = asyncio.Event()
        self._calls: Final = _PageCalls(walks, self._begin, batch.window, self._wake)
        report = None if settings.on_progress is None else self._report
        self._batch: Final = client.batch(
            self._calls, msgspec.structs.replace(batch, window=10_000, on_progress=report)
        )
        self._getting: asyncio.Future[Outcome] | None = None
        self._later: deque[WalkItem] = deque()
        self._delivered: WalkRow | None = None
        self._over = False
        self.state: StateThread | None = None

    def __repr__(self) -> str:
        counters = self._counters
        return f"Walks({counters.pages} pages, {counters.records} records, {counters.complete} complete)"

    async def __aenter__(self) -> Self:
        if self._settings.state is not None:
            self.state = await StateThread.open(
                self._settings.state, base_url=await self._client.base_url(), once=self._settings.once
            )
        try:
            await self._batch.__aenter__()
        except BaseException:
            await run_shielded(self._close())
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._count_delivered()
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
            if self.state is not None:
                await self.state.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> WalkItem:
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
            return WalkRow(key, file.run, getattr(failed.error, "resume", None) or page.resume)
        if page.cursor is not None:
            return WalkRow(key, file.run, page.resume)
        return WalkRow(key, file.run, None, file.started - self._settings.overlap)

    def stop(self) -> None:
        """Start nothing more: pages under way are delivered, open walks are skipped."""
        self._batch.stop()

    @property
    def summary(self) -> WalkSummary:
        """The totals so far, or at the end."""
        counters, calls = self._counters, self._batch.summary
        return WalkSummary(**vars(counters), seconds=calls.seconds, calls=calls)

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
            if self.state is None:
                if walk.since is not None:
                    raise InvalidCallError("since needs a state, which keeps the mark")
                return _OpenWalk(walk, "", self._reader(walk, None, None), resumed=False)
            key = key_of(walk)
        except (RefoldError, TypeError) as error:
            failure = error if isinstance(error, RefoldError) else InvalidCallError(f"params: {error}")
            return WalkFailed(walk, failure)
        if any(each.key == key for each in self._calls.open):
            return WalkSkipped(walk, "duplicate_key")
        state = self.state
        row = await state.run(lambda: state.file.look(key))
        resumed = row is not None and row.run == state.file.run
        if row is not None and resumed and row.point is None:
            return WalkSkipped(walk, "done_before")
        point = ResumePoint.decode(row.point) if row is not None and resumed and row.point else None
        return _OpenWalk(walk, key, self._reader(walk, point, row), resumed=bool(point and point.page_count))

    def _reader(self, walk: Walk, point: ResumePoint | None, row: WalkRow | None) -> PageReader:
        params: Mapping[str, object] = walk.params or {}
        if walk.since is not None and row is not None and row.mark is not None:
            params = {**params, **walk.since(datetime.fromtimestamp(row.mark, UTC))}
        return PageReader(walk, lambda: self._names_of(walk), point, params)

    async def _names_of(self, walk: Walk) -> Collection[str]:
        action = walk.slug, walk.action_id
        if action not in self._names:
            self._names[action] = await self._client.names(walk.linked_account_id, *action)
        return self._names[action]

    async def _item_of(self, outcome: Outcome) -> WalkItem | None:
        """Return what an outcome is for the consumer; `None` if its walk begins again."""
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

    def _restart(self, open_walk: _OpenWalk) -> None:
        walk, base = open_walk.walk, open_walk.reader.base
        open_walk.reader = PageReader(walk, lambda: self._names_of(walk), ResumePoint(), base)
        open_walk.resumed, open_walk.restarts = False, True
        self._calls.go_on(open_walk)

    async def _page_of(self, open_walk: _OpenWalk, outcome: Done) -> WalkPage[Any]:
        reader = open_walk.reader
        page = await reader.read(outcome.result)
        open_walk.resumed = False
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

    def _failed(self, open_walk: _OpenWalk, error: RefoldError) -> WalkFailed:
        self._calls.close(open_walk)
        point = open_walk.reader.point
        return WalkFailed(open_walk.walk, error, point.record_count, point.page_count)


def make_walks(
    requester: Requester,
    settings: Settings,
    walks: WalkSource,
    options: WalkOptions,
    *,
    record: bool = True,
) -> Walks:
    """Return walks on a client's connections; see `Refold.walks`.

    Raises:
        SettingsError: If a setting cannot work.
    """

    async def base_url() -> str:
        return (await requester.session()).base_url

    async def names(account: str, slug: str, action_id: str) -> Collection[str]:
        return names_of(await Actions(requester.for_account(account)).schema(slug, action_id))

    def batch(calls: AsyncIterable[Call], chosen: BatchSettings) -> Batch:
        return Batch(calls, ExecuteRunner(requester, settings, chosen), chosen, listening(settings.hooks))

    own = {name: value for name, value in options.items() if name in WalkSettings.__struct_fields__}
    others = {name: value for name, value in options.items() if name not in own}
    return Walks(
        walks,
        WalkClient(base_url, batch, names),
        WalkSettings(**own),  # type: ignore[arg-type]  # split by name
        BatchSettings(**others),  # type: ignore[arg-type]
        record=record,
    )
