"""What a job needs of the place where its journals are: a folder, or a database."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from refold_async.batch.journal import Journal
from refold_async.fleet.job_reports import ShardProgress, ShardReport, UnknownWrite


class WalkStore(Protocol):
    """The states of the walks of a job's shards."""

    def state(self, shard: int, /) -> Path:
        """Return the file of a shard's state."""
        ...

    def keep_figures(self, shard: int, figures: bytes, /) -> None:
        """Keep the encoded figures of a shard's walks, instead of those of an earlier run."""

    def note(self, shard: int, complete: int, failed: int, /) -> None:
        """Record how many walks are complete and how many failed, while a run has the state."""


class JobStore(Protocol):
    """The journals of a job, and what its shards came to. It pickles without a password."""

    def create(self, name: str, shards: int, /) -> str:
        """Create what the job needs, or check that it belongs to this job. Idempotent.

        Returns:
            What tells these journals from later ones of the same name, as far as that can be told.

        Raises:
            SettingsError: If it belongs to another job, or has another number of shards.
            JournalError: If it cannot be created or read.
        """
        ...

    def journal(self, name: str, shard: int, /) -> Journal:
        """Return the setting of a shard's journal."""
        ...

    def for_walks(self) -> WalkStore:
        """Return where the states of the shards' walks are.

        Raises:
            SettingsError: If the journals are not files of this host: the states of walks are.
        """
        ...

    def begin(self, shard: int, worker: str, /) -> None:
        """Record which worker runs a shard, once it owns the shard's journal."""

    def end(self, report: ShardReport, /) -> None:
        """Record what a run of a shard came to, before it releases the shard's journal."""

    def progress(self, shards: int, /) -> list[ShardProgress]:
        """Return the state of each shard, also while they run.

        Raises:
            JournalError: If a journal cannot be read.
        """
        ...

    def parts(self, shards: int, results: Path, /) -> list[Path]:
        """Return the result files of all shards.

        Raises:
            JournalError: If a journal cannot be read.
        """
        ...

    def figures(self, shards: int, /) -> list[bytes]:
        """Return the encoded figures of all runs of all shards, as far as they have recorded any.

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
