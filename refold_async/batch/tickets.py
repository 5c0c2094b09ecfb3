"""A call on its way through a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from refold_async.batch.call import Call
from refold_async.errors import RefoldError

if TYPE_CHECKING:
    from refold_async.batch.lanes import Lane


class Ticket:
    """A call on its way through a batch: its place in the input, and how far it is.

    Attributes:
        call: What is to be run.
        index: Its place in the input, from 0.
        read_at: When it was read, by the event loop's clock.
        started_at: When its first attempt began; that of its taking until then.
        attempts: Attempts begun.
        paced: Seconds waited for turns by the rate limit.
        error: How its last attempt failed, until the next one is sent.
        lane: The lane of its account, while the scheduler has it.
        trip: What the maker of the attempts keeps between them.
        row: What the journal keeps of it.
    """

    __slots__ = (
        "attempts",
        "call",
        "error",
        "index",
        "lane",
        "paced",
        "read_at",
        "row",
        "started_at",
        "trip",
    )

    def __init__(self, call: Call, index: int, read_at: float) -> None:
        self.call = call
        self.index = index
        self.read_at = read_at
        self.started_at = 0.0
        self.attempts = 0
        self.paced = 0.0
        self.error: RefoldError | None = None
        self.lane: Lane | None = None
        self.trip: Any = None
        self.row: Any = None
