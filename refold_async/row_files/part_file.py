"""One file of a folder while it is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any, Final

from refold_async._core.private_files import finish_file, open_private
from refold_async.row_files.writers import FileFormat, Row, row_writer


class PartFile:
    """A file that is written aside, and has its name only when it is whole.

    Args:
        path: Its path once it is whole.
        form: Its format.
        columns, schema: As in `row_writer`.

    Attributes:
        name: Its name.
        rows: The number of its rows.
    """

    def __init__(
        self, path: Path, form: FileFormat, *, columns: Iterable[str] = (), schema: Any = None
    ) -> None:
        self._path: Final = path
        self._aside: Final = path.with_name(f".{path.name}.tmp")
        self._file: Final = open_private(self._aside, "wb")
        self._writer: Final = row_writer(form, self._file, columns=columns, schema=schema)
        self._began: Final = monotonic()
        self.name: Final = path.name
        self.rows = 0

    @property
    def age(self) -> float:
        """Seconds since it was begun."""
        return monotonic() - self._began

    def write(self, rows: Sequence[Row]) -> bool:
        """Write rows; returns false, with none written, if they need a file of their own."""
        written = self._writer.write(rows)
        self.rows += len(rows) if written else 0
        return written

    def finish(self) -> Mapping[str, str]:
        """Wait until it is on disk, under its name, and return its columns with their types."""
        try:
            columns = self._writer.close()
            finish_file(self._file, self._aside, self._path)
        except BaseException:
            self.abandon()
            raise
        return columns

    def abandon(self) -> None:
        """Remove it."""
        with suppress(OSError, ValueError):
            self._writer.close()  # else it would try to write what it has when it is collected
        with suppress(OSError):
            self._file.close()
        self._aside.unlink(missing_ok=True)
