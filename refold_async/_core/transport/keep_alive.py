"""How long a connection is kept: while idle, and altogether."""

from __future__ import annotations

import random
import re
from typing import Final

KEPT_ALIVE: Final = 15.0
"""The most seconds that an idle connection is kept open."""

_MARGIN: Final = 1
"""Seconds before the server's announced time-out at which a connection is no longer used."""

_SPREAD: Final = 0.2

_TIMEOUT: Final = re.compile(r"(?:^|[,;\s])timeout\s*=\s*\"?(\d{1,9})(?![\d.])", re.IGNORECASE)


def idle_seconds(keep_alive: str | None) -> float:
    """Return how long a connection may be idle before its next request: `min(15, N - 1)` seconds.

    Args:
        keep_alive: The value of the response's `Keep-Alive` header, e.g. `timeout=5, max=100`; N is its
            `timeout`. Without one, or if it is malformed, 15 seconds.
    """
    found = None if keep_alive is None else _TIMEOUT.search(keep_alive)
    return KEPT_ALIVE if found is None else max(0.0, min(KEPT_ALIVE, float(found[1]) - _MARGIN))


def lifetime(max_age: float) -> float:
    """Return how old a new connection may become: `max_age` seconds, give or take a fifth.

    Connections that were opened together would otherwise all be opened again together.
    """
    return max_age * random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 - no secret
