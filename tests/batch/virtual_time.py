"""An event loop whose clock stops while something runs, and jumps instead of sleeping."""

import asyncio
import selectors
from collections.abc import Callable
from typing import Any

_STEP = 2e-9
"""Seconds that pass at each look for events: more than the resolution with which a loop fires its timers."""


class _Selector(selectors.DefaultSelector):
    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise AssertionError("every task waits and no timer is set")
        if timeout > 0:
            self.loop.before_sleep()
        self.loop.now += max(timeout, 0) + _STEP
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that never sleeps; `before_sleep` is called instead."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.before_sleep: Callable[[], object] = lambda: None
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now
