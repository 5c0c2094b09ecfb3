"""Writers of Parquet, with a given schema or one that is found. Import only where pyarrow is installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, BinaryIO, Final

import msgspec

from refold_async._core.decoding import decode_any
from refold_async.errors import SettingsError
from refold_async.row_files.writers import Row, cell

# Without the types of pyarrow, which is an extra: the type checkers run without it.
_arrow: Final[Any] = import_module("pyarrow")
_parquet: Final[Any] = import_module("pyarrow.parquet")
_types: Final[Any] = _arrow.types

_ROW_GROUP: Final = 10_000

_BATCH: Final = 1_000
"""Rows that are converted at once, which holds the interpreter for some milliseconds."""


class TypedParquet:
    """Writes rows with a schema, a group of rows at a time.

    Args:
        file: The file.
        schema: The schema.
    """

    def __init__(self, file: BinaryIO, schema: Any) -> None:
        self._schema: Final = schema
        self._writer: Final = _parquet.ParquetWriter(file, schema)
        self._tables: list[Any] = []
        self._rows: list[dict[str, Any]] = []

    def write(self, rows: Sequence[Row]) -> bool:
        """Add rows."""
        self._rows += (
            {field.name: _to_type(row.get(field.name), field.type) for field in self._schema} for row in rows
        )
        if len(self._rows) >= _BATCH:
            self._convert()
        if sum(map(len, self._tables)) >= _ROW_GROUP:
            self._write_group()
        return True

    def close(self) -> Mapping[str, str]:
        """Write what is left."""
        self._convert()
        if self._tables:
            self._write_group()
        self._writer.close()
        return _columns(self._schema)

    def _convert(self) -> None:
        rows, self._rows = self._rows, []
        if rows:
            self._tables.append(_arrow.Table.from_pylist(rows, schema=self._schema))

    def _write_group(self) -> None:
        tables, self._tables = self._tables, []
        self._writer.write_table(_arrow.concat_tables(tables).combine_chunks())


class InferredParquet:
    """Collects Arrow tables, whose schemas are unified when the file is written; nested values are JSON.

    Args:
        file: The file.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file: Final = file
        self._tables: list[Any] = []
        self._rows: list[dict[str, Any]] = []

    def write(self, rows: Sequence[Row]) -> bool:
        """Add rows."""
        self._rows += (_flat(row) for row in rows)
        if len(self._rows) >= _ROW_GROUP:
            self._convert()
        return True

    def close(self) -> Mapping[str, str]:
        """Write the file."""
        self._convert()
        schema, tables = _unified(self._tables)
        with _parquet.ParquetWriter(self._file, schema) as writer:
            for table in tables:
                writer.write_table(table)
        return _columns(schema)

    def _convert(self) -> None:
        rows, self._rows = self._rows, []
        if rows:
            names = dict.fromkeys(name for row in rows for name in row)
            self._tables.append(
                _arrow.table({name: _column([row.get(name) for row in rows]) for name in names})
            )


def _columns(schema: Any) -> Mapping[str, str]:
    return {field.name: str(field.type) for field in schema}


def _flat(row: Row) -> dict[str, Any]:
    return {
        name: cell(value) if isinstance(value, (dict, list, msgspec.Raw)) else value
        for name, value in row.items()
    }


def _column(values: list[Any]) -> Any:
    """Return an Arrow array; values of several types become text, so that no row is lost to one of them."""
    try:
        return _arrow.array(values)
    except (_arrow.ArrowInvalid, _arrow.ArrowTypeError, OverflowError, UnicodeError):
        return _arrow.array([cell(value) for value in values], _arrow.string())


def _unified(tables: Sequence[Any]) -> tuple[Any, Iterator[Any]]:
    """Unify the schema of tables: numbers are widened, and columns with types that differ become text."""
    try:
        schema = _common_schema([table.schema for table in tables], _arrow.float64())
        return schema, iter([_fitted(table, schema) for table in tables])
    except _arrow.ArrowInvalid:  # an integer that no float can hold
        schema = _common_schema([table.schema for table in tables], _arrow.string())
        return schema, (_fitted(table, schema) for table in tables)


def _common_schema(schemas: Sequence[Any], numbers: Any) -> Any:
    kinds: dict[str, list[Any]] = {}
    for field in (field for schema in schemas for field in schema):
        held = kinds.setdefault(field.name, [])
        if not _types.is_null(field.type) and field.type not in held:
            held.append(field.type)
    return _arrow.schema([(name, _common_type(held, numbers)) for name, held in kinds.items()])


def _common_type(kinds: Sequence[Any], numbers: Any) -> Any:
    if len(kinds) == 1:
        return kinds[0]
    are_numbers = all(_types.is_integer(each) or _types.is_floating(each) for each in kinds)
    return numbers if kinds and are_numbers else _arrow.string()


def _fitted(table: Any, schema: Any) -> Any:
    """Return a table with the columns of a schema."""
    columns = [
        _cast(table.column(field.name), field.type)
        if field.name in table.column_names
        else _arrow.nulls(len(table), field.type)
        for field in schema
    ]
    return _arrow.table(columns, schema=schema)


def _cast(column: Any, kind: Any) -> Any:
    if column.type == kind:
        return column
    if _types.is_string(kind):
        return _arrow.array([cell(value) for value in column.to_pylist()], kind)
    return column.cast(kind)


def arrow_schema(kind: Any, before: Sequence[str], name: Callable[[str], str]) -> Any:
    """Return the Arrow schema of a type: a Struct, a dataclass or a TypedDict; see `schema_of`.

    Raises:
        SettingsError: If the type has no fields.
    """
    info = msgspec.inspect.type_info(kind)
    if not isinstance(info, _WITH_FIELDS):
        raise SettingsError(f"into must be a type with fields for parquet, not {kind!r}")
    fields = ((name(each.encode_name), _arrow_type(each.type)) for each in info.fields)
    return _arrow.schema([*((column, _arrow.string()) for column in before), *fields])


_WITH_FIELDS: Final = (
    msgspec.inspect.StructType,
    msgspec.inspect.DataclassType,
    msgspec.inspect.TypedDictType,
)


def _arrow_type(kind: Any) -> Any:
    if isinstance(kind, msgspec.inspect.UnionType):
        first, *others = [each for each in kind.types if not isinstance(each, msgspec.inspect.NoneType)]
        return _arrow.string() if others else _arrow_type(first)
    if isinstance(kind, msgspec.inspect.ListType):
        return _arrow.list_(_arrow_type(kind.item_type))
    if isinstance(kind, _WITH_FIELDS):
        return _arrow.struct([(each.encode_name, _arrow_type(each.type)) for each in kind.fields])
    simple = {"IntType": _arrow.int64(), "FloatType": _arrow.float64(), "BoolType": _arrow.bool_()}
    return simple.get(type(kind).__name__, _arrow.string())


def _to_type(value: Any, kind: Any) -> Any:
    """Return a value as its Arrow type takes it: JSON where that is text and the value is not."""
    if _types.is_string(kind):
        return cell(value)
    if isinstance(value, msgspec.Raw):
        value = decode_any(memoryview(value))
    if _types.is_struct(kind) and isinstance(value, dict):
        return {field.name: _to_type(value.get(field.name), field.type) for field in kind}
    if _types.is_list(kind) and isinstance(value, list):
        return [_to_type(item, kind.value_type) for item in value]
    return value
