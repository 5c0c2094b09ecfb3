"""Cancels a coroutine at any one of its suspension points, by the event loop's own means."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, Generic, Literal, TypeVar

T = TypeVar("T")

When = Literal["early", "late"]
"""`early`: as it begins to wait. `late`: when what it waits for is there, before it resumes."""


class CancelAt(Generic[T]):
    """Awaits a coroutine, and cancels the awaiting task at its `nth` suspension point.

    Attributes:
        fired: Whether there were that many.
    """

    def __init__(self, work: Coroutine[Any, Any, T], nth: int, when: When) -> None:
        self._work = work
        self._nth = nth
        self._when = when
        self.fired = False

    def __await__(self) -> Generator[Any, Any, T]:
        steps = 0
        step = self._work.send
        told: Any = None
        while True:
            try:
                waited_for = step(told)
            except StopIteration as end:
                result: T = end.value
                return result
            steps += 1
            if steps == self._nth:
                self._cancel(waited_for)
            try:
                told = yield waited_for
                step = self._work.send
            except BaseException as error:
                told = error
                step = self._work.throw

    def _cancel(self, waited_for: "asyncio.Future[Any] | None") -> None:
        self.fired = True
        task = asyncio.current_task()
        assert task is not None
        if waited_for is None or self._when == "early":
            task.cancel()
        else:
            # Added before the task's own callback, so it runs between the result and the awakening.
            waited_for.add_done_callback(lambda _: task.cancel())


async def cancelled_at(work: Coroutine[Any, Any, T], nth: int, when: When) -> bool:
    """Run a coroutine in a task of its own, cancelled at a point; whether it had so many."""
    stepped = CancelAt(work, nth, when)

    async def drive() -> T:
        return await stepped

    task = asyncio.create_task(drive())
    await asyncio.wait([task])
    if not stepped.fired:
        task.result()
    elif not task.cancelled():
        assert task.exception() is None, task.exception()
    return stepped.fired
