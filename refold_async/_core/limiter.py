"""The gate before the connections: so many calls at once, first come, first served."""

from __future__ import annotations

import asyncio
from collections import deque


class CapacityLimiter:
    """Lets a number of calls in, and the rest as those leave.

    A waiter that is cancelled leaves the line, and takes no place with it.

    Args:
        places: Calls within at once.
    """

    __slots__ = ("_available", "_capacity", "_waiters")

    def __init__(self, places: int) -> None:
        self._capacity = places
        self._available = places
        self._waiters: deque[asyncio.Future[None]] = deque()

    def __repr__(self) -> str:
        return f"CapacityLimiter({self._available} of {self._capacity} free, {len(self._waiters)} waiting)"

    @property
    def available(self) -> int:
        """Places that nobody holds."""
        return self._available

    def try_acquire(self) -> bool:
        """Take a place if one is free, without waiting."""
        if self._available == 0:
            return False
        self._available -= 1
        return True

    async def acquire(self) -> None:
        """Wait for a place, and take it."""
        if self.try_acquire():
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiters.append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.release()
            elif turn in self._waiters:
                self._waiters.remove(turn)
            raise

    def release(self) -> None:
        """Give a place back: to the first in line, where there is one."""
        while self._waiters:
            turn = self._waiters.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._available += 1
