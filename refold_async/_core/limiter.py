"""Limits how many calls use a session's connections at once."""

from __future__ import annotations

import asyncio
from collections import deque


class CapacityLimiter:
    """Limits how many calls hold a connection at once, first come, first served.

    A cancelled waiter leaves the queue without taking a slot.

    Args:
        capacity: How many may hold a slot at once.
    """

    __slots__ = ("_available", "_capacity", "_waiters")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._available = capacity
        self._waiters: deque[asyncio.Future[None]] = deque()

    def __repr__(self) -> str:
        return f"CapacityLimiter({self._available} of {self._capacity} free, {len(self._waiters)} waiting)"

    @property
    def available(self) -> int:
        """The number of free slots."""
        return self._available

    def try_acquire(self) -> bool:
        """Acquire a slot without waiting, if one is free."""
        if self._available == 0:
            return False
        self._available -= 1
        return True

    async def acquire(self) -> None:
        """Wait for a slot, and acquire it."""
        if self.try_acquire():
            return
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        try:
            await waiter
        except BaseException:
            # Cancelled after `release` handed it the slot: kept, that slot would be lost for good.
            if waiter.done() and not waiter.cancelled():
                self.release()
            elif waiter in self._waiters:
                self._waiters.remove(waiter)
            raise

    def release(self) -> None:
        """Release a slot, to the first waiter if there is one."""
        # Handed over rather than freed: a newcomer would otherwise overtake those who wait.
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._available += 1
