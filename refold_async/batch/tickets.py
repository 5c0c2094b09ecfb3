"""A call on its way through a batch, and the lane of its account."""

from __future__ import annotations

from collections import deque
from typing import Any, Final

import msgspec

from refold_async.batch.call import Call
from refold_async.errors import RefoldError
from refold_async.pacing import Bucket


class Lane:
    """The calls of one account that are in hand.

    Attributes:
        account: The linked account's id.
        queue: Its calls that wait to be started.
        running: Its calls under way.
        delayed: Its calls that wait for another attempt.
        allowed: Calls that may be under way: the bound, or fewer while its app throttles.
        bucket: Its rate, where it has one.
        fading: Whether it is kept, though it is empty, until its rate and its pause mean nothing any more.
        listed: Whether it is in line for a turn, or a timer will see to that.
        open_at: When the pause that its app asked for ends.
        kept_until: When its rate and its pause will mean nothing any more.
        throttles: Throttled answers since the last success.
    """

    __slots__ = (
        "account", "allowed", "bucket", "delayed", "fading", "kept_until", "listed", "open_at", "queue",
        "running", "throttles",
    )  # fmt: skip

    def __init__(self, account: str, allowed: int, bucket: Bucket | None) -> None:
        self.account = account
        self.queue: deque[Ticket] = deque()
        self.running = self.delayed = self.throttles = 0
        self.allowed = allowed
        self.bucket = bucket
        self.fading = self.listed = False
        self.open_at = self.kept_until = 0.0

    def opens(self, now: float) -> float:
        """Give the moment when its next call may start, its permits aside."""
        rate = 0.0 if self.bucket is None else self.bucket.wait(now)
        return max(self.open_at, now + rate)


_NOWHERE: Final = Lane("", 0, None)


class Ticket(msgspec.Struct, eq=False):
    """A call on its way through a batch: its place in the input, and how far it is.

    Attributes:
        call: What is to be run.
        index: Its place in the input, from 0.
        read_at: When it was read, by the event loop's clock.
        started_at: When its first attempt began; that of its taking until then.
        attempts: Attempts begun.
        paced: Seconds waited for turns by the rate limit.
        error: How its last attempt failed, until the next one is sent.
        lane: The lane of its account, once the scheduler has it.
        trip: What the maker of the attempts keeps between them.
        row: What the journal keeps of it.
    """

    call: Call
    index: int
    read_at: float
    started_at: float = 0.0
    attempts: int = 0
    paced: float = 0.0
    error: RefoldError | None = None
    lane: Lane = _NOWHERE
    trip: Any = None
    row: Any = None
