"""The folder of a job: a SQLite journal per shard, for workers on one host."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Final
from uuid import uuid4

import msgspec

from refold_async._core.private_files import write_file
from refold_async.batch.journal import Journal
from refold_async.batch.journal.lock import is_owned
from refold_async.batch.journal.records import read_counts, read_records, read_runs
from refold_async.batch.journal.store import State
from refold_async.errors import SettingsError
from refold_async.fleet.job_file import JobFile, claim_folder
from refold_async.fleet.job_reports import UNKNOWN, ShardProgress, ShardReport, UnknownWrite, progress_of
from refold_async.fleet.parts import part_files, part_folder
from refold_async.fleet.walk_files import complete_walks, walk_parts


class _ShardFile(msgspec.Struct, frozen=True):
    """The last run of a shard.

    Attributes:
        worker: Who ran it.
        began: When, in seconds since 1970.
        report: What the last run that ended came to.
        complete: How many walks are complete, as it was last noted.
        failed: How many walks have failed in the run.
    """

    worker: str | None = None
    began: float | None = None
    report: ShardReport | None = None
    complete: int = 0
    failed: int = 0


class JobFolder:
    """A folder with `job.json`, and a journal and the last run's file for each shard: a `JobStore`.

    Args:
        path: The folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Final = Path(path)

    def __repr__(self) -> str:
        return repr(str(self.path))

    def create(self, name: str, shards: int) -> str:
        """Create the folder, or check that it belongs to this job; return what tells it from later ones.

        Raises:
            SettingsError: If it belongs to another job, or has another number of shards.
            OSError: If it cannot be created or read.
        """
        found = claim_folder(self.path, JobFile(name, shards, uuid4().hex))
        if (found.name, found.shards) != (name, shards):
            raise SettingsError(
                f"Job: {self.path} is the journal of job {found.name!r} in {found.shards} shards,"
                f" not {name!r} in {shards}; use another folder"
            )
        return found.id

    def journal(self, name: str, shard: int) -> Journal:
        """Return the setting of a shard's journal."""
        return Journal(self._path(shard, "sqlite"), job=f"{name} [{shard}]")

    def for_walks(self) -> JobFolder:
        """Return where the states of the shards' walks are: here."""
        return self

    def state(self, shard: int) -> Path:
        """Return the file of the state of a shard's walks."""
        return self._path(shard, "walks.sqlite")

    def note(self, shard: int, complete: int, failed: int) -> None:
        """Record how many walks are complete and how many failed, while a run has the state."""
        self._save(shard, msgspec.structs.replace(self._last(shard), complete=complete, failed=failed))

    def begin(self, shard: int, worker: str) -> None:
        """Record which worker runs a shard."""
        last = self._last(shard)
        self._save(shard, msgspec.structs.replace(last, worker=worker, began=time.time(), failed=0))

    def end(self, report: ShardReport) -> None:
        """Record what a run of a shard came to."""
        complete = report.done + report.done_before
        began = time.time() - report.seconds
        self._save(report.shard, _ShardFile(report.worker, began, report, complete, report.failed))

    def parts(self, shards: int, results: Path) -> list[Path]:
        """Return the result files of all shards.

        Raises:
            JournalError: If a journal cannot be read.
        """
        found: list[Path] = []
        for shard in range(shards):
            state, folder = self.state(shard), part_folder(results, shard)
            found += walk_parts(state, folder) if state.exists() else part_files(folder)
        return found

    def keep_figures(self, shard: int, figures: bytes) -> None:
        """Keep the figures of a shard's walks, instead of those of an earlier run."""
        write_file(self._path(shard, "figures"), figures)

    def figures(self, shards: int) -> list[bytes]:
        """Return the encoded figures of all runs of all shards.

        Raises:
            JournalError: If a journal cannot be read.
        """
        found: list[bytes] = []
        for shard in range(shards):
            kept, journal = self._path(shard, "figures"), self._path(shard, "sqlite")
            if kept.exists():
                found.append(kept.read_bytes())
            elif journal.exists():
                found += (each for run in read_runs(journal) for each in run.figures)
        return found

    def progress(self, shards: int) -> list[ShardProgress]:
        """Return the state of each shard, also while they run.

        Raises:
            JournalError: If a journal cannot be read.
        """
        return [self._progress(shard) for shard in range(shards)]

    def unknown(self, shards: list[ShardProgress]) -> list[UnknownWrite]:
        """Return the writes of which it is unknown whether they were done.

        Raises:
            JournalError: If a journal cannot be read.
        """
        return [
            UnknownWrite(record.linked_account_id, record.key or "")
            for each in shards
            if each.unknown or each.begun
            for record in read_records(
                self._path(each.shard, "sqlite"),
                UNKNOWN if each.state == "running" else (*UNKNOWN, State.BEGUN),
            )
        ]

    def _progress(self, shard: int) -> ShardProgress:
        state, journal = self.state(shard), self._path(shard, "sqlite")
        # Looked at before the last run's file: a run that ends meanwhile has saved its report before.
        if state.exists():
            complete = complete_walks(state)
            running, last = complete is None, self._last(shard)
            done = last.complete if complete is None else complete
            counts = {State.DONE: done, State.FAILED: last.failed}
        else:
            running, counts = is_owned(journal), read_counts(journal) if journal.exists() else {}
            last = self._last(shard)
        running_for = time.time() - (last.began or time.time()) if running else None
        return progress_of(shard, counts, last.report, worker=last.worker, running_for=running_for)

    def _path(self, shard: int, suffix: str) -> Path:
        return self.path / f"shard-{shard:04d}.{suffix}"

    def _last(self, shard: int) -> _ShardFile:
        try:
            return msgspec.json.decode(self._path(shard, "json").read_bytes(), type=_ShardFile)
        except FileNotFoundError:
            return _ShardFile()

    def _save(self, shard: int, file: _ShardFile) -> None:
        write_file(self._path(shard, "json"), msgspec.json.encode(file))
