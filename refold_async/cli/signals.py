"""SIGINT and SIGTERM during a batch: the first drains the running calls, the second cancels them.

And Ctrl-C while a command waits for stdin.
"""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
    with _handled_by(loop, taken.take):
        try:
            yield taken
        except asyncio.CancelledError:
            if taken.times < 2:
                raise
            task.uncancel()  # else asyncio.run treats the task as cancelled, and no results are reported


@contextmanager
def _handled_by(loop: asyncio.AbstractEventLoop, handle: Callable[[], None]) -> Iterator[None]:
    """Call `handle` in the event loop for each of the signals, and restore the handlers before.

    Event loops on Windows have no `add_signal_handler`: there, `signal.signal` wakes the loop.
    """
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    # The default handler would raise KeyboardInterrupt at any line, also between an outcome and its journal
    # entry.
    for number in before:
        try:
            loop.add_signal_handler(number, handle)
        except NotImplementedError:
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(handle))
    try:
        yield
    finally:
        for number, handler in before.items():
            with suppress(NotImplementedError):
                loop.remove_signal_handler(number)
            signal.signal(number, handler)


@contextmanager
def interruptible() -> Iterator[None]:
    """Let Ctrl-C end a wait for stdin; in a coroutine, it would only be noticed at the next await."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
