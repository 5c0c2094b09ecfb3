"""What makes a batch resumable: the setting; `sqlite` is its file, `replay` applies it to a batch."""

from __future__ import annotations

import os

import msgspec

from refold_async.errors import SettingsError


class Journal(msgspec.Struct, frozen=True):
    """A file that makes a batch resumable: run the same program again, and it continues.

    Each write is recorded on disk before it is sent, and each call after it was answered (SQLite,
    write-ahead log, one `fsync` for all pending records). So whenever the process dies, and also when the
    power fails on a disk that honours `fsync`:

    - a call whose outcome was delivered is not run again;
    - a read that was under way is run again;
    - a write that was under way is reported once as `Failed` with the fate `unknown`, and in later runs
      as `Skipped` with the reason `unknown_before`;
    - a call that failed and was certainly not done is run again, and so is one that never began.

    A call is identified by its `key`, or by its position in the input if it has none: set keys if the
    input may change between runs. The file is readable by its owner alone (0600) and locked while a batch
    uses it. It holds keys, a hash of each call, and times, never the API key or parameters; results only
    with `replay`.

    Cost: a write waits for two `fsync`s and a read for one, each shared by all pending calls; a call takes
    some 25 (read) to 45 (write) microseconds of CPU and 45 bytes of disk.

    Args:
        path: The file; created if it does not exist.
        job: The name of the job; a journal with another name is refused. Default: none.
        replay: Keep results, and deliver those of earlier runs again as `Done`; default: calls done in
            earlier runs are `Skipped` as `done_before`.
        retry_unknown: Run writes again if it is unknown whether they were done; default: no.

    Raises:
        SettingsError: If `path` is not a path.
    """

    path: str | os.PathLike[str]
    job: str | None = None
    replay: bool = False
    retry_unknown: bool = False

    def __post_init__(self) -> None:
        """Validate the settings."""
        if not isinstance(self.path, str | os.PathLike) or not os.fspath(self.path):
            raise SettingsError(f"journal must be a path or a Journal, not {self.path!r}")
        if self.job is not None and not isinstance(self.job, str):
            raise SettingsError(f"Journal: job must be a string, not {type(self.job).__name__}")


def journal_of(value: str | os.PathLike[str] | Journal) -> Journal:
    """Return the journal of a setting.

    Raises:
        SettingsError: If it is neither a path nor a `Journal`.
    """
    return value if isinstance(value, Journal) else Journal(value)
