"""Every fault that the server can play, as one table."""

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
    "Answers that are cut off, and connections that end between two calls": CUTTING,
    "Answers that come late, drop by drop, or without end": SLOW,
    "Lengths and chunks told wrongly": FRAMING,
    "Odd status lines, headers, and answers before the answer": HEADS,
    "Bodies that are not what they should be": BODIES,
    "Errors and redirects": STATUSES,
    "Errors whose body fails too": BROKEN,
    "Throttling": THROTTLING,
}
"""The faults by what goes wrong, in the order of a call's life."""

FAULTS = tuple(chain.from_iterable(SECTIONS.values()))

__all__ = ["FAULTS", "SECTIONS"]
