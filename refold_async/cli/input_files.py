"""Opening the input of a batch: any file, pipe or device, in the encoding that it was written in."""

from __future__ import annotations

import codecs
import io
import shutil
import stat
import sys
import tempfile
from os import fstat
from pathlib import Path
from typing import BinaryIO, Final

import click

from refold_async.cli.signals import interruptible

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class InputFile:
    """An input that can be read several times. Close it in the end.

    A pipe or another file that can be read only once is copied to a temporary file.

    Args:
        path: The file; `-` for stdin.
        encoding: The encoding; default: as the byte order mark says, else UTF-8.

    Attributes:
        name: The file's name in messages.

    Raises:
        click.UsageError: If the file cannot be opened or the encoding is unknown.
    """

    def __init__(self, path: str, encoding: str | None = None) -> None:
        self.name = "stdin" if path == "-" else path
        self._given = None if encoding is None else _known(encoding)
        with interruptible():  # a pipe may have no end, and a FIFO no writer
            self._bytes = _open(path)

    def close(self) -> None:
        """Close the file."""
        self._bytes.close()

    def text(self, newline: str | None) -> io.TextIOWrapper:
        """Return the text from its start. Detach it instead of closing it.

        Raises:
            click.UsageError: If the text is UTF-16 without a byte order mark.
        """
        self._bytes.seek(0)
        return io.TextIOWrapper(self._bytes, encoding=self._encoding(), newline=newline)

    def undecodable(self, error: UnicodeError) -> click.UsageError:
        """Return the usage error for a text that is not in its encoding; it gives the line."""
        encoding = self._encoding()
        self._bytes.seek(0)
        bad = (number for number, line in enumerate(self._bytes, 1) if not _decodes(line, encoding))
        # Only where a line feed is one byte do the lines of the bytes correspond to those of the text.
        line = None if encoding.startswith("utf-16") else next(bad, None)
        where = self.name if line is None else f"{self.name}, line {line}"
        shown = "UTF-8" if encoding.startswith("utf-8") else encoding
        return click.UsageError(f"{where}: not {shown} ({error}); pass --encoding, e.g. --encoding cp1252")

    def _encoding(self) -> str:
        if self._given is not None:
            return self._given
        self._bytes.seek(0)
        start = self._bytes.read(4)
        self._bytes.seek(0)
        if (found := encoding_of(start)) is None:
            raise click.UsageError(
                f"{self.name}: not UTF-8; pass --encoding, e.g. --encoding utf-16-le or utf-16-be"
            )
        return found


def encoding_of(start: bytes) -> str | None:
    """Return the encoding that a text's first bytes show; `None` for UTF-16 without a byte order mark."""
    if found := next((encoding for mark, encoding in _MARKS if start.startswith(mark)), None):
        return found
    return None if b"\0" in start else "utf-8"


def _known(encoding: str) -> str:
    try:
        name = codecs.lookup(encoding).name
        "".encode(name)
    except LookupError as error:
        raise click.BadParameter(
            f"{encoding!r} is not a text encoding, e.g. cp1252 or utf-16", param_hint="--encoding"
        ) from error
    return "utf-8-sig" if name == "utf-8" else name


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeError:
        return False
    return True


def _open(path: str) -> BinaryIO:
    if path == "-":
        return _copied(sys.stdin.buffer)
    try:
        file = Path(path).open("rb")  # noqa: SIM115 - `InputFile` closes it
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}") from error
    if stat.S_ISREG(fstat(file.fileno()).st_mode):
        return file
    with file:
        return _copied(file)


def _copied(source: BinaryIO) -> BinaryIO:
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - `InputFile` closes it
    shutil.copyfileobj(source, spool)
    return spool
