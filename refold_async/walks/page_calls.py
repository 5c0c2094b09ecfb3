"""The calls of a fan-out of walks, one per page: the batch reads them as walks come and pages arrive."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Sized,
)
from typing import Final, Self

from refold_async.calls import Call
from refold_async.errors import InvalidCallError, SettingsError
from refold_async.walks.outcomes import WalkFailed, WalkSkipped, WalkSource
from refold_async.walks.page_reader import PageReader
from refold_async.walks.walk import Walk


class OpenWalk:
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


Opened = OpenWalk | WalkFailed | WalkSkipped


_MOST_ENDED: Final = 1000
"""Walks without a call that wait for the consumer, before no more are read."""


class PageCalls(AsyncIterable[Call]):
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
        self._next: deque[OpenWalk] = deque()
        self._called: dict[int, OpenWalk] = {}
        self._count = 0
        self._reading: asyncio.Future[Walk] | None = None
        self._exhausted = False
        self._changed = asyncio.Event()
        self.total = len(walks) if isinstance(walks, Sized) else None
        self.open: dict[OpenWalk, None] = {}
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

    def take(self, index: int) -> OpenWalk:
        """Return the walk of a call that has ended."""
        return self._called.pop(index)

    def pop_ended(self) -> WalkFailed | WalkSkipped | None:
        """Return a walk that ended without a call, if there is one."""
        self._changed.set()
        return self._ended.popleft() if self._ended else None

    def go_on(self, open_walk: OpenWalk) -> None:
        """Ask for a walk's next page."""
        self._next.append(open_walk)
        self._changed.set()

    def close(self, open_walk: OpenWalk) -> None:
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
        if isinstance(opened, OpenWalk):
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
