"""The input of a batch: any iterable of calls, read a few at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Generator, Iterable, Sized
from itertools import chain, islice
from typing import Any

from refold_async.calls import Call
from refold_async.errors import InvalidCallError, SettingsError

Calls = Iterable[Call] | AsyncIterable[Call]
Items = Iterable[Any] | AsyncIterable[Any]


class CallSource:
    """Reads calls. What the input raises is kept in `error`, so that the calls before it are not lost.

    Args:
        calls: The input.

    Attributes:
        ended: Whether there is nothing more to read.
        error: What the input raised, or an `InvalidCallError` if it yielded something else than a call.
        total: The number of calls, if the input knows its length.

    Raises:
        SettingsError: If the input is neither an iterable nor an async iterable.
    """

    def __init__(self, calls: Calls) -> None:
        if not isinstance(calls, AsyncIterable | Iterable):
            raise SettingsError(f"calls must be an iterable of Call, not {type(calls).__name__}")
        self._sync = iter(calls) if isinstance(calls, Iterable) else None
        self._async = aiter(calls) if isinstance(calls, AsyncIterable) else None
        self._reading: asyncio.Timeout | None = None
        self.ended = False
        self.error: BaseException | None = None
        self.total = len(calls) if isinstance(calls, Sized) else None

    async def read(self, limit: int) -> list[Call]:
        """Read up to `limit` calls, or one if the input is asynchronous.

        Returns:
            The calls; none at the end of the input, or if the read was interrupted.
        """
        if self._sync is not None:  # nothing can interrupt it: it does not suspend
            return await self._read(limit)
        try:
            async with asyncio.timeout(None) as self._reading:
                return await self._read(limit)
        except TimeoutError:
            return []
        finally:
            self._reading = None

    def interrupt(self) -> None:
        """Interrupt a pending read. No-op if there is none."""
        if self._reading is not None:
            self._reading.reschedule(asyncio.get_running_loop().time())

    async def aclose(self) -> None:
        """Close the input if it is a generator: nothing else can resume it."""
        self.ended = True
        if isinstance(self._async, AsyncGenerator):
            await self._async.aclose()
        if isinstance(self._sync, Generator):
            self._sync.close()

    async def _read(self, limit: int) -> list[Call]:
        calls: list[Call] = []
        try:
            if self._async is not None:
                calls.append(_checked(await anext(self._async)))
            elif self._sync is not None:
                self._fill(calls, limit)
        except StopAsyncIteration:
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
        for call in islice(source, limit):
            append(call if type(call) is Call else _checked(call))
        self.ended = len(calls) < limit


def mapped(function: Callable[[Any], Any], items: Items, first: Iterable[Any] = ()) -> Items:
    """Return what a function makes of some first items, and of those of an iterable, as they are read."""
    if isinstance(items, AsyncIterable):
        return _mapped(function, items, first)
    return map(function, chain(first, items))


async def _mapped(
    function: Callable[[Any], Any], items: AsyncIterable[Any], first: Iterable[Any]
) -> AsyncIterator[Any]:
    try:
        for item in first:
            yield function(item)
        async for item in items:
            yield function(item)
    finally:
        if isinstance(items, AsyncGenerator):  # nothing else can resume it
            await items.aclose()


def _is_being_cancelled() -> bool:
    """Whether the reading task is being cancelled, rather than something that the input awaits."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _checked(call: object) -> Call:
    if not isinstance(call, Call):
        raise InvalidCallError(f"the input must yield Call, not {type(call).__name__}")
    return call
