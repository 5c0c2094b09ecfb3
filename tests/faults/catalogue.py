"""Every fault that the server can play, as one table."""

from .rows_bodies import BODIES
from .rows_broken import BROKEN
from .rows_connecting import CONNECTING
from .rows_cutting import CUTTING
from .rows_framing import FRAMING
from .rows_heads import HEADS
from .rows_slow import SLOW
from .rows_statuses import STATUSES
from .rows_throttling import THROTTLING

FAULTS = (*CONNECTING, *CUTTING, *SLOW, *FRAMING, *HEADS, *BODIES, *STATUSES, *BROKEN, *THROTTLING)

__all__ = ["FAULTS"]
