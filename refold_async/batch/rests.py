"""A place to rest until somebody is needed."""

from __future__ import annotations

import asyncio
from collections import deque


class Rests:
    """Tasks that wait to be woken, the first to come first.

    Attributes:
        waiting: What each of them waits for.
    """

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: deque[asyncio.Future[None]] = deque()

    async def rest(self) -> None:
        """Wait to be woken; the wake of a task that was cancelled meanwhile goes to the next."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        try:
            await future
        except asyncio.CancelledError:
            if not future.cancelled():
                self.wake()
            elif future in self.waiting:
                self.waiting.remove(future)
            raise

    def wake(self, number: int = 1) -> None:
        """Wake some of those who rest here."""
        while number > 0 and self.waiting:
            future = self.waiting.popleft()
            if not future.done():
                future.set_result(None)
                number -= 1

    def wake_all(self) -> None:
        """Wake everybody."""
        self.wake(len(self.waiting))
