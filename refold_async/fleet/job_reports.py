"""What a job and its shards came to."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from refold_async.batch.journal.records import read_overview, read_records
from refold_async.batch.journal.sqlite import connect, is_empty, journal_errors
from refold_async.fleet.shards import JobFolder, part_files, write_file

_UNKNOWN = frozenset({"unknown", "absent", "unresolved"})


class UnknownWrite(NamedTuple):
    """A write of which it is unknown whether it was done."""

    linked_account_id: str
    key: str


class ShardReport(msgspec.Struct, frozen=True, kw_only=True):
    """What one run of a shard came to.

    Attributes:
        shard: The shard, from 0.
        done: Calls whose result came in this run, also from an interrupted one's journal.
        failed: Calls that failed.
        done_before: Calls that earlier runs did.
        skipped: Calls that were not run for another reason.
        seconds: How long it took.
    """

    shard: int
    done: int
    failed: int
    done_before: int
    skipped: int
    seconds: float

    @property
    def complete(self) -> bool:
        """Whether every call of the shard is done."""
        return not self.failed and not self.skipped


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
        begun: Calls under way, or interrupted.
    """

    shard: int
    state: str
    done: int = 0
    failed: int = 0
    unknown: int = 0
    begun: int = 0


class JobProgress(msgspec.Struct, frozen=True):
    """The state of a job.

    Attributes:
        shards: The state of each shard.
    """

    shards: list[ShardProgress]

    @property
    def done(self) -> int:
        """How many calls are done."""
        return sum(each.done for each in self.shards)

    @property
    def ended(self) -> int:
        """How many shards came to an end with every call done."""
        return sum(each.state == "ended" for each in self.shards)

    def __str__(self) -> str:
        failed, unknown = (sum(getattr(each, name) for each in self.shards) for name in ("failed", "unknown"))
        return (
            f"{self.ended:,} of {len(self.shards):,} shards ended; "
            f"{self.done:,} calls done, {failed:,} failed, {unknown:,} unknown"
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


def save_report(folder: JobFolder, report: ShardReport) -> None:
    """Save the report of a shard's run that ended."""
    write_file(folder.report(report.shard), msgspec.json.encode(report))


def read_progress(folder: JobFolder, shards: int) -> JobProgress:
    """Return the state of each shard, also while they run.

    Raises:
        JournalError: If a journal cannot be read.
    """
    return JobProgress([_shard_progress(folder, shard) for shard in range(shards)])


def _shard_progress(folder: JobFolder, shard: int) -> ShardProgress:
    journal = folder.journal(shard)
    if not _is_begun(journal):
        return ShardProgress(shard=shard, state=_state(folder, shard) or "waiting")
    overview = read_overview(journal)
    states = overview.states
    return ShardProgress(
        shard=shard,
        state="running" if overview.in_use else _state(folder, shard) or "interrupted",
        done=states.get("done", 0) + states.get("found", 0),
        failed=states.get("failed", 0),
        unknown=sum(states.get(name, 0) for name in ("unknown", "absent", "unresolved")),
        begun=states.get("begun", 0),
    )


def _is_begun(journal: Path) -> bool:
    """Whether a journal has its tables: a worker may be creating them, or was killed before it had."""
    if not journal.exists():
        return False
    with journal_errors(journal), closing(connect(journal.absolute(), mode="ro")) as db:
        return not is_empty(db, journal)


def _state(folder: JobFolder, shard: int) -> str | None:
    try:
        report = msgspec.json.decode(folder.report(shard).read_bytes(), type=ShardReport)
    except FileNotFoundError:
        return None
    return "ended" if report.complete else "incomplete"


def read_summary(folder: JobFolder, shards: int, results: Path | None) -> JobSummary:
    """Return the totals of a job.

    Raises:
        JournalError: If a journal cannot be read.
    """
    progress = read_progress(folder, shards)
    unknown = [
        UnknownWrite(record.linked_account_id, record.key or "")
        for each in progress.shards
        if each.unknown or (each.begun and each.state == "interrupted")
        for record in read_records(folder.journal(each.shard))
        if record.state in _UNKNOWN or (record.state == "begun" and record.effect == "write")
    ]
    parts: list[Path] = []
    if results is not None:
        for shard in range(shards):
            parts += part_files(results / f"shard-{shard:04d}")
    return JobSummary(progress, unknown, parts)
