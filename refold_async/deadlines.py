"""Deadlines that travel: the time that a caller has left bounds the calls made within."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Generator
from contextvars import ContextVar
from typing import Final, TypeVar

from refold_async._core.checks import check_seconds

T = TypeVar("T")


class OutOfTimeError(Exception):
    """The moment came at which something is given up."""


async def wait_until(due: float, step: Awaitable[T]) -> T:
    """Await a step until a moment of the event loop's clock; `math.inf` is none.

    Raises:
        OutOfTimeError: The moment came first. A `TimeoutError` of the step's own goes through as it is.
    """
    scope = asyncio.timeout_at(None if due == math.inf else due)
    try:
        async with scope:
            return await step
    except TimeoutError:
        if not scope.expired():
            raise
    raise OutOfTimeError


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
