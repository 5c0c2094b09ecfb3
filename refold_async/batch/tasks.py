"""The tasks of a batch, their one owner, and the queues in which they wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any, Final


class BatchTasks:
    """Tasks that live and end together: if one fails, the others are cancelled.

    A task that ends as cancelled, though it was not cancelled here, has failed: what it awaited was
    cancelled.

    Args:
        on_failure: Called once, when the first of them fails.

    Attributes:
        error: What the first failed task raised.
    """

    def __init__(self, on_failure: Callable[[], object]) -> None:
        self._on_failure: Final = on_failure
        # asyncio keeps no reference to tasks: without this set, the GC may drop one that runs.
        self._tasks: set[asyncio.Task[None]] = set()
        self._all_done: asyncio.Future[None] | None = None
        self._cancelled = False
        self.error: BaseException | None = None

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Start a task."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._on_done)

    def cancel(self) -> None:
        """Cancel all tasks."""
        self._cancelled = True
        for task in self._tasks:
            task.cancel()

    async def join(self) -> None:
        """Wait until all tasks have ended; a cancellation meanwhile is raised only then."""
        cancelled: asyncio.CancelledError | None = None
        while self._tasks:
            self._all_done = asyncio.get_running_loop().create_future()
            try:
                await self._all_done
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled

    def _on_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = self._error_of(task)
        if error is not None and self.error is None:
            self.error = error
            self.cancel()
            self._on_failure()
        if not self._tasks and self._all_done is not None and not self._all_done.done():
            self._all_done.set_result(None)

    def _error_of(self, task: asyncio.Task[None]) -> BaseException | None:
        try:
            return task.exception()
        except asyncio.CancelledError as error:
            return None if self._cancelled else error


async def run_shielded(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end; a cancellation meanwhile is raised only then."""
    # Unlike asyncio.shield, nothing is left running behind a caller that has gone on.
    tasks = BatchTasks(lambda: None)
    tasks.start(work)
    await tasks.join()
    if tasks.error is not None:
        raise tasks.error


class WaitQueue:
    """Tasks that wait to be woken, first come, first served.

    Attributes:
        waiting: The future that each of them awaits.
    """

    __slots__ = ("waiting",)

    def __init__(self) -> None:
        self.waiting: deque[asyncio.Future[None]] = deque()

    async def wait(self) -> None:
        """Wait to be woken."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        try:
            await future
        except asyncio.CancelledError:
            # Woken and cancelled at once: without passing the wake on, it would be lost.
            if not future.cancelled():
                self.wake()
            elif future in self.waiting:
                self.waiting.remove(future)
            raise

    def wake(self, number: int = 1) -> None:
        """Wake up to a number of waiting tasks."""
        while number > 0 and self.waiting:
            future = self.waiting.popleft()
            if not future.done():
                future.set_result(None)
                number -= 1

    def wake_all(self) -> None:
        """Wake all waiting tasks."""
        self.wake(len(self.waiting))
