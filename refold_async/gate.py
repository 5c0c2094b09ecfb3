"""The gate before the connections: so many calls at once, first come, first served."""

from __future__ import annotations

import asyncio
from collections import deque


class Gate:
    """Lets a number of calls in, and the rest as those leave.

    A waiter that is cancelled leaves the line, and takes no place with it.

    Args:
        places: Calls within at once.
    """

    __slots__ = ("_free", "_line", "_places")

    def __init__(self, places: int) -> None:
        self._places = places
        self._free = places
        self._line: deque[asyncio.Future[None]] = deque()

    def __repr__(self) -> str:
        return f"Gate({self._free} of {self._places} free, {len(self._line)} waiting)"

    @property
    def free(self) -> int:
        """Places that nobody holds."""
        return self._free

    def try_enter(self) -> bool:
        """Take a place if one is free, without waiting."""
        if self._free == 0:
            return False
        self._free -= 1
        return True

    async def enter(self) -> None:
        """Wait for a place, and take it."""
        if self.try_enter():
            return
        turn = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.leave()
            elif turn in self._line:
                self._line.remove(turn)
            raise

    def leave(self) -> None:
        """Give a place back: to the first in line, where there is one."""
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
