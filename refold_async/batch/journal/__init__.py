"""What makes a batch resumable: the setting; `replay` applies it to a batch, `sqlite` is its `store`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import msgspec

from refold_async._core.checks import check_count
from refold_async.batch.journal.database_url import check_database, is_database
from refold_async.errors import SettingsError

if TYPE_CHECKING:
    from refold_async.batch.journal.records import JournalRecord


class Journal(msgspec.Struct, frozen=True):
    """A file that makes a batch resumable: run the same program again, and it continues.

    Each write is recorded on disk before it is sent, and each call after it was answered (SQLite,
    write-ahead log, one `fsync` for all pending records). So whenever the process dies, and also when the
    power fails on a disk that honours `fsync`:

    - a call that is done is not run again; its result is kept until its outcome was delivered, and a run
      that resumes hands it over (`Done` with `replayed`);
    - a read that was under way is run again;
    - a write that was under way, or failed with the fate `unknown`, is reported as `Failed` with that fate
      in every later run until it is settled;
    - a call that failed and was certainly not done is run again, and so is one that never began.

    An outcome is delivered when the consumer asks for the next one or leaves the block without an
    exception; `Refold.run` delivers when it returns. So each is delivered at least once.

    A call is identified by its linked account and `key`, or by its position in the input if it has none:
    set keys if the input may change between runs. The file is readable by its owner alone (0600); one batch
    at a time uses it (it locks a file beside it), and anyone may read it meanwhile. It holds linked
    accounts, keys, actions, a hash of each call, times, figures of each run, and error classes, never the
    API key; results only until they are delivered, and parameters only with `settle` and until a write is
    settled.

    Cost: a write waits for two `fsync`s and a read for one, each shared by all pending calls, as are the
    marks of what was delivered; see "Cost" in the guide on fan-out.

    Args:
        path: The file; created if it does not exist. Or the `postgresql://` URL of a database, without a
            password (extra `postgres`), which holds the journals of all jobs, for runs on any machine.
        job: The name of the job; a journal with another name is refused. Default: none. Required with a
            database.
        replay: Keep all results, and deliver those of earlier runs again as `Done`; default: calls whose
            outcomes earlier runs delivered are `Skipped` as `done_before`.
        retry_unknown: Run writes again if it is unknown whether they were done; default: no.
        shard: With a database, the shard of the job that this is the journal of. Default 0.

    Raises:
        SettingsError: If `path` is not a path, or is the URL of a database that cannot be used.
    """

    path: str | os.PathLike[str]
    job: str | None = None
    replay: bool = False
    retry_unknown: bool = False
    shard: int = 0

    def __post_init__(self) -> None:
        """Validate the settings."""
        if not isinstance(self.path, str | os.PathLike) or not os.fspath(self.path):
            raise SettingsError(f"journal must be a path or a Journal, not {self.path!r}")
        if self.job is not None and not isinstance(self.job, str):
            raise SettingsError(f"Journal: job must be a string, not {type(self.job).__name__}")
        check_count("Journal: shard", self.shard, least=0)
        if is_database(self.path):
            check_database(str(self.path))
            if not self.job:
                raise SettingsError("Journal: job is required with a database, which holds those of all jobs")

    @staticmethod
    def read(path: str | os.PathLike[str]) -> Iterator[JournalRecord]:
        """Yield what a journal holds of each call, without a client, even during a run.

        Args:
            path: The file; or in a database `URL#JOB`, or `URL#JOB/SHARD` for one shard.

        Raises:
            JournalError: If it is not a journal of this version, or cannot be read.
        """
        from refold_async.batch.journal.records import read_records  # noqa: PLC0415 - sqlite3 is loaded when used

        return read_records(path)


def journal_of(value: str | os.PathLike[str] | Journal) -> Journal:
    """Return the journal of a setting.

    Raises:
        SettingsError: If it is neither a path nor a `Journal`.
    """
    return value if isinstance(value, Journal) else Journal(value)
