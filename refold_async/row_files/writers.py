"""Writers of rows, one per format."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any, BinaryIO, Final, Literal, Protocol

from refold_async._core.json_lines import json_line, json_lines
from refold_async.errors import SettingsError

FileFormat = Literal["jsonl", "jsonl.gz", "csv", "parquet"]

Row = Mapping[str, Any]
"""A row's values by column; `msgspec.Raw` is JSON that is kept as it came."""


class RowWriter(Protocol):
    """Writes one file."""

    def write(self, rows: Sequence[Row]) -> bool:
        """Write rows; returns false, with none written, if they need a file of their own."""
        ...

    def close(self) -> Mapping[str, str]:
        """Write what is left, and return the columns with their types. The file itself stays open."""
        ...


def row_writer(
    form: FileFormat, file: BinaryIO, *, columns: Iterable[str] = (), schema: Any = None
) -> RowWriter:
    """Return a writer of rows.

    Args:
        form: The format.
        file: The file, open and empty.
        columns: The columns that a CSV file begins with; those of its first rows follow.
        schema: What `schema_of` returns; default: by its rows.
    """
    if form == "csv":
        return _Csv(file, columns)
    if form != "parquet":
        return _JsonLines(file, compress=form == "jsonl.gz")
    # Loaded on use, as pyarrow is.
    parquet = import_module("refold_async.row_files.parquet")
    writer: RowWriter = parquet.TypedParquet(file, schema) if schema else parquet.InferredParquet(file)
    return writer


def schema_of(
    form: FileFormat, kind: Any, *, before: Sequence[str] = (), name: Callable[[str], str] = str
) -> Any:
    """Check that a format can be written, and return the schema of its files if it has one.

    Args:
        form: The format.
        kind: The type of a row; `None` if it is not known.
        before: Columns of text that come first.
        name: Returns the name of a field's column.

    Raises:
        SettingsError: If the format needs a package that is not installed, or the type has no fields.
    """
    if form != "parquet":
        return None
    try:
        parquet = import_module("refold_async.row_files.parquet")
    except ModuleNotFoundError as error:
        raise SettingsError("parquet needs pyarrow; run: pip install 'refold-async[arrow]'") from error
    return None if kind is None else parquet.arrow_schema(kind, before, name)


class _JsonLines:
    """Writes a JSON object on each line; nested values are kept as they came."""

    def __init__(self, file: BinaryIO, *, compress: bool) -> None:
        zipped = gzip.GzipFile(fileobj=file, mode="wb", mtime=0) if compress else None
        self._file: Final = zipped or file
        self._compress: Final = compress

    def write(self, rows: Sequence[Row]) -> bool:
        """Write rows."""
        self._file.write(json_lines(rows))
        return True

    def close(self) -> Mapping[str, str]:
        """Write what is left."""
        if self._compress:
            self._file.close()
        return {}


class _Csv:
    """Writes a column per field, nested values as JSON. Rows with other fields need another file."""

    def __init__(self, file: BinaryIO, known: Iterable[str]) -> None:
        self._text: Final = csv_text(file)
        self._writer: Final = csv.writer(self._text)
        self._known: Final = known
        self._columns: list[str] = []

    def write(self, rows: Sequence[Row]) -> bool:
        """Write rows, unless they have fields that the file has no columns for."""
        fields = dict.fromkeys(name for row in rows for name in row)
        if not self._columns:
            self._columns = [*dict.fromkeys([*self._known, *fields])]
            self._writer.writerow(self._columns)
        elif not fields.keys() <= set(self._columns):
            return False
        self._writer.writerows([cell(row.get(name)) for name in self._columns] for row in rows)
        return True

    def close(self) -> Mapping[str, str]:
        """Return the columns."""
        self._text.detach()
        return dict.fromkeys(self._columns, "string")


def csv_text(file: BinaryIO) -> io.TextIOWrapper:
    """Return a file as the text that the module `csv` reads and writes; detach it to keep the file open."""
    return io.TextIOWrapper(file, "utf-8", newline="", write_through=True)


def cell(value: Any) -> str | None:
    """Return a value as text: JSON, unless it is text already; what no file can hold is escaped."""
    if value is None:
        return None
    if isinstance(value, str):
        return value if value.isascii() else value.encode(errors="backslashreplace").decode()
    return json_line(value)[:-1].decode()
