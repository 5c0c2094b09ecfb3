"""The setting that makes a batch resumable. Its file is `journal_file`; what is made of it, `resuming`."""

from __future__ import annotations

import os

import msgspec

from refold_async.errors import SettingsError


class Journal(msgspec.Struct, frozen=True):
    """A file that makes a batch resumable: run the same program again, and it goes on where it was.

    Before a write is sent, and after any call is answered, that is on disk (SQLite, write-ahead log,
    one `fsync` for the records of all calls that wait for one). So whenever the process dies, and also
    when the power fails on a disk that keeps what it was told to:

    - a call whose outcome was handed over is not run again;
    - a read that was under way is run again;
    - a write that was under way comes out once as `Failed` with the fate `unknown`, and of later runs
      as `Skipped` with the reason `unknown_before`;
    - a call that failed and surely was not done is run again, and so is one that never began.

    A call is known by its `key`, or by its place in the input where it has none: give keys where the
    input may change between runs. The file is readable by its owner alone (0600) and locked while a batch
    has it. It holds keys, a hash of each call, and times, never the API key nor parameters; results
    only where `replay` asks for them.

    Its price: a write waits for two `fsync`s and a read for one, each shared by all calls that wait then,
    and costs some 25 (read) to 45 (write) microseconds of CPU and 45 bytes of disk.

    Args:
        path: The file; made where there is none.
        job: A name of the job; a journal of another name is refused. Default: none.
        replay: Keep results, and hand those of earlier runs over again as `Done`; default: earlier runs'
            calls are `Skipped` as `done_before`.
        retry_unknown: Run the writes again of which nobody knows whether they were done; default: no.

    Raises:
        SettingsError: `path` is no path.
    """

    path: str | os.PathLike[str]
    job: str | None = None
    replay: bool = False
    retry_unknown: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no path."""
        if not isinstance(self.path, str | os.PathLike) or not os.fspath(self.path):
            raise SettingsError(f"journal must be a path or a Journal, not {self.path!r}")
        if self.job is not None and not isinstance(self.job, str):
            raise SettingsError(f"Journal: job must be a text, not {type(self.job).__name__}")


def journal_of(value: str | os.PathLike[str] | Journal) -> Journal:
    """Give the journal that a setting names.

    Raises:
        SettingsError: It names none.
    """
    return value if isinstance(value, Journal) else Journal(value)
