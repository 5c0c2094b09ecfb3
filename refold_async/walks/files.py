"""The files of a pull: parts that are whole or not there, each row in exactly one. No event loop."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from refold_async._core.decoding import decode_any
from refold_async._core.lenient_json import members
from refold_async.errors import SettingsError
from refold_async.row_files import FileFormat, Row, schema_of
from refold_async.row_files.manifests import read_manifest, write_manifest
from refold_async.row_files.part_file import PartFile
from refold_async.row_files.rewriting import copy_rows
from refold_async.walks.state import OwnedFile, StateFile, WalkRow, checksum

ACCOUNT: Final = "linked_account_id"
"""The first column."""

_PARQUET_BYTES: Final = 32 * 2**20
"""Of records, as JSON: a Parquet file is in memory until it is finished, at three to four times this size."""

_PART: Final = re.compile(r"\.?part-\d{5}-\d{5}\.(jsonl|jsonl\.gz|csv|parquet)(\.tmp)?")


_TAKEN: Final = re.compile(f"(record_)*{ACCOUNT}")


def _fields(record: msgspec.Raw) -> dict[str, Any]:
    """Return a record's fields; one with the name of the first column is renamed."""
    value = decode_any(memoryview(record))
    return (
        {_named(name): item for name, item in value.items()} if isinstance(value, dict) else {"value": value}
    )


_members: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _texts(record: msgspec.Raw) -> dict[str, Any]:
    """Return a record's fields: strings, `None`, and the JSON of anything else as it came.

    A number that was decoded would be written as another one if it is beyond a float's range or precision.
    """
    try:
        found = _members.decode(record)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        try:
            found = {name: msgspec.Raw(value) for name, value in members(bytes(record)).items()}
        except ValueError:
            return {"value": _text(record)}
    return {_named(name): _text(value) for name, value in found.items()}


def _text(value: msgspec.Raw) -> object:
    return decode_any(memoryview(value)) if bytes(value).lstrip()[:1] in {b'"', b"n"} else value


def _named(name: str) -> str:
    return f"record_{name}" if _TAKEN.fullmatch(name) else name


class PartFolder:
    """A folder of parts that belong to a state: whatever is killed when, each row is in exactly one.

    A part is written aside, synced, renamed, and then owned by the state, in one commit with the points
    behind its pages. A part that is not owned is removed at the next start, and its pages are read again.

    Args:
        path: The folder; created if it does not exist.
        form: The format.
        state: The state.
        into: The type of a record, for Parquet's schema.
        rows: The rows after which a part is closed.
        seconds: The seconds after which it is.
    """

    def __init__(
        self,
        path: Path,
        form: FileFormat,
        state: StateFile,
        *,
        into: Any = None,
        rows: int = 100_000,
        seconds: float = 30.0,
    ) -> None:
        self._path: Final = path
        self._form: Final = form
        self._state: Final = state
        self._into: Final = into
        self._schema: Any = None
        self._most: Final = rows
        self._seconds: Final = seconds
        self._owned: dict[str, OwnedFile] = {}
        self._pending: dict[str, WalkRow] = {}
        self._bytes = 0
        self._part: PartFile | None = None

    def clean(self) -> None:
        """Look up which parts the state owns, and remove what an earlier start left unfinished.

        Raises:
            SettingsError: If the folder has parts of another state or format, or this one cannot be written.
        """
        self._schema = schema_of(self._form, self._into, before=(ACCOUNT,), name=_named)
        self._owned = {each.name: each for each in self._state.files()}
        self._path.mkdir(parents=True, exist_ok=True)
        found = {each.name for each in self._path.iterdir() if _PART.fullmatch(each.name)}
        manifest = read_manifest(self._path, "pull")
        listed = set() if manifest is None else {each.name for each in manifest.files}
        is_ours = self._owned and self._owned.keys() <= found
        if not is_ours and ((found and manifest is None) or (listed and not listed & self._owned.keys())):
            raise SettingsError(
                f"{self._path} has files of another state; choose another folder, or its state"
            )
        if other := [name for name in self._owned if name.partition(".")[2] != self._form]:
            form = other[0].partition(".")[2]
            raise SettingsError(
                f"{self._path} has files as {form}, not {self._form}: choose another folder, with its state"
            )
        for name in found - self._owned.keys():
            (self._path / name).unlink()
        if missing := self._owned.keys() - found:
            raise SettingsError(f"{self._path} lacks {min(missing)}, which the state owns")
        self.write_manifest({})

    def add(self, account: str, records: Sequence[msgspec.Raw], row: WalkRow) -> None:
        """Add a page."""
        if records:
            self._write([self._row(account, record) for record in records])
        self._pending[row.key] = row
        self._bytes += sum(len(memoryview(record)) for record in records) if self._form == "parquet" else 0
        part = self._part
        is_full = part is not None and (part.rows >= self._most or part.age >= self._seconds)
        if is_full or self._bytes >= _PARQUET_BYTES:
            self.close_part()

    def close_part(self) -> None:
        """Finish the part, and record it with the points behind its pages."""
        part, self._part = self._part, None
        self._bytes = 0
        rows, self._pending = list(self._pending.values()), {}
        files: list[OwnedFile] = []
        if part is not None:
            columns = dict(part.finish())
            keys = b"".join(checksum(row.key) for row in rows)
            files = [OwnedFile(part.name, self._state.run, part.rows, keys, columns)]
        self._state.write(rows, files)
        self._owned.update((each.name, each) for each in files)
        if files:
            self.write_manifest({})

    def restart(self, account: str, key: str) -> None:
        """Remove a customer's rows of this run: its walk begins again."""
        self.close_part()
        run = self._state.run
        replaced = [each for each in self._owned.values() if each.run == run and each.may_hold(key)]
        files = [self._without(each, account) for each in replaced]
        # The walk's point too: if this start is killed now, the next one must not go on behind lost rows.
        self._state.write([WalkRow(key, run, "{}")], files, [each.name for each in replaced])
        for each in replaced:
            del self._owned[each.name]
        self.write_manifest({})
        for each in replaced:
            (self._path / each.name).unlink()

    def abandon(self) -> None:
        """Remove an unfinished part."""
        if self._part is not None:
            self._part.abandon()

    def write_manifest(self, totals: Mapping[str, object]) -> None:
        """Write `manifest.json`: the files, rows, columns and run."""
        run, owned = self._state.run, self._owned.values()
        columns: dict[str, set[str]] = {}
        for each in owned:
            for name, kind in each.columns.items():
                columns.setdefault(name, set()).add(kind)
        manifest = {
            "kind": "pull",
            "format": self._form,
            "run": run,
            **totals,
            "rows": sum(each.rows for each in owned if each.run == run),
            "columns": {name: " | ".join(sorted(kinds)) for name, kinds in columns.items()},
            "files": [{"name": each.name, "run": each.run, "rows": each.rows} for each in owned],
        }
        write_manifest(self._path, manifest)

    def _row(self, account: str, record: msgspec.Raw) -> Row:
        if self._form in {"jsonl", "jsonl.gz"}:
            return {ACCOUNT: account, "record": record}
        return {ACCOUNT: account, **(_texts if self._form == "csv" else _fields)(record)}

    def _write(self, rows: Sequence[Row]) -> None:
        part = self._part or self._open()
        if not part.write(rows):
            self.close_part()
            self._open().write(rows)

    def _open(self) -> PartFile:
        # For CSV: all parts have the columns of those before them.
        known = (ACCOUNT, *(name for each in self._owned.values() for name in each.columns))
        path = self._path / self._next_name()
        self._part = PartFile(path, self._form, columns=known, schema=self._schema)
        return self._part

    def _next_name(self) -> str:
        run = f"part-{self._state.run:05d}-"
        numbers = [int(name[len(run) : len(run) + 5]) for name in self._owned if name.startswith(run)]
        return f"{run}{max(numbers, default=0) + 1:05d}.{self._form}"

    def _without(self, owned: OwnedFile, account: str) -> OwnedFile:
        """Copy a part without a customer's rows."""
        name = self._next_name()
        source, target = self._path / owned.name, self._path / name
        rows = copy_rows(self._form, source, target, (ACCOUNT,), lambda found: found != (account,))
        self._owned[name] = copy = owned._replace(name=name, rows=rows)
        return copy
