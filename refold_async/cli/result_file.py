"""The file of `refold batch --out`: appended during a run, and compacted to one line per call."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import msgspec

from refold_async._core.json_lines import json_line
from refold_async._core.private_files import open_private, replacement
from refold_async.cli.kept_rows import IDENTITY, KeptRows, call_id
from refold_async.row_files.rewriting import line_reader


class ResultFile:
    """Appends lines to a file, so that what was written and synced is never lost.

    Several runs of one job may write to it. When it is opened for another run, and when it is closed, it is
    compacted: a torn line is dropped, and of the lines of one call one is kept, which is its result if it has
    one, else the last that says more than that it was skipped. It is written aside and renamed, so that it is
    whole whenever the process is killed.

    Args:
        path: The file; created, for its owner alone, if it does not exist.

    Raises:
        OSError: If it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        self._file = open_private(path, "ab")
        # A device or a pipe can be neither synced nor compacted.
        self._regular: Final = stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)
        # Renaming over a link would replace the link.
        self._path: Final = Path(path).resolve()
        self._continues = False

    def begin(self, *, continues: bool) -> None:
        """Begin a run: truncate the file, or compact it if the run continues an earlier one."""
        if not self._regular:
            return
        if not continues:
            self._file.truncate(0)
            return
        self._continues = True
        self._compact()

    def write(self, row: dict[str, Any]) -> None:
        """Append a row as a line."""
        self._file.write(json_line(row))

    def flush(self) -> None:
        """Hand the lines over to the system."""
        self._file.flush()

    def sync(self) -> None:
        """Wait until the lines are on disk."""
        if self._regular:
            os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file; if the run continued an earlier one, compact it first."""
        try:
            if self._continues:
                self._file.flush()
                self._compact()
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Close the file after a failure: its buffer may fail to be written again."""
        with suppress(OSError):
            self.close()

    def _compact(self) -> None:
        kept, total = _kept_lines(self._path)
        if len(kept) == total:
            return
        with replacement(self._path) as target, self._path.open("rb") as source:
            Path(target.name).chmod(stat.S_IMODE(self._path.stat().st_mode))
            target.writelines(line for number, line in enumerate(source, 1) if number in kept)
        self._file.close()
        self._file = open_private(self._path, "ab")


_Identity = tuple[str, str | None, int, str]

_identity: Final = line_reader(IDENTITY)


def _kept_lines(path: Path) -> tuple[set[int], int]:
    """Return the numbers of the lines to keep, and how many lines there are."""
    rows: KeptRows[int] = KeptRows()
    kept: set[int] = set()
    number = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if (identity := _identity_of(line)) is not None:
                account, key, index, outcome = identity
                kept.add(number)
                kept.discard(rows.add(call_id(account, key, index), outcome, number) or 0)
    return kept, number


def _identity_of(line: bytes) -> _Identity | None:
    """Return what a line is of; `None` if it is torn, or half of one that another one followed."""
    try:
        return msgspec.convert(_identity(line), _Identity) if line.endswith(b"\n") else None
    except (ValueError, AttributeError, msgspec.MsgspecError):
        return None
