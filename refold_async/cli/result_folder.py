"""The folder of `refold batch --out DIR --out-format …`: parts, and the manifest that names them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from refold_async.batch.rows import ResultRow
from refold_async.cli.kept_rows import IDENTITY, CallId, KeptRows, call_id
from refold_async.errors import SettingsError
from refold_async.row_files import FileFormat, schema_of
from refold_async.row_files.manifests import ListedFile, Manifest, read_manifest, write_manifest
from refold_async.row_files.part_file import PartFile
from refold_async.row_files.rewriting import copy_rows, read_fields

_PART: Final = re.compile(r"\.?part-(\d{6,})\.(jsonl|jsonl\.gz|csv|parquet)(\.tmp)?")

_ROWS: Final = 100_000
_BYTES: Final = 64 * 2**20
_SECONDS: Final = 30.0
"""A part ends after so many rows, bytes of results or seconds, also if nothing waits for it to be on disk."""

Place = tuple[str, int]
"""The name of a part, and the number of a row in it."""


class ResultFolder:
    """Writes rows to parts. A row counts once the manifest, which is written last, names its part.

    Several runs of one job may write to it: when it is opened for another run, and when it is closed, parts
    are copied without the rows that another row of the same call supersedes.

    Args:
        path: The folder; created if it does not exist.
        form: The format.

    Raises:
        SettingsError: If the folder is not one of results in this format, or the format cannot be written.
        OSError: If it cannot be created or read.
    """

    def __init__(self, path: str, form: FileFormat) -> None:
        self._path: Final = Path(path)
        self._form: Final = form
        self._schema: Final = schema_of(form, ResultRow)
        self._path.mkdir(parents=True, exist_ok=True)
        manifest = self._read_manifest()
        self._listed = {each.name: each.rows for each in manifest.files}
        self._columns = manifest.columns
        self._number = max((_number(name) for name in self._listed), default=0)
        self._kept: KeptRows[Place] | None = None
        self._superseded: dict[str, set[int]] = {}
        self._rows: list[dict[str, Any]] = []
        self._part: PartFile | None = None
        self._bytes = 0

    def begin(self, *, continues: bool) -> None:
        """Begin a run: remove all parts, or those that the manifest does not name if the run continues.

        Raises:
            SettingsError: If a part is damaged.
            OSError: If the folder cannot be written.
        """
        if not continues:
            self._listed.clear()
        self._commit()
        if continues:
            self._look_through()
            if self._compact():
                self._look_through()  # rows have other places now

    def write(self, row: dict[str, Any]) -> None:
        """Add a row."""
        self._rows.append(row)

    def flush(self) -> None:
        """Hand the rows over to the part, and end it if it is large or old."""
        rows, self._rows = self._rows, []
        self._add(rows)
        part = self._part
        if part is not None and (part.rows >= _ROWS or self._bytes >= _BYTES or part.age >= _SECONDS):
            self.sync()

    def sync(self) -> None:
        """Wait until the rows are on disk: end the part, and name it in the manifest."""
        part, self._part = self._part, None
        if part is None:
            return
        self._bytes = 0
        self._columns = dict(part.finish())
        self._listed[part.name] = part.rows
        self._commit()

    def close(self) -> None:
        """End the run; if it continued an earlier one, remove what this one has superseded."""
        self.sync()
        self._compact()

    def abandon(self) -> None:
        """End a run whose rows could not be written: those that are not yet named do not count."""
        if self._part is not None:
            self._part.abandon()

    def _add(self, rows: list[dict[str, Any]]) -> None:
        """Write rows, but for those that say less than the row that their call has already."""
        name, first = (self._next_name(), 0) if self._part is None else (self._part.name, self._part.rows)
        new: list[dict[str, Any]] = []
        for row in rows:
            if self._keeps(row, (name, first + len(new))):
                self._bytes += len(row["data"]) if isinstance(row.get("data"), msgspec.Raw) else 0
                new.append(row)
        if not new:
            return
        if self._part is None:
            self._number += 1
            self._part = PartFile(
                self._path / name, self._form, columns=ResultRow.__struct_fields__, schema=self._schema
            )
        self._part.write(new if self._form.startswith("jsonl") else [_flat(row) for row in new])

    def _keeps(self, row: Mapping[str, Any], place: Place) -> bool:
        if self._kept is None:
            return True
        call = call_id(row["linked_account_id"], row["key"], row["index"])
        lost = self._kept.add(call, row["outcome"], place)
        if lost is not None and lost != place:
            self._superseded.setdefault(lost[0], set()).add(lost[1])
        return lost != place

    def _look_through(self) -> None:
        """Learn which rows there are, and which of them are superseded."""
        self._kept = kept = KeptRows[Place]()
        for name in self._listed:
            for number, (call, outcome) in enumerate(self._calls_in(name)):
                lost = kept.add(call, outcome, (name, number))
                if lost is not None:
                    self._superseded.setdefault(lost[0], set()).add(lost[1])

    def _calls_in(self, name: str) -> Iterator[tuple[CallId, str]]:
        count, expected = 0, self._listed[name]
        why: object = None
        try:
            for account, key, index, outcome in read_fields(self._form, self._path / name, IDENTITY):
                count += 1
                yield call_id(account, key or None, int(index)), outcome
        except (ValueError, TypeError, LookupError, EOFError) as error:
            why = error
        if why is not None or count != expected:
            why = why or f"{count} rows instead of {expected}"
            raise SettingsError(f"{self._path / name} is damaged ({why}): choose another folder")

    def _compact(self) -> bool:
        """Copy parts without the rows that are superseded; returns whether there were any."""
        if not self._superseded:
            return False
        for name, lost in self._superseded.items():
            rows = self._listed.pop(name)
            if rows > len(lost):
                self._copy(name, rows, lost)
        self._superseded.clear()
        self._commit()
        return True

    def _copy(self, name: str, rows: int, lost: set[int]) -> None:
        copy, numbers = self._next_name(), iter(range(rows))
        source, target = self._path / name, self._path / copy
        kept = copy_rows(self._form, source, target, ("index",), lambda _: next(numbers) not in lost)
        self._listed[copy] = kept
        self._number += 1

    def _next_name(self) -> str:
        return f"part-{self._number + 1:06d}.{self._form}"

    def _commit(self) -> None:
        """Write the manifest, and remove the parts that it does not name."""
        files = [ListedFile(name, rows) for name, rows in self._listed.items()]
        rows = sum(self._listed.values())
        write_manifest(self._path, Manifest("batch", self._form, rows, self._columns, files))
        for name in self._names() - self._listed.keys():
            (self._path / name).unlink(missing_ok=True)

    def _names(self) -> set[str]:
        return {each.name for each in self._path.iterdir() if _PART.fullmatch(each.name)}

    def _read_manifest(self) -> Manifest:
        path, read = self._path, read_manifest(self._path, "batch")
        if read is None:
            if names := self._names():
                raise SettingsError(f"{path} has {min(names)}, but no manifest.json: choose another folder")
            return Manifest("batch", self._form)
        if read.format != self._form:
            raise SettingsError(
                f"{path} has results as {read.format}, not {self._form}: choose another folder"
            )
        if missing := {each.name for each in read.files} - self._names():
            raise SettingsError(f"{path} lacks {min(missing)}, which its manifest.json names")
        return read


def _number(name: str) -> int:
    found = _PART.fullmatch(name)
    return int(found[1]) if found else 0


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with the columns of a table: the fate is beside the error, and no status is odd."""
    status, error = row.get("http_status"), row.get("error") or {}
    known = isinstance(status, int) and 0 <= status < 2**31
    return {"fate": error.get("fate"), **row, "http_status": status if known else None}
