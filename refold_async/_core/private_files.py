"""Files that hold customers' data: new ones are readable and writable by their owner alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal, cast


def open_private(path: Path | str, mode: Literal["ab", "wb", "xb"]) -> BinaryIO:
    """Open a file for writing; if it is created, only its owner may read it. An existing one keeps its mode.

    Raises:
        OSError: If it cannot be opened.
    """
    # By the opener: with a chmod afterwards, others could open the file in between.
    opened = open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))  # noqa: SIM115
    return cast("BinaryIO", opened)


def finish_file(file: BinaryIO, aside: Path, path: Path) -> None:
    """Sync a file that was written aside, close it, and give it its path in the same folder, durably.

    Raises:
        OSError: If it cannot be done; the file is closed.
    """
    with file:
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    sync_folder(path.parent)


@contextmanager
def replacement(path: Path) -> Iterator[BinaryIO]:
    """Open a file that replaces another one at the end of the block, which is whole whenever it is read.

    Raises:
        OSError: If it cannot be written.
    """
    aside = path.with_name(f".{path.name}.tmp")
    with open_private(aside, "wb") as file:
        yield file
        finish_file(file, aside, path)


def write_file(path: Path, content: bytes) -> None:
    """Replace a file; see `replacement`."""
    with replacement(path) as file:
        file.write(content)


def sync_folder(folder: Path) -> None:
    """Wait until the entries of a folder are on disk."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
