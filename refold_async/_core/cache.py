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
    """The answers kept, each fetched once however many wait for it.

    The first who asks fetches; the rest wait, and share its answer or its error. Where the first
    is cancelled or runs out of time, the next in line fetches: nobody gets another's deadline.
    """

    __slots__ = ("_clock", "_fetching", "_kept", "_settings")

    def __init__(self, settings: Cache, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._kept: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()
        self._fetching: dict[Hashable, asyncio.Future[RefoldError | None]] = {}

    def __len__(self) -> int:
        return len(self._kept)

    async def get(self, key: Hashable, fetch: Callable[[], Awaitable[T]], *, due: float) -> T:
        """Give the kept answer, or fetch and keep it.

        Args:
            key: What names the answer.
            fetch: Gets it; its errors reach all who wait, and are not kept.
            due: Until when to wait for another's fetch, by the event loop's clock; `math.inf` for
                ever. `fetch` minds its own deadline.

        Raises:
            DeadlineExceededError: Another's fetch was not done when `due` came.
        """
        while True:
            kept = self._kept.get(key)
            if kept is not None and kept[0] > self._clock():
                self._kept.move_to_end(key)
                return cast("T", kept[1])
            waiting = self._fetching.get(key)
            if waiting is None:
                return await self._fetch(key, fetch)
            if (error := await _wait(waiting, due)) is not None:
                raise copy.copy(error)

    async def _fetch(self, key: Hashable, fetch: Callable[[], Awaitable[T]]) -> T:
        done = self._fetching[key] = asyncio.get_running_loop().create_future()
        failure: RefoldError | None = None
        try:
            value = await fetch()
            self._keep(key, value)
            return value
        except DeadlineExceededError:
            raise
        except RefoldError as error:
            failure = error
            raise
        finally:
            del self._fetching[key]
            done.set_result(failure)

    def _keep(self, key: Hashable, value: object) -> None:
        self._kept[key] = (self._clock() + self._settings.lifetime, value)
        self._kept.move_to_end(key)
        while len(self._kept) > self._settings.size:
            self._kept.popitem(last=False)


async def _wait(waiting: asyncio.Future[RefoldError | None], due: float) -> RefoldError | None:
    try:
        return await wait_until(due, asyncio.shield(waiting))
    except OutOfTimeError:
        raise DeadlineExceededError("the same request, asked for by another call, took too long") from None
