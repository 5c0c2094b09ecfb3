"""Virtual time: a clock that jumps to the next wake-up once all tasks sleep."""

import asyncio
import heapq
from itertools import count

SETTLE = 10
"""Iterations of the event loop after which every task that can continue has continued."""


class VirtualTime:
    """A clock and a sleep that go together; `run` moves the time on."""

    def __init__(self, start: float = 1000.0) -> None:
        self.now = start
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._numbers = count()

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._numbers), woken))
        await woken

    async def settle(self) -> None:
        """Run all tasks as far as they can get at this moment."""
        for _ in range(SETTLE):
            await asyncio.sleep(0)

    async def run(self, until: float = float("inf")) -> None:
        """Wake one sleeper after the other until none is left, or until a time."""
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            moment, _, woken = heapq.heappop(self._sleepers)
            self.now = max(self.now, moment)
            if not woken.done():
                woken.set_result(None)
                await self.settle()
        if until < float("inf"):
            self.now = max(self.now, until)
