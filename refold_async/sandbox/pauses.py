"""Waiting that a stop of the sandbox ends at once."""

import asyncio


class Pauses:
    """All the waits under way: latency, hanging and stalling answers, slow actions."""

    def __init__(self) -> None:
        self._waits: set[asyncio.Future[None]] = set()

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds; cancelled when the sandbox stops."""
        loop = asyncio.get_running_loop()
        wait: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(seconds, _finish, wait)
        self._waits.add(wait)
        try:
            await wait
        finally:
            timer.cancel()
            self._waits.discard(wait)

    def end(self) -> None:
        """Cancel every wait under way, and with it the request that waits."""
        for wait in tuple(self._waits):
            wait.cancel()


def _finish(wait: asyncio.Future[None]) -> None:
    if not wait.done():
        wait.set_result(None)
