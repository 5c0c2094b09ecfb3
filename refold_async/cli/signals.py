"""SIGINT or SIGTERM during a batch: once to let the calls under way end, twice to break them off."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class SignalCounter:
    """How often a signal came; `times` is 0, 1 or 2."""

    def __init__(self, drain: Callable[[], object], task: asyncio.Task[object]) -> None:
        self._drain = drain
        self._task = task
        self.times = 0

    def take(self) -> None:
        """Take one: drain at the first, cancel the batch's task at the second."""
        self.times += 1
        if self.times == 1:
            self._drain()
        elif self.times == 2:
            self._task.cancel()


@contextmanager
def drain_on_signal(drain: Callable[[], object]) -> Iterator[SignalCounter]:
    """Let SIGINT and SIGTERM drain, then cancel, the block that the running task is in.

    Args:
        drain: Called at the first of them.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in one
    taken = SignalCounter(drain, task)
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        loop.add_signal_handler(number, taken.take)
    try:
        yield taken
    except asyncio.CancelledError:
        if taken.times < 2:
            raise
        task.uncancel()
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
