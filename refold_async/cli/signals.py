"""SIGINT and SIGTERM during a batch: the first drains the running calls, the second cancels them."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


class SignalCounter:
    """Counts the signals received so far in `times`."""

    def __init__(self, drain: Callable[[], object], task: asyncio.Task[object]) -> None:
        self._drain = drain
        self._task = task
        self.times = 0

    def take(self) -> None:
        """Handle a signal: drain on the first, cancel the batch's task on the second."""
        self.times += 1
        if self.times == 1:
            self._drain()
        elif self.times == 2:
            self._task.cancel()


@contextmanager
def drain_on_signal(drain: Callable[[], object]) -> Iterator[SignalCounter]:
    """Make SIGINT and SIGTERM drain, then cancel, the block in the current task.

    Args:
        drain: Called on the first signal.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None  # noqa: S101 - a coroutine runs in one
    taken = SignalCounter(drain, task)
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    # signal.signal would raise KeyboardInterrupt at any line, also between an outcome and its journal entry.
    for number in _SIGNALS:
        loop.add_signal_handler(number, taken.take)
    try:
        yield taken
    except asyncio.CancelledError:
        if taken.times < 2:
            raise
        task.uncancel()  # else asyncio.run treats the task as cancelled, and no results are reported
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
