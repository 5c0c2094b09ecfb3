"""Reads the input ahead of the workers, as far as turns between accounts need it."""

from __future__ import annotations

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Generator,
    Iterable,
    Sequence,
    Sized,
)
from typing import Final

from refold_async import calls as call_checks
from refold_async.batch.scheduler import FairScheduler, QueuedCall
from refold_async.batch.worker_pool import WorkerPool
from refold_async.calls import Call, Failed, Outcome, Skipped
from refold_async.errors import InvalidCallError, JournalError, SettingsError

Calls = Iterable[Call] | AsyncIterable[Call]


class Source:
    """Reads calls. What the input raises is kept in `error`, so that the calls before it are not lost.

    Args:
        calls: The input.

    Attributes:
        ended: Whether there is nothing more to read.
        error: What the input raised, or an `InvalidCallError` where it gave what is no call.
        total: How many calls there are, where the input knows.

    Raises:
        SettingsError: The input is neither an iterable nor an async iterable, or is a single `Call`.
    """

    def __init__(self, calls: Calls) -> None:
        if not isinstance(calls, AsyncIterable | Iterable):
            raise SettingsError(f"calls must be an iterable of Call, not {type(calls).__name__}")
        self._calls: Final = calls
        self._sync = iter(calls) if isinstance(calls, Iterable) else None
        self._async = aiter(calls) if isinstance(calls, AsyncIterable) else None
        self.ended = False
        self.error: BaseException | None = None
        self.total = len(calls) if isinstance(calls, Sized) else None

    async def read(self, limit: int) -> list[Call]:
        """Read up to `limit` calls, or one where the input is asynchronous; none at its end."""
        calls: list[Call] = []
        try:
            if self._async is not None:
                calls.append(_checked(await anext(self._async)))
            elif self._sync is not None:
                self._fill(calls, limit)
        except (StopIteration, StopAsyncIteration):
            self.ended = True
        except asyncio.CancelledError as error:
            if _is_being_cancelled():
                raise
            self.ended, self.error = True, error
        except Exception as error:  # noqa: BLE001 - kept, and raised to the consumer by the batch
            self.ended, self.error = True, error
        return calls

    def _fill(self, calls: list[Call], limit: int) -> None:
        source, append = self._sync, calls.append
        assert source is not None  # noqa: S101 - for the type checker
        for _ in range(limit):
            call = next(source)
            append(call if type(call) is Call else _checked(call))

    async def aclose(self) -> None:
        """Close the input where it is a generator, which nobody else can go on with."""
        self.ended = True
        if isinstance(self._async, AsyncGenerator):
            await self._async.aclose()
        if isinstance(self._sync, Generator):
            self._sync.close()


def _is_being_cancelled() -> bool:
    """Whether somebody cancels the reader, and not what the input waits for."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _checked(call: object) -> Call:
    if not isinstance(call, Call):
        raise InvalidCallError(f"the input gave a {type(call).__name__} where a Call was expected")
    return call


_READ_SIZE: Final = 256
"""Calls read at a time, so that a long read does not hold up the event loop."""

Screen = Callable[[Sequence[QueuedCall]], Awaitable[Sequence[Outcome | None]]]
"""Gives the outcome of each call that need not be run, as a journal knows."""


class Reader:
    """Reads calls into the scheduler while there is room for them.

    Args:
        source: The input.
        engine: Who runs the calls.
        scheduler: Where they go.
        screen: Knows which need not be run, where there is a journal.

    Attributes:
        read: Calls read.
        error: Why reading ended early.
    """

    def __init__(
        self, source: Source, pool: WorkerPool, scheduler: FairScheduler, screen: Screen | None
    ) -> None:
        self._source: Final = source
        self._pool: Final = pool
        self._scheduler: Final = scheduler
        self._screen: Final = screen
        self._clock: Final = asyncio.get_running_loop().time
        self._horizon: int | None = None
        self._delivered = 0
        self._asking: asyncio.Timeout | None = None
        self.read = 0
        self.error: BaseException | None = None

    async def work(self) -> None:
        """Read until the input ends or the batch stops: the life of the reader."""
        pool, source = self._pool, self._source
        while not source.ended and pool.stopped is None and not pool.over:
            room = self._room()
            if room <= 0:
                await pool.reading.rest()
                continue
            await self._admit(await self._ask(room))
            await asyncio.sleep(0)
        if source.error is not None:
            self.error = source.error
            pool.stop("input_failed")
        pool.exhausted = True
        pool.look_for_the_end()

    async def _ask(self, room: int) -> list[Call]:
        """Read from the input; none where the batch stops while the input lets wait."""
        try:
            async with asyncio.timeout(None) as self._asking:
                return await self._source.read(room)
        except TimeoutError:
            return []
        finally:
            self._asking = None

    def stop(self) -> None:
        """Wait for the input no longer: what it has still to give is not to be run."""
        if self._asking is not None:
            self._asking.reschedule(self._clock())

    def _room(self) -> int:
        if not self._pool.has_room():
            return 0
        room = min(self._scheduler.room(), _READ_SIZE)
        if self._horizon is None:
            return room
        return min(room, self._delivered + self._horizon - self.read)

    def keep_within(self, horizon: int) -> None:
        """Read no further than some calls past the last one that was delivered in order."""
        self._horizon = horizon

    def deliver(self, number: int) -> None:
        """Hear how many calls were delivered in order."""
        self._delivered = number
        if self._horizon is None:
            return
        if 2 * (self.read - number) <= self._horizon or self._pool.is_idle():
            self._pool.reading.wake()

    async def _admit(self, read: list[Call]) -> None:
        """Put calls into the scheduler, but for those whose outcome is known."""
        now = self._clock()
        items = []
        for index, call in enumerate(read, self.read):
            item = QueuedCall(call, index, now)
            try:
                call_checks.check(call)
            except InvalidCallError as error:
                self._pool.refuse(item, error)
            else:
                items.append(item)
        self.read += len(read)
        if self._screen is not None and items:
            items = await self._screened(items, self._screen)
        reason = self._pool.stopped
        for item in items:
            if reason is None:
                self._scheduler.add(item)
            else:
                self._pool.put(Skipped(item.call, reason, index=item.index))
        self._pool.added()

    async def _screened(self, items: list[QueuedCall], screen: Screen) -> list[QueuedCall]:
        try:
            outcomes = await screen(items)
        except JournalError as error:
            self.error = error
            self._pool.stop("journal_failed")
            return items
        for outcome in outcomes:
            if isinstance(outcome, Failed):
                self._pool.count_failure(outcome)
            elif outcome is not None:
                self._pool.put(outcome)
        return [item for item, outcome in zip(items, outcomes, strict=True) if outcome is None]
