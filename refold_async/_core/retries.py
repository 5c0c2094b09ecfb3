"""Whether a failed call is tried again, and when. No clock, no I/O."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

import backoff

from refold_async._core.operation import Effect
from refold_async.errors import (
    CertificateError,
    ConnectionFailedError,
    Fate,
    RateLimitedError,
    RefoldError,
    StatusError,
)
from refold_async.results import ActionFailed
from refold_async.settings import Retry

TRANSIENT_STATUSES: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses after which the same read may well succeed."""

LONGEST_RETRY_AFTER: Final = 86_400.0
"""A `Retry-After` past a day is taken for a mistake, and ignored."""

_TRANSIENT_COST: Final = 14
_THROTTLED_COST: Final = 5
_SUCCESS_REFUND: Final = 1


class RetryBudget:
    """What the retries of a session may draw, so that an outage is not met with a storm."""

    __slots__ = ("_capacity", "_left")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._left = capacity

    def __repr__(self) -> str:
        return f"RetryBudget({self._left} of {self._capacity})"

    @property
    def left(self) -> int:
        """What may still be drawn."""
        return self._left

    def draw(self, cost: int) -> bool:
        """Draw a retry's cost; false, and nothing drawn, where too little is left."""
        if cost > self._left:
            return False
        self._left -= cost
        return True

    def refund(self, amount: int = _SUCCESS_REFUND) -> None:
        """Give back after a success: what its last retry cost, or 1 where it had none."""
        if self._left < self._capacity:
            self._left = min(self._capacity, self._left + amount)


def cost_of(error: RefoldError) -> int:
    """Give what the retry after this failure draws from the budget."""
    return _THROTTLED_COST if error.status == 429 else _TRANSIENT_COST


def is_transient(error: RefoldError) -> bool:
    """Whether the same call may well succeed a little later."""
    match error:
        case CertificateError():
            return False
        case ConnectionFailedError():
            return True
        case StatusError():
            return error.status in TRANSIENT_STATUSES
        case ActionFailed():
            return error.result.http_status in TRANSIENT_STATUSES
        case _:
            return False


def fate_of(retry: Retry, effect: Effect, error: RefoldError) -> Fate:
    """Give the fate of the attempt that an error ended.

    It is the error's own, but of a write after a 429 of Refold that `throttled_writes=False` does not trust.
    """
    if isinstance(error, RateLimitedError) and effect == "write" and not retry.throttled_writes:
        return "unknown"
    return error.fate


def is_safe(retry: Retry, effect: Effect, error: RefoldError) -> bool:
    """Whether trying the call again cannot do harm.

    A read and an idempotent call never can. A write can, unless nothing of it was sent, or
    Refold itself (not the connected app) answered that it was too much.
    """
    fate = fate_of(retry, effect, error)
    if effect in {"read", "idempotent"} or fate == "not_sent":
        return True
    return isinstance(error, RateLimitedError) and fate == "rejected"


class Waits:
    """The waits between the tries of one call: jittered exponentials."""

    __slots__ = ("_bounds",)

    def __init__(self, retry: Retry) -> None:
        # As an int, a base of 0 stays 0 however high its power gets; a float would overflow.
        base = retry.base or 0
        self._bounds: Generator[float, Any, None] = backoff.expo(factor=base, max_value=retry.cap)
        next(self._bounds)

    def next(self, retry_after: float | None) -> float:
        """Give the next wait in seconds, never below the answer's `Retry-After`."""
        wait = backoff.full_jitter(next(self._bounds))
        return max(wait, retry_after or 0.0)


def may_retry(retry: Retry, effect: Effect, error: RefoldError, attempts: int) -> bool:
    """Whether a call that was tried `attempts` times, and failed so, may be tried again."""
    return attempts < retry.attempts and is_transient(error) and is_safe(retry, effect, error)
