"""A place to rest until somebody is needed."""

from __future__ import annotations

import asyncio
from collections import deque


class Rests:
    """Tasks that wait to be woken, the first to come first."""

    __slots__ = ("_futures",)

    def __init__(self) -> None:
        self._futures: deque[asyncio.Future[None]] = deque()

    def __len__(self) -> int:
        return len(self._futures)

    async def rest(self) -> None:
        """Wait to be woken; the wake of a task that was cancelled meanwhile goes to the next."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._futures.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if not future.cancelled():
                self.wake()
            elif future in self._futures:
                self._futures.remove(future)
            raise

    def wake(self, number: int = 1) -> None:
        """Wake some of those who rest here."""
        while number > 0 and self._futures:
            future = self._futures.popleft()
            if not future.done():
                future.set_result(None)
                number -= 1

    def wake_all(self) -> None:
        """Wake everybody."""
        self.wake(len(self._futures))
