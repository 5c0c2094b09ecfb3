"""How long a journal under a lease is certainly this run's, by this machine's clock."""

from __future__ import annotations

import time
from typing import Final

# Unlike the monotonic clock, this one goes on while the machine is suspended.
_CLOCK: Final = getattr(time, "CLOCK_BOOTTIME", None)


class LeaseClock:
    """Knows until when a lease certainly holds: counted from before the request that renewed it was sent.

    Args:
        seconds: How long the lease is from when it is renewed.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds: Final = seconds
        self._until = 0.0

    @property
    def renew_every(self) -> float:
        """The seconds between two renewals."""
        return self.seconds * 0.3

    @property
    def holds(self) -> bool:
        """Whether nobody else can have it."""
        return self.now() < self._until

    def now(self) -> float:
        """Return the time, for `renewed`."""
        return time.monotonic() if _CLOCK is None else time.clock_gettime(_CLOCK)

    def renewed(self, asked: float) -> None:
        """Note that a request sent at `asked` has renewed it."""
        self._until = asked + self.seconds
