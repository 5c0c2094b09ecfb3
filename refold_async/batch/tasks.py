"""The tasks of a batch, and their one owner."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final


class BatchTasks:
    """Tasks that live and end together: where one fails, the others are cancelled.

    One that ends as cancelled, though nobody cancelled it here, has failed: what it waited for was cancelled.

    Args:
        on_failure: Called once, when the first of them failed.

    Attributes:
        error: What the first one that failed raised.
    """

    def __init__(self, on_failure: Callable[[], object]) -> None:
        self._on_failure: Final = on_failure
        self._tasks: set[asyncio.Task[None]] = set()
        self._gone: asyncio.Future[None] | None = None
        self._cancelled = False
        self.error: BaseException | None = None

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def cancel(self) -> None:
        """Cancel them all."""
        self._cancelled = True
        for task in self._tasks:
            task.cancel()

    async def join(self) -> None:
        """Wait until all have ended, also when cancelled meanwhile; the cancellation follows then."""
        cancelled: asyncio.CancelledError | None = None
        while self._tasks:
            self._gone = asyncio.get_running_loop().create_future()
            try:
                await self._gone
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = self._error_of(task)
        if error is not None and self.error is None:
            self.error = error
            self.cancel()
            self._on_failure()
        if not self._tasks and self._gone is not None and not self._gone.done():
            self._gone.set_result(None)

    def _error_of(self, task: asyncio.Task[None]) -> BaseException | None:
        try:
            return task.exception()
        except asyncio.CancelledError as error:
            return None if self._cancelled else error


async def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Run something to its end, also when cancelled meanwhile; the cancellation follows then."""
    tasks = BatchTasks(lambda: None)
    tasks.start(work)
    await tasks.join()
    if tasks.error is not None:
        raise tasks.error


class WaitQueue:
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
