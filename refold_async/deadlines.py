"""Deadlines that apply to every call made within a block."""

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
    """The time to wait for something has passed."""


async def wait_until(due: float, step: Awaitable[T]) -> T:
    """Await a step until `due`, by the event loop's clock; `math.inf` waits forever.

    Raises:
        OutOfTimeError: If `due` passed first. A `TimeoutError` of the step itself propagates as it is.
    """
    # `expired` tells our timeout from a `TimeoutError` that the step raised, e.g. one of the socket.
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
    """Set a deadline for every call made in this block, and in tasks started within it.

    The shortest one applies: this deadline, that of an enclosing block, or the call's own `timeout`.

    Args:
        seconds: The time left, in seconds from now.

    Raises:
        SettingsError: If `seconds` is not a positive number.
        RuntimeError: If no event loop is running.
    """
    until = asyncio.get_running_loop().time() + check_seconds("deadline", seconds)
    outer = _deadline.get()
    until = min(until, outer)
    _deadline.set(until)
    try:
        yield
    finally:
        # Not by a token: an async generator may enter the block in one task and leave it in another, whose
        # context may have a copy of this deadline, or one of its own.
        if _deadline.get() == until:
            _deadline.set(outer)


def earlier(moment: float) -> float:
    """Return the earlier of a moment, by the event loop's clock, and the deadline that applies here."""
    outer = _deadline.get()
    # Not `min`, which costs more than the rest of this: every call asks.
    return outer if outer < moment else moment  # noqa: FURB136
