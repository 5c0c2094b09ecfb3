"""Waiting until a moment, and no longer."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class OutOfTimeError(Exception):
    """The moment came at which something is given up."""


async def by(due: float, step: Awaitable[T]) -> T:
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
