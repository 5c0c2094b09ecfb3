"""All faults in one table."""

from itertools import chain

from .rows_bodies import BODIES
from .rows_broken import BROKEN
from .rows_connecting import CONNECTING
from .rows_cutting import CUTTING
from .rows_framing import FRAMING
from .rows_heads import HEADS
from .rows_slow import SLOW
from .rows_statuses import STATUSES
from .rows_throttling import THROTTLING

SECTIONS = {
    "Before the first request": CONNECTING,
    "Truncated responses, and connections closed between two calls": CUTTING,
    "Slow and endless responses": SLOW,
    "Wrong lengths and chunks": FRAMING,
    "Odd status lines and headers, and interim responses": HEADS,
    "Invalid and unusual bodies": BODIES,
    "Errors and redirects": STATUSES,
    "Error responses with broken bodies": BROKEN,
    "Throttling": THROTTLING,
}
"""Faults by what goes wrong, in the order of a call's life cycle."""

FAULTS = tuple(chain.from_iterable(SECTIONS.values()))

__all__ = ["FAULTS", "SECTIONS"]
