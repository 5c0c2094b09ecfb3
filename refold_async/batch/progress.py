"""How far a batch is."""

from __future__ import annotations

import msgspec


class BatchProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a batch is, as `on_progress` is told.

    Attributes:
        done: Calls that succeeded.
        failed: Calls that failed.
        skipped: Calls that were not run.
        under_way: Calls begun that have no outcome yet, those that wait for another attempt included.
        held: Calls in hand that wait to be started, or for another attempt.
        read: Calls read from the input.
        total: Calls that the input holds, where it knows.
        elapsed: Seconds since the batch began.
        rate: Calls ended a second, over the whole batch.
        left: Seconds until the end at this rate, where the total is known.
        ended: Whether the batch is over.
    """

    done: int
    failed: int
    skipped: int
    under_way: int
    held: int
    read: int
    total: int | None
    elapsed: float
    rate: float
    left: float | None
    ended: bool
