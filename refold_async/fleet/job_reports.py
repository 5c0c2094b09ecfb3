"""What a job and its shards came to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from refold_async.batch.journal.store import State
from refold_async.calls import Reason


class UnknownWrite(NamedTuple):
    """A write of which it is unknown whether it was done."""

    linked_account_id: str
    key: str


class ShardTotals(msgspec.Struct, frozen=True, kw_only=True):
    """What the batches or walks of a shard came to; see `ShardReport`."""

    done: int = 0
    failed: int = 0
    done_before: int = 0
    skipped: int = 0
    stopped: Reason | None = None


class ShardReport(ShardTotals, frozen=True, kw_only=True):
    """What one run of a shard came to.

    Attributes:
        shard: The shard, from 0.
        done: Calls whose result came in this run, also from an interrupted one's journal.
        failed: Calls that failed.
        done_before: Calls that earlier runs did.
        skipped: Calls that were not run for another reason.
        seconds: How long it took.
        worker: The process that ran it: its host and process id.
        stopped: Why it stopped before its end, if it did: calls may not have been read.
    """

    shard: int
    seconds: float
    worker: str

    @property
    def complete(self) -> bool:
        """Whether every call of the shard is done."""
        return not (self.failed or self.skipped or self.stopped)


class ShardProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one shard.

    Attributes:
        shard: The shard, from 0.
        state: `waiting`: no run began. `running`: a process runs it. `interrupted`: no run of it came to an
            end. `ended`: a run came to an end, and every call is done. `incomplete`: one did, and calls
            failed or were skipped; run it again.
        done: Calls done.
        failed: Calls that failed and run again in the next run.
        unknown: Writes of which it is unknown whether they were done.
        begun: Writes under way, or interrupted.
        worker: The process that runs it, or did last: its host and process id.
        seconds: How long it has been running, or how long its last run took that came to an end.
    """

    shard: int
    state: str
    done: int = 0
    failed: int = 0
    unknown: int = 0
    begun: int = 0
    worker: str | None = None
    seconds: float | None = None


class JobProgress(msgspec.Struct, frozen=True):
    """The state of a job.

    Attributes:
        shards: The state of each shard.
    """

    shards: list[ShardProgress]

    @property
    def done(self) -> int:
        """How many calls are done, or walks complete."""
        return sum(each.done for each in self.shards)

    @property
    def failed(self) -> int:
        """How many calls failed, and run again in the next run."""
        return sum(each.failed for each in self.shards)

    @property
    def unknown(self) -> int:
        """Of how many writes it is unknown whether they were done."""
        return sum(each.unknown for each in self.shards)

    @property
    def ended(self) -> int:
        """How many shards came to an end with every call done."""
        return sum(each.state == "ended" for each in self.shards)

    def __str__(self) -> str:
        running = sum(each.state == "running" for each in self.shards)
        now = f", {running:,} running" if running else ""
        return (
            f"{self.ended:,} of {len(self.shards):,} shards ended{now}; "
            f"{self.done:,} done, {self.failed:,} failed, {self.unknown:,} unknown"
        )


class JobSummary(msgspec.Struct, frozen=True):
    """The totals of a job.

    Attributes:
        progress: The state of each shard.
        unknown: The writes of which it is unknown whether they were done, however often shards were run.
        parts: The result files; each call that is done has one row in one of them.
    """

    progress: JobProgress
    unknown: list[UnknownWrite]
    parts: list[Path]

    @property
    def complete(self) -> bool:
        """Whether every call of every shard is done."""
        return self.progress.ended == len(self.progress.shards)

    def __str__(self) -> str:
        parts = f"; {len(self.parts):,} parts" if self.parts else ""
        return f"{self.progress}{parts}"


_DONE: Final = (State.DONE, State.FOUND)
UNKNOWN: Final = (State.UNKNOWN, State.ABSENT, State.UNRESOLVED)


def progress_of(
    shard: int,
    counts: Mapping[State, int],
    report: ShardReport | None,
    *,
    worker: str | None,
    running_for: float | None,
) -> ShardProgress:
    """Return the state of a shard by what is recorded of it.

    Args:
        shard: The shard.
        counts: How many calls are in which state.
        report: That of the last run that ended.
        worker: Who runs it, or did last; `None` if no run of it began.
        running_for: How long it has been running; `None` if nobody runs it.
    """
    begun, failed = counts.get(State.BEGUN, 0), counts.get(State.FAILED, 0)
    unknown = sum(counts.get(each, 0) for each in UNKNOWN)
    seconds = None if report is None else report.seconds
    if running_for is not None:
        state, seconds = "running", running_for
    elif report is None:
        state = "interrupted" if worker or any(counts.values()) else "waiting"
    elif begun:
        state = "interrupted"
    else:
        # By the journal, too: the last run may not have been given the calls that failed before.
        state = "ended" if report.complete and not (failed or unknown) else "incomplete"
    return ShardProgress(
        shard=shard,
        state=state,
        done=sum(counts.get(each, 0) for each in _DONE),
        failed=failed,
        unknown=unknown,
        begun=begun,
        worker=worker,
        seconds=seconds,
    )
