"""Decides whether and when a failed call is retried. No clock, no I/O."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, Final

import backoff

from refold_async._core.operation import Effect
from refold_async.errors import (
    ConnectionFailedError,
    Fate,
    RateLimitedError,
    RefoldError,
    StatusError,
    UnreadableReplyError,
)
from refold_async.results import ActionFailed
from refold_async.settings import Retry

TRANSIENT_STATUSES: Final = frozenset({408, 429, 500, 502, 503, 504})
"""Statuses after which the same read may well succeed."""

LONGEST_RETRY_AFTER: Final = 86_400.0
"""A `Retry-After` of more than a day is taken for a mistake, and ignored."""

_TRANSIENT_COST: Final = 14
_THROTTLED_COST: Final = 5
_SUCCESS_REFUND: Final = 1


class RetryBudget:
    """Bounds the retries of a session, so that an outage does not cause a retry storm.

    Attributes:
        drawn: What was drawn and not refunded.
    """

    __slots__ = ("_capacity", "drawn")

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self.drawn = 0

    def __repr__(self) -> str:
        return f"RetryBudget({self.left} of {self._capacity})"

    @property
    def left(self) -> int:
        """What is left to draw."""
        return self._capacity - self.drawn

    def draw(self, cost: int) -> bool:
        """Draw the cost of a retry; return false, and draw nothing, if too little is left."""
        if cost > self.left:
            return False
        self.drawn += cost
        return True

    def refund(self, amount: int = _SUCCESS_REFUND) -> None:
        """Refund after a success: what its last retry cost, or 1 if it had none."""
        self.drawn = max(0, self.drawn - amount)


def cost_of(error: RefoldError, *, first_stale: bool = False) -> int:
    """Return what a retry after this failure draws from the budget.

    Args:
        error: The failure.
        first_stale: Whether it is the call's first loss on a reused connection. Such a loss says nothing
            about the service, so its retry is free: a pool of dead connections would exhaust the budget.
    """
    if first_stale:
        return 0
    return _THROTTLED_COST if error.status == 429 or is_app_throttled(error) else _TRANSIENT_COST


def is_app_throttled(error: RefoldError) -> bool:
    """Whether the connected app throttled the call: by HTTP 429, or under HTTP 200 by `http_status` 429.

    Both mean the same: the customer's queue pauses, a read is retried, and a write is unknown, since the app
    may have done part of it.
    """
    if isinstance(error, ActionFailed):
        return error.result.http_status == 429
    return isinstance(error, RateLimitedError) and error.by_app


def is_transient(error: RefoldError) -> bool:
    """Whether the same call may well succeed a little later."""
    match error:
        case ConnectionFailedError() | UnreadableReplyError():
            return error.transient
        case StatusError():
            return error.status in TRANSIENT_STATUSES
        case ActionFailed():
            return error.result.http_status in TRANSIENT_STATUSES
        case _:
            return False


def fate_of(retry: Retry, effect: Effect, error: RefoldError) -> Fate:
    """Return the fate of the attempt that failed with an error.

    It is the error's own, except that a write after a 429 is `unknown` with `throttled_writes=False`.
    """
    if isinstance(error, RateLimitedError) and effect == "write" and not retry.throttled_writes:
        return "unknown"
    return error.fate


def is_safe(retry: Retry, effect: Effect, error: RefoldError) -> bool:
    """Whether retrying the call is safe.

    Retrying a read or an idempotent call never does. Retrying a write does, unless nothing of it was sent,
    or Refold itself (not the connected app) answered 429.
    """
    fate = fate_of(retry, effect, error)
    if effect in {"read", "idempotent"} or fate == "not_sent":
        return True
    return isinstance(error, RateLimitedError) and fate == "rejected"


class Waits:
    """The waits between the attempts of one call: exponential backoff with full jitter."""

    __slots__ = ("_bounds",)

    def __init__(self, retry: Retry) -> None:
        # An int 0: `0.0 * 2 ** n` raises OverflowError from n = 1024 on.
        base = retry.base or 0
        self._bounds: Generator[float, Any, None] = backoff.expo(factor=base, max_value=retry.cap)
        # backoff generators yield None first, which `full_jitter` cannot take.
        next(self._bounds)

    def next(self, retry_after: float | None) -> float:
        """Return the next wait in seconds, never below the response's `Retry-After`."""
        wait = backoff.full_jitter(next(self._bounds))
        return max(wait, retry_after or 0.0)


def may_retry(retry: Retry, effect: Effect, error: RefoldError, attempts: int) -> bool:
    """Whether a call that failed with this error at its `attempts`-th attempt may be retried."""
    return attempts < retry.attempts and is_transient(error) and is_safe(retry, effect, error)
