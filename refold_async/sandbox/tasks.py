"""Background tasks, and sleeps that end when the sandbox stops."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

BackgroundTask = Callable[[], Coroutine[Any, Any, None]]


class BackgroundTasks:
    """The background tasks of a running sandbox, cancelled and awaited when it stops."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Accept tasks from now on, in the running event loop."""
        self._loop = asyncio.get_running_loop()

    def start(self, begin: BackgroundTask) -> None:
        """Start a task, from any thread. No-op if the sandbox does not run."""
        if self._loop is None:
            return
        if self._loop is _running_loop():
            self._launch(begin)
        else:
            self._loop.call_soon_threadsafe(self._launch, begin)

    def cancel(self) -> None:
        """Cancel all tasks, from any thread; `close` awaits them."""
        if self._loop is None or self._loop is _running_loop():
            self._cancel_all()
        else:
            self._loop.call_soon_threadsafe(self._cancel_all)

    async def close(self) -> None:
        """Accept no more tasks, cancel the running ones and await them."""
        # Cleared first: a task that ends by starting another must not be able to.
        self._loop = None
        self.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _cancel_all(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()

    def _launch(self, begin: BackgroundTask) -> None:
        if self._loop is not None:
            task = self._loop.create_task(begin())
            # asyncio keeps no strong reference to tasks: without this set, the GC may drop one that runs.
            self._tasks.add(task)
            task.add_done_callback(self._finish)

    def _finish(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            task.get_loop().call_exception_handler(
                {"message": "a background task of the sandbox failed", "exception": error}
            )


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class Pauses:
    """All pending sleeps: latency, hanging and stalled responses, slow actions."""

    def __init__(self) -> None:
        self._waits: set[asyncio.Future[None]] = set()

    async def sleep(self, seconds: float) -> None:
        """Sleep; cancelled when the sandbox stops."""
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
        """Cancel all pending sleeps, and the requests that wait for them."""
        for wait in tuple(self._waits):
            wait.cancel()


def _finish(wait: asyncio.Future[None]) -> None:
    if not wait.done():
        wait.set_result(None)
