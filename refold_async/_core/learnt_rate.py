"""The rate that a service allows, learnt from what it throttles. No clock, no I/O."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple


class _Growth(NamedTuple):
    """How fast the rate grows while calls wait for it: relative, at most so much per call and per second."""

    per_call: float
    per_second: float


_SEARCHING: Final = _Growth(0.1, 1.4)
_STEADY: Final = _Growth(0.005, 0.1)

_DECREASE: Final = 0.85
_NONE_ADMITTED_DECREASE: Final = 0.5
_LEAST: Final = 0.5
_LONGEST_FLIGHT: Final = 1.0
_SHORTEST_SPAN: Final = 0.1


class LearntRate:
    """Additive increase and multiplicative decrease, from the first 429 on.

    Attributes:
        rate: Calls per second, or `None` until the first 429.
        in_flight: The number of calls that have started and have no response; who starts one adds it.
    """

    __slots__ = (
        "_admitted", "_any_admitted", "_cuts", "_grown_at", "_stale", "_stale_until", "in_flight", "rate",
    )  # fmt: skip

    def __init__(self) -> None:
        self.rate: float | None = None
        self._admitted: deque[float] = deque(maxlen=64)
        self._any_admitted = False
        self._cuts = 0
        self._grown_at = 0.0
        self.in_flight = 0
        self._stale = 0
        self._stale_until = 0.0

    def __repr__(self) -> str:
        return "LearntRate(none)" if self.rate is None else f"LearntRate({self.rate:.1f}/s)"

    def count(self, now: float) -> None:
        """Count a response other than a 429 before the first 429: there is nothing else to learn yet."""
        if self.in_flight:
            self.in_flight -= 1
        self._admitted.append(now)

    def admit(self, now: float, *, busy: bool) -> None:
        """Learn from a response other than a 429.

        Args:
            now: The time.
            busy: Whether calls wait for the rate: otherwise it is not what bounds them, and stays.
        """
        if self._stale:
            self._is_stale(now)
        elif self.in_flight:
            self.in_flight -= 1
        self._admitted.append(now)
        self._any_admitted = True
        if self.rate is not None and busy:
            growth = _SEARCHING if self._cuts == 1 else _STEADY
            self.rate *= 1 + min(growth.per_call, growth.per_second * (now - self._grown_at))
        self._grown_at = now

    def throttle(self, now: float) -> bool:
        """Learn from a 429; return whether it lowered the rate."""
        if self._is_stale(now):
            return False
        if self.rate is None:
            self.rate = self._measured(now)
        else:
            self.rate *= _DECREASE if self._any_admitted else _NONE_ADMITTED_DECREASE
        self.rate = max(_LEAST, self.rate)
        self._cuts += 1
        self._any_admitted = False
        self._grown_at = now
        # What is in flight was sent at the old rate: its 429s would lower the new one for no reason.
        self._stale, self._stale_until, self.in_flight = self.in_flight, now + _LONGEST_FLIGHT, 0
        return True

    def _is_stale(self, now: float) -> bool:
        """Count a response; return whether its call started before the rate was last lowered."""
        if self._stale and now < self._stale_until:
            self._stale -= 1
            return True
        # Calls whose connection failed never respond: forgetting the rest keeps the count from drifting.
        self._stale = 0
        self.in_flight = max(0, self.in_flight - 1)
        return False

    def _measured(self, now: float) -> float:
        """Return how many calls per second were admitted of late."""
        recent = [moment for moment in self._admitted if moment > now - 1] or [now]
        span = now - recent[0]
        if len(recent) < (self._admitted.maxlen or 0):
            span = max(span, _SHORTEST_SPAN)
        return len(recent) / max(span, 0.001)
