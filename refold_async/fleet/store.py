"""What a job needs of the place where its journals are: a folder today."""

from __future__ import annotations

from typing import Protocol

from refold_async.batch.journal import Journal
from refold_async.fleet.job_reports import ShardProgress, ShardReport, UnknownWrite


class JobStore(Protocol):
    """The journals of a job, and what its shards came to. It pickles without a password."""

    def create(self, name: str, shards: int, /) -> None:
        """Create what the job needs, or check that it belongs to this job. Idempotent.

        Raises:
            SettingsError: If it belongs to another job, or has another number of shards.
            JournalError: If it cannot be created or read.
        """
        ...

    def journal(self, name: str, shard: int, /) -> Journal:
        """Return the setting of a shard's journal."""
        ...

    def begin(self, shard: int, worker: str, /) -> None:
        """Record which worker runs a shard, once it owns the shard's journal."""
        ...

    def end(self, report: ShardReport, /) -> None:
        """Record what a run of a shard came to, before it releases the shard's journal."""
        ...

    def progress(self, shards: int, /) -> list[ShardProgress]:
        """Return the state of each shard, also while they run.

        Raises:
            JournalError: If a journal cannot be read.
        """
        ...

    def unknown(self, shards: list[ShardProgress], /) -> list[UnknownWrite]:
        """Return the writes of which it is unknown whether they were done, in some shards.

        Raises:
            JournalError: If a journal cannot be read.
        """
        ...
