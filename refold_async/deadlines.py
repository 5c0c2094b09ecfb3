"""Deadlines that travel: the time that a caller has left bounds the calls made within."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Generator
from contextvars import ContextVar
from typing import Final

from refold_async.checks import check_seconds

_deadline: Final[ContextVar[float]] = ContextVar("refold_async_deadline", default=math.inf)


@contextlib.contextmanager
def deadline(seconds: float) -> Generator[None, None, None]:
    """Bound every call made in this block, also those of tasks started in it.

    A call's own `timeout` still holds where it is shorter, and so does an outer block's deadline.

    Args:
        seconds: The time left, in seconds from now.

    Raises:
        SettingsError: `seconds` is not a number above 0.
        RuntimeError: There is no running event loop.
    """
    until = asyncio.get_running_loop().time() + check_seconds("deadline", seconds)
    token = _deadline.set(min(until, _deadline.get()))
    try:
        yield
    finally:
        _deadline.reset(token)


def earlier(moment: float) -> float:
    """Give the earlier of a moment, by the event loop's clock, and the deadline that holds here."""
    outer = _deadline.get()
    return min(outer, moment)
