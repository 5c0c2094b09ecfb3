"""What a key waits for after 429s of Refold's own, in words: an unexplained wait looks like a hang."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from refold_async.errors import RateLimitedError

LONGEST_PAUSE: Final = 30.0
"""Seconds that a 429 pauses a whole key at most, however long it asks for; then one call probes."""


class KeyPauses:
    """The pauses of one key. It has no clock: callers pass the event loop's time.

    Attributes:
        total: Seconds that the key was paused in all.
    """

    __slots__ = ("_reason", "_until", "total")

    def __init__(self) -> None:
        self._until = 0.0
        self._reason = ""
        self.total = 0.0

    def begin(self, now: float, seconds: float, error: RateLimitedError) -> None:
        """Record that no call starts for some seconds, because of a 429."""
        until = now + seconds
        if until <= self._until:
            return
        self.total += until - max(now, self._until)
        asked = "" if error.retry_after is None else f" with Retry-After: {error.retry_after:g}"
        account = (
            "" if error.linked_account_id is None else f" to a call for account {error.linked_account_id!r}"
        )
        self._until = until
        self._reason = f"Refold answered 429{asked}{account}, so the key is paused"

    def left(self, now: float) -> float:
        """Return the seconds until the pause ends, or 0."""
        return max(0.0, self._until - now)

    @property
    def reason(self) -> str:
        """Why the key is, or was last, paused."""
        return self._reason

    def explain(self, now: float) -> str | None:
        """Return what is waited for, and until when; `None` if the key is not paused."""
        left = self.left(now)
        return f"{self._reason} until {in_words(moment(left))}" if left else None


def moment(seconds: float) -> datetime:
    """Return the time in some seconds."""
    return datetime.now(UTC) + timedelta(seconds=seconds)


def in_words(when: datetime) -> str:
    """Return a time of the day, e.g. `16:40:12 UTC`."""
    return f"{when:%H:%M:%S} UTC"
