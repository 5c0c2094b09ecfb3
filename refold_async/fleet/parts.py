"""The result files of a shard, each whole or absent."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final
from uuid import uuid4

from refold_async._core.private_files import open_private
from refold_async.calls import Call


class Parts:
    """The result files of one shard: `part-000001.jsonl` and so on, each whole or absent.

    Args:
        folder: The folder of the shard; created if it does not exist.
    """

    def __init__(self, folder: Path) -> None:
        self._folder: Final = folder
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        sync_folder(folder.parent)
        for left in folder.glob(".part-*"):  # of a run that was killed; the shard's journal is ours now
            left.unlink()
        files = part_files(folder)
        self._number = int(files[-1].stem.removeprefix("part-")) if files else 0
        self._written = {key for file in files for key in _keys(file)}

    def add(self, rows: Iterable[tuple[Call, bytes]]) -> int:
        """Write the rows of a new part and wait until it is on disk; return how many are new.

        A row that an earlier part has, since its run was killed before it could record that, is left out.
        """
        new = [(call, line) for call, line in rows if (call.linked_account_id, call.key) not in self._written]
        if new:
            self._number += 1
            write_file(self._folder / f"part-{self._number:06d}.jsonl", b"".join(line for _, line in new))
            self._written.update((call.linked_account_id, call.key) for call, _ in new)
        return len(new)


def part_files(folder: Path) -> list[Path]:
    """Return the parts in the folder of a shard, in the order in which they were written."""
    return sorted(folder.glob("part-*.jsonl"), key=lambda file: (len(file.name), file.name))


def _keys(file: Path) -> Iterator[tuple[str, str | None]]:
    with file.open("rb") as lines:
        for line in lines:
            row = json.loads(line)  # unlike msgspec, it takes lone surrogates in results
            yield row["linked_account_id"], row["key"]


def write_file(path: Path, content: bytes) -> None:
    """Write a file aside, sync it to disk, and rename it, so that it is whole whenever it exists."""
    written_aside(path, content).replace(path)
    sync_folder(path.parent)


def written_aside(path: Path, content: bytes) -> Path:
    """Write a file under another name beside a path, and sync it to disk; return that name."""
    aside = path.with_name(f".{path.name}.{uuid4().hex}")
    with open_private(aside, "xb") as target:
        target.write(content)
        target.flush()
        os.fsync(target.fileno())
    return aside


def sync_folder(folder: Path) -> None:
    """Wait until the entries of a folder are on disk."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
