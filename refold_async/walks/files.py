"""Files of records: JSON lines, CSV and Parquet, in parts that are whole or not there. No event loop."""

from __future__ import annotations

import csv
import gzip
import io
import os
import re
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, Protocol

import msgspec

from refold_async._core.private_files import open_private
from refold_async.errors import SettingsError
from refold_async.walks.state import OwnedFile, StateFile, WalkRow, checksum

FileFormat = Literal["jsonl", "jsonl.gz", "csv", "parquet"]

ACCOUNT: Final = "linked_account_id"
"""The first column."""

_PART: Final = re.compile(r"\.?part-\d{5}-\d{5}\.(jsonl|jsonl\.gz|csv|parquet)(\.tmp)?")


class PartWriter(Protocol):
    """Writes one part."""

    def write(self, account: str, records: Sequence[msgspec.Raw]) -> bool:
        """Write records; returns false, with none written, if they need a part of their own."""
        ...

    def close(self) -> Mapping[str, str]:
        """Write what is left, and return the columns with their types."""
        ...


class _JsonLines:
    """Writes `{"linked_account_id": …, "record": …}` on each line; nested values are kept as they came."""

    def __init__(self, file: BinaryIO, *, compress: bool) -> None:
        zipped = gzip.GzipFile(fileobj=file, mode="wb", mtime=0) if compress else None
        self._file: Final = zipped or file
        self._compress: Final = compress

    def write(self, account: str, records: Sequence[msgspec.Raw]) -> bool:
        """Write records."""
        head = b'{"%s":%s,"record":' % (ACCOUNT.encode(), msgspec.json.encode(account))
        self._file.write(b"".join(b"%s%s}\n" % (head, _one_line(record)) for record in records))
        return True

    def close(self) -> Mapping[str, str]:
        """Write what is left."""
        if self._compress:
            self._file.close()
        return {}


class _Csv:
    """Writes a column per field, nested values as JSON. Records with other fields need another part."""

    def __init__(self, file: BinaryIO, known: Collection[str]) -> None:
        self._text: Final = io.TextIOWrapper(file, "utf-8", newline="", write_through=True)
        self._writer: Final = csv.writer(self._text)
        self._known: Final = known
        self._columns: list[str] = []

    def write(self, account: str, records: Sequence[msgspec.Raw]) -> bool:
        """Write records, unless they have fields that the part has no columns for."""
        rows = [_flat(record) for record in records]
        fields = dict.fromkeys(name for row in rows for name in row)
        if not self._columns:
            self._columns = [*dict.fromkeys([*self._known, *fields])]
            self._writer.writerow([ACCOUNT, *self._columns])
        elif not fields.keys() <= set(self._columns):
            return False
        self._writer.writerows([account, *(_cell(row.get(name)) for name in self._columns)] for row in rows)
        return True

    def close(self) -> Mapping[str, str]:
        """Return the columns."""
        self._text.detach()
        return dict.fromkeys(self._columns, "string")


class _Parquet:
    """Collects Arrow tables, whose schemas are unified when the part is written.

    Args:
        file: The file.
        into: The type of a record, which sets the schema; default: fields as they come, nested ones as JSON.
    """

    def __init__(self, file: BinaryIO, into: Any) -> None:
        self._arrow: Final[Any] = arrow()
        self._file: Final = file
        self._schema: Final = None if into is None else _schema_of(into, self._arrow)
        self._tables: list[Any] = []
        self._rows: list[dict[str, Any]] = []

    def write(self, account: str, records: Sequence[msgspec.Raw]) -> bool:
        """Add records."""
        read = _flat if self._schema is None else _fields
        self._rows += ({ACCOUNT: account, **read(record)} for record in records)
        if len(self._rows) >= _ROW_GROUP:
            self._convert()
        return True

    def close(self) -> Mapping[str, str]:
        """Write the file."""
        self._convert()
        schema, tables = self._schema, self._tables
        if schema is None:
            schema, tables = _unified(self._tables, self._arrow)
        with import_module("pyarrow.parquet").ParquetWriter(self._file, schema) as writer:
            for table in tables:
                writer.write_table(table)
        return {field.name: str(field.type) for field in schema}

    def _convert(self) -> None:
        rows, self._rows = self._rows, []
        pa, schema = self._arrow, self._schema
        if rows and schema is None:
            names = dict.fromkeys(name for row in rows for name in row)
            columns = {name: _column([row.get(name) for row in rows], pa) for name in names}
            self._tables.append(pa.table(columns))
        elif rows:
            fitted = [
                {field.name: _to_type(row.get(field.name), field.type, pa) for field in schema or ()}
                for row in rows
            ]
            self._tables.append(pa.Table.from_pylist(fitted, schema=schema))


_ROW_GROUP: Final = 10_000


def arrow() -> Any:
    """Return the module pyarrow.

    Raises:
        SettingsError: If it is not installed.
    """
    try:
        return import_module("pyarrow")
    except ModuleNotFoundError as error:
        raise SettingsError("parquet needs pyarrow; run: pip install 'refold-async[arrow]'") from error


def _column(values: list[Any], pa: Any) -> Any:
    """Return an Arrow array; values of several types become text, so that no row is lost to one of them."""
    try:
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return pa.array([None if value is None else _cell(value) for value in values], pa.string())


def _unified(tables: Sequence[Any], pa: Any) -> tuple[Any, list[Any]]:
    """Unify the schema of tables: numbers are widened, and columns with types that differ become text."""
    try:
        schema = _common_schema([table.schema for table in tables], pa.float64(), pa)
        return schema, [_fitted(table, schema, pa) for table in tables]
    except pa.ArrowInvalid:  # an integer that no float can hold
        schema = _common_schema([table.schema for table in tables], pa.string(), pa)
        return schema, [_fitted(table, schema, pa) for table in tables]


def _common_schema(schemas: Sequence[Any], numbers: Any, pa: Any) -> Any:
    kinds: dict[str, list[Any]] = {ACCOUNT: [pa.string()]}
    for field in (field for schema in schemas for field in schema):
        if not pa.types.is_null(field.type) and field.type not in kinds.setdefault(field.name, []):
            kinds[field.name].append(field.type)
    return pa.schema([(name, _common_type(held, numbers, pa)) for name, held in kinds.items()])


def _common_type(kinds: Sequence[Any], numbers: Any, pa: Any) -> Any:
    if len(kinds) == 1:
        return kinds[0]
    are_numbers = all(pa.types.is_integer(each) or pa.types.is_floating(each) for each in kinds)
    return numbers if kinds and are_numbers else pa.string()


def _fitted(table: Any, schema: Any, pa: Any) -> Any:
    """Return a table with the columns of a schema."""
    columns = [
        _cast(table.column(field.name), field.type, pa)
        if field.name in table.column_names
        else pa.nulls(len(table), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _cast(column: Any, kind: Any, pa: Any) -> Any:
    if column.type == kind:
        return column
    if pa.types.is_string(kind):
        return pa.array([None if value is None else _cell(value) for value in column.to_pylist()], kind)
    return column.cast(kind)


def _schema_of(into: Any, pa: Any) -> Any:
    """Return the Arrow schema of a type: a Struct, a dataclass or a TypedDict.

    Raises:
        SettingsError: If the type has no fields.
    """
    kind = msgspec.inspect.type_info(into)
    if not isinstance(kind, _WITH_FIELDS):
        raise SettingsError(f"into must be a type with fields for parquet, not {into!r}")
    fields = ((_named(each.encode_name), _arrow_type(each.type, pa)) for each in kind.fields)
    return pa.schema([(ACCOUNT, pa.string()), *fields])


_WITH_FIELDS: Final = (
    msgspec.inspect.StructType,
    msgspec.inspect.DataclassType,
    msgspec.inspect.TypedDictType,
)


def _arrow_type(kind: Any, pa: Any) -> Any:
    if isinstance(kind, msgspec.inspect.UnionType):
        first, *others = [each for each in kind.types if not isinstance(each, msgspec.inspect.NoneType)]
        return pa.string() if others else _arrow_type(first, pa)
    if isinstance(kind, msgspec.inspect.ListType):
        return pa.list_(_arrow_type(kind.item_type, pa))
    if isinstance(kind, _WITH_FIELDS):
        return pa.struct([(each.encode_name, _arrow_type(each.type, pa)) for each in kind.fields])
    simple = {"IntType": pa.int64(), "FloatType": pa.float64(), "BoolType": pa.bool_()}
    return simple.get(type(kind).__name__, pa.string())


def _to_type(value: Any, kind: Any, pa: Any) -> Any:
    """Return a decoded value as its Arrow type takes it: JSON where that is text and the value is not."""
    if pa.types.is_struct(kind) and isinstance(value, dict):
        return {field.name: _to_type(value.get(field.name), field.type, pa) for field in kind}
    if pa.types.is_list(kind) and isinstance(value, list):
        return [_to_type(item, kind.value_type, pa) for item in value]
    return _cell(value) if pa.types.is_string(kind) else value


def _one_line(record: msgspec.Raw) -> bytes:
    text = bytes(record)
    return msgspec.json.format(text, indent=-1) if b"\n" in text or b"\r" in text else text


def _fields(record: msgspec.Raw) -> dict[str, Any]:
    """Return a record's fields; one with the name of the first column is renamed."""
    value = msgspec.json.decode(record)
    return (
        {_named(name): item for name, item in value.items()} if isinstance(value, dict) else {"value": value}
    )


def _flat(record: msgspec.Raw) -> dict[str, Any]:
    """Return a record's fields, nested ones as JSON."""
    return {
        name: _cell(item) if isinstance(item, dict | list) else item for name, item in _fields(record).items()
    }


def _named(name: str) -> str:
    return f"record_{name}" if name == ACCOUNT else name


def _cell(value: Any) -> Any:
    if value is None or isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


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
        self, path: Path, form: FileFormat, state: StateFile, *, into: Any, rows: int, seconds: float
    ) -> None:
        self._path: Final = path
        self._form: Final = form
        self._state: Final = state
        self._into: Final = into
        self._most: Final = rows
        self._seconds: Final = seconds
        self._owned = {each.name: each for each in state.files()}
        self._pending: dict[str, WalkRow] = {}
        self._part: PartWriter | None = None
        self._file: BinaryIO | None = None
        self._name = ""
        self._rows = 0
        self._due = 0.0

    @property
    def rows(self) -> int:
        """The rows of this run in parts that are closed."""
        return sum(each.rows for each in self._owned.values() if each.run == self._state.run)

    def clean(self) -> None:
        """Remove what an earlier start left unfinished.

        Raises:
            SettingsError: If the folder has parts of another state.
        """
        if self._form == "parquet":
            arrow()
        self._path.mkdir(parents=True, exist_ok=True)
        found = {each.name for each in self._path.iterdir() if _PART.fullmatch(each.name)}
        manifest = self._path / "manifest.json"
        listed = _listed(manifest) if manifest.exists() else None
        if (found and listed is None) or (listed and not listed & self._owned.keys()):
            raise SettingsError(
                f"{self._path} has files of another state; choose another folder, or its state"
            )
        for name in found - self._owned.keys():
            (self._path / name).unlink()
        if missing := self._owned.keys() - found:
            raise SettingsError(f"{self._path} lacks {min(missing)}, which the state owns")
        self.write_manifest({})

    def add(self, account: str, records: Sequence[msgspec.Raw], row: WalkRow) -> None:
        """Add a page."""
        if records:
            part = self._part or self._open()
            if not part.write(account, records):
                self.close_part()
                self._open().write(account, records)
            self._rows += len(records)
        self._pending[row.key] = row
        if self._rows >= self._most or (self._part is not None and time.monotonic() >= self._due):
            self.close_part()

    def close_part(self) -> None:
        """Finish the part, and record it with the points behind its pages."""
        part, file, name = self._part, self._file, self._name
        rows, self._pending = list(self._pending.values()), {}
        files: list[OwnedFile] = []
        if part is not None and file is not None:
            columns = dict(part.close())
            keys = b"".join(checksum(row.key) for row in rows)
            files = [OwnedFile(name, self._state.run, self._rows, keys, columns)]
            _finish(file, self._path / f".{name}.tmp", self._path / name)
        self._part = self._file = None
        self._rows = 0
        self._state.write(rows, files)
        self._owned.update((each.name, each) for each in files)

    def restart(self, account: str, key: str) -> None:
        """Remove a customer's rows of this run: its walk begins again."""
        self.close_part()
        ours = [each for each in self._owned.values() if each.run == self._state.run]
        replaced = [each for each in ours if each.may_hold(key)]
        files = [self._without(each, account) for each in replaced]
        # The walk's point too: if this start is killed now, the next one must not go on behind lost rows.
        self._state.write([WalkRow(key, self._state.run, "{}")], files, [each.name for each in replaced])
        for each in replaced:
            del self._owned[each.name]
        self._owned.update((each.name, each) for each in files)
        for each in replaced:
            (self._path / each.name).unlink()

    def abandon(self) -> None:
        """Close an unfinished part without recording it."""
        if self._file is not None:
            self._file.close()

    def write_manifest(self, totals: Mapping[str, object]) -> None:
        """Write `manifest.json`: the files, rows, columns and run."""
        columns: dict[str, set[str]] = {}
        for each in self._owned.values():
            for name, kind in each.columns.items():
                columns.setdefault(name, set()).add(kind)
        manifest = {
            "format": self._form,
            "run": self._state.run,
            **totals,
            "rows": self.rows,
            "columns": {name: " | ".join(sorted(kinds)) for name, kinds in columns.items()},
            "files": [
                {"name": each.name, "run": each.run, "rows": each.rows} for each in self._owned.values()
            ],
        }
        aside = self._path / ".manifest.json.tmp"
        file = open_private(aside, "wb")
        file.write(msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")
        _finish(file, aside, self._path / "manifest.json")

    def _open(self) -> PartWriter:
        self._name = self._next_name()
        self._file = open_private(self._path / f".{self._name}.tmp", "wb")
        self._due = time.monotonic() + self._seconds
        self._part = self._writer(self._file)
        return self._part

    def _next_name(self) -> str:
        run = f"part-{self._state.run:05d}-"
        numbers = [int(name[len(run) : len(run) + 5]) for name in self._owned if name.startswith(run)]
        return f"{run}{max(numbers, default=0) + 1:05d}.{self._form}"

    def _writer(self, file: BinaryIO) -> PartWriter:
        if self._form == "csv":
            known = (name for each in self._owned.values() for name in each.columns)
            return _Csv(file, list(dict.fromkeys(known)))
        if self._form == "parquet":
            return _Parquet(file, self._into)
        return _JsonLines(file, compress=self._form == "jsonl.gz")

    def _without(self, owned: OwnedFile, account: str) -> OwnedFile:
        """Copy a part without a customer's rows."""
        self._name = name = self._next_name()
        aside = self._path / f".{name}.tmp"
        with (self._path / owned.name).open("rb") as source:
            target = open_private(aside, "wb")
            rows = _COPIES[self._form](source, target, account)
        _finish(target, aside, self._path / name)
        self._owned[name] = copy = owned._replace(name=name, rows=rows)
        return copy


def _finish(file: BinaryIO, aside: Path, path: Path) -> None:
    """Sync a file, give it its name, and sync that."""
    file.flush()
    os.fsync(file.fileno())
    file.close()
    aside.replace(path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _listed(manifest: Path) -> set[str]:
    try:
        return {each["name"] for each in msgspec.json.decode(manifest.read_bytes())["files"]}
    except (OSError, msgspec.MsgspecError, LookupError, TypeError) as error:
        raise SettingsError(f"{manifest} is not a manifest of walks: {error!r}") from error


def _copy_lines(source: BinaryIO, target: BinaryIO, account: str) -> int:
    head = b'{"%s":%s,' % (ACCOUNT.encode(), msgspec.json.encode(account))
    rows = 0
    for line in source:
        if not line.startswith(head):
            target.write(line)
            rows += 1
    return rows


def _copy_compressed(source: BinaryIO, target: BinaryIO, account: str) -> int:
    with gzip.GzipFile(fileobj=source) as lines, gzip.GzipFile(fileobj=target, mode="wb", mtime=0) as copy:
        return _copy_lines(_binary(lines), _binary(copy), account)


def _binary(file: Any) -> BinaryIO:
    return file  # type: ignore[no-any-return]  # GzipFile is one in all but its declared type


def _copy_csv(source: BinaryIO, target: BinaryIO, account: str) -> int:
    read = io.TextIOWrapper(source, "utf-8", newline="")
    text = io.TextIOWrapper(target, "utf-8", newline="", write_through=True)
    writer, rows = csv.writer(text), -1
    for row in csv.reader(read):
        if row[0] != account or rows < 0:
            writer.writerow(row)
            rows += 1
    read.detach()
    text.detach()
    return rows


def _copy_parquet(source: BinaryIO, target: BinaryIO, account: str) -> int:
    parquet, pa = import_module("pyarrow.parquet"), arrow()
    read = parquet.ParquetFile(source)
    rows = 0
    with parquet.ParquetWriter(target, read.schema_arrow) as writer:
        for group in range(read.num_row_groups):
            table = read.read_row_group(group)
            kept = table.filter(
                import_module("pyarrow.compute").not_equal(table.column(ACCOUNT), pa.scalar(account))
            )
            writer.write_table(kept)
            rows += len(kept)
    return rows


_COPIES: Final[Mapping[str, Callable[[BinaryIO, BinaryIO, str], int]]] = {
    "jsonl": _copy_lines,
    "jsonl.gz": _copy_compressed,
    "csv": _copy_csv,
    "parquet": _copy_parquet,
}
