"""A small cache for what rarely changes: action lists and schemas."""

from __future__ import annotations

import asyncio
import copy
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar, cast

from refold_async.deadlines import OutOfTimeError, wait_until
from refold_async.errors import DeadlineExceededError, RefoldError
from refold_async.settings import Cache

T = TypeVar("T")


class ResponseCache:
    """An LRU cache that fetches each value once, however many callers wait for it.

    The first caller fetches; the others wait, and share its value or its error. If the first is cancelled
    or runs out of time, the next one fetches: no caller is bound by another's deadline.
    """

    __slots__ = ("_clock", "_entries", "_fetching", "_settings")

    def __init__(self, settings: Cache, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._entries: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._fetching: dict[Hashable, asyncio.Future[RefoldError | None]] = {}

    def __len__(self) -> int:
        return len(self._entries)

    async def get(self, key: Hashable, fetch: Callable[[], Awaitable[T]], *, due: float) -> T:
        """Return the cached value, or fetch and cache it.

        Args:
            key: Identifies the value.
            fetch: Fetches the value, within its own deadline; its errors reach all who wait, and are not
                cached.
            due: When to stop waiting for another caller's fetch, by the event loop's clock; `math.inf`
                waits forever.

        Raises:
            DeadlineExceededError: If another caller's fetch has not finished at `due`.
        """
        while True:
            entry = self._entries.get(key)
            if entry is not None and entry[0] > self._clock():
                self._entries.move_to_end(key)
                return cast("T", entry[1])
            fetching = self._fetching.get(key)
            if fetching is None:
                return await self._fetch(key, fetch)
            if (error := await _wait(fetching, due)) is not None:
                # A copy each: raised in several tasks, one object would collect all their tracebacks.
                raise copy.copy(error)

    async def _fetch(self, key: Hashable, fetch: Callable[[], Awaitable[T]]) -> T:
        done = self._fetching[key] = asyncio.get_running_loop().create_future()
        failure: RefoldError | None = None
        try:
            value = await fetch()
            self._store(key, value)
            return value
        except DeadlineExceededError:
            # Not shared: the others may have more time, so the next of them fetches.
            raise
        except RefoldError as error:
            failure = error
            raise
        finally:
            del self._fetching[key]
            done.set_result(failure)

    def _store(self, key: Hashable, value: object) -> None:
        self._entries[key] = (self._clock() + self._settings.lifetime, value)
        self._entries.move_to_end(key)
        while len(self._entries) > self._settings.size:
            self._entries.popitem(last=False)


async def _wait(fetching: asyncio.Future[RefoldError | None], due: float) -> RefoldError | None:
    try:
        # Shielded: a cancelled waiter would otherwise cancel the future that all others wait for.
        return await wait_until(due, asyncio.shield(fetching))
    except OutOfTimeError:
        raise DeadlineExceededError(
            "deadline exceeded while waiting for another call's identical request"
        ) from None
