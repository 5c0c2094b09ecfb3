"""The result files of a shard, each whole or absent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, cast

from refold_async._core.private_files import sync_folder
from refold_async.batch.rows import ResultRow, done_fields
from refold_async.calls import Done
from refold_async.row_files import FileFormat, schema_of
from refold_async.row_files.part_file import PartFile
from refold_async.row_files.rewriting import read_fields

_IDENTITY: Final = ("linked_account_id", "key")


class Parts:
    """The result files of one shard: `part-000001.jsonl` and so on.

    Args:
        folder: The folder of the shard; created if it does not exist.
        form: The format of new files.
        recorded: The names of those that count, if the journal records them; default: all files do, since
            nobody but the owner of the shard writes any.
        run: The number of this run, which new files have in their names if the journal records them.

    Raises:
        SettingsError: If the format needs a package that is not installed.
    """

    def __init__(
        self, folder: Path, form: FileFormat = "jsonl", *, recorded: Sequence[str] | None = None, run: int = 0
    ) -> None:
        self._folder: Final = folder
        self._form: Final = form
        self._schema: Final = schema_of(form, ResultRow)
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        sync_folder(folder.parent)
        for left in folder.glob(".part-*"):  # of a run that was killed; the shard's journal is ours now
            left.unlink()
        if recorded is None:
            files = part_files(folder)
            self._prefix = "part-"
            self._number = int(files[-1].name[5:].partition(".")[0]) if files else 0
        else:
            files = [folder / name for name in recorded]
            # A worker that lost the shard, and does not know it yet, writes no file of the same name.
            self._prefix = f"part-{run:04d}-"
            self._number = 0
        self._written = {
            key
            for file in files
            for key in read_fields(cast("FileFormat", file.name.partition(".")[2]), file, _IDENTITY)
        }

    def add(self, outcomes: Sequence[Done]) -> str | None:
        """Write the rows of a new part and wait until it is on disk; return its name if there are new rows.

        A row that an earlier part has, since its run was killed before it could record that, is left out.
        """
        by_key = {_key(each): each for each in outcomes}
        new = [each for key, each in by_key.items() if key not in self._written]
        if not new:
            return None
        self._number += 1
        path = self._folder / f"{self._prefix}{self._number:06d}.{self._form}"
        part = PartFile(path, self._form, columns=ResultRow.__struct_fields__, schema=self._schema)
        try:
            part.write([done_fields(each) for each in new])
            part.finish()
        except BaseException:
            part.abandon()
            raise
        self._written.update(map(_key, new))
        return part.name


def part_folder(results: Path, shard: int) -> Path:
    """Return the folder of a shard's result files."""
    return results / f"shard-{shard:04d}"


def part_files(folder: Path) -> list[Path]:
    """Return the parts in the folder of a shard, in the order in which they were written."""
    return sorted(folder.glob("part-*"), key=lambda file: (file.name.find("."), file.name))


def _key(outcome: Done) -> tuple[str, str | None]:
    return outcome.call.linked_account_id, outcome.call.key
