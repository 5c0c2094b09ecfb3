"""The documented rate limit: requests per second, with a burst.

The limiter is a GCRA (a token bucket kept as one number): there is no window edge at which twice the
rate passes, and the time until the next request is exact.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Hashable

import msgspec


class SandboxLimit(msgspec.Struct, frozen=True, kw_only=True):
    """The limits that a sandbox enforces.

    Attributes:
        per_second: Requests per second for one API key, 20 as documented; `None` for no limit.
        burst: How many of them may arrive at once, 5 as documented.
        retry_after: Whether a 429 has a `Retry-After` header (in whole seconds).
        per_account: Actions per second that one app allows one linked account. Above it the *app*
            throttles: HTTP 200, `node_status` Errored, `http_status` 429. `None` for no limit.
        per_account_burst: How many of those may arrive at once.
    """

    per_second: float | None = 20.0
    burst: int = 5
    retry_after: bool = True
    per_account: float | None = None
    per_account_burst: int = 5

    def __post_init__(self) -> None:
        for name in ("per_second", "per_account"):
            rate = getattr(self, name)
            if rate is not None and not (rate > 0 and math.isfinite(rate)):
                raise ValueError(f"{name} must be a positive number or None, not {rate!r}")
        if self.burst < 1 or self.per_account_burst < 1:
            raise ValueError("a burst must be at least 1")


class KeyedLimiter:
    """One GCRA per key."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float]) -> None:
        self._interval = 1.0 / per_second
        self._tolerance = (burst - 1) * self._interval
        self._clock = clock
        self._due: defaultdict[Hashable, float] = defaultdict(lambda: -math.inf)

    def wait(self, key: Hashable) -> float:
        """Return 0.0 and count the request, or return the seconds until `key` may send again."""
        now = self._clock()
        due = max(now, self._due[key])
        early = due - self._tolerance - now
        # A nanosecond of tolerance: sums of 1/20 s are not exact in binary, and would refuse the exact rate.
        if early > 1e-9:
            return early
        self._due[key] = due + self._interval
        return 0.0

    def reset(self) -> None:
        """Forget all requests counted so far."""
        self._due.clear()


class RequestLimits:
    """The limiters of a `SandboxLimit`: one over the API keys, one over each account's apps."""

    def __init__(self, limit: SandboxLimit | None, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.set(limit)

    def set(self, limit: SandboxLimit | None) -> None:
        """Change the limit; requests counted so far are forgotten."""
        self.limit = limit
        limit = limit or SandboxLimit(per_second=None)
        self.retry_after = limit.retry_after
        self._keys = _limiter(limit.per_second, limit.burst, self._clock)
        self._apps = _limiter(limit.per_account, limit.per_account_burst, self._clock)

    def key_wait(self, api_key: str) -> float:
        """Return the seconds until a key may send again; 0.0 allows the request."""
        return self._keys.wait(api_key) if self._keys else 0.0

    def app_wait(self, linked_account_id: str, slug: str) -> float:
        """Return the seconds until the connected app accepts an action; 0.0 allows it."""
        return self._apps.wait((linked_account_id, slug)) if self._apps else 0.0

    def reset(self) -> None:
        """Forget all requests counted so far."""
        for limiter in (self._keys, self._apps):
            if limiter:
                limiter.reset()


def _limiter(per_second: float | None, burst: int, clock: Callable[[], float]) -> KeyedLimiter | None:
    return None if per_second is None else KeyedLimiter(per_second, burst, clock)
