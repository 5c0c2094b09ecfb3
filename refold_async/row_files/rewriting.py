"""Files of rows read again: a few fields of each row, or a copy without some rows."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec

from refold_async._core.private_files import replacement
from refold_async.row_files.writers import FileFormat, csv_text

Fields = tuple[Any, ...]

_ROWS: Final = 10_000
"""Rows of a Parquet file that are read at once."""


def read_fields(form: FileFormat, path: Path, names: Sequence[str]) -> Iterator[Fields]:
    """Yield the values of some columns, row by row; those of CSV are text, empty if there is none.

    Raises:
        OSError: If the file cannot be read.
        ValueError: If it is damaged.
    """
    with path.open("rb") as file:
        if form == "parquet":
            for rows in _parquet_file(file).iter_batches(_ROWS, columns=names):
                yield from zip(*(rows.column(name).to_pylist() for name in names), strict=True)
        elif form == "csv":
            with _csv_rows(file) as rows:
                head = next(rows, [])
                places = [head.index(name) for name in names]
                yield from (tuple(row[place] for place in places) for row in rows)
        else:
            with _lines(form, file, "rb") as lines:
                yield from map(line_reader(names), lines)


def copy_rows(
    form: FileFormat, source: Path, target: Path, names: Sequence[str], keep: Callable[[Fields], bool]
) -> int:
    """Copy the rows of a file that are to be kept to a file that is whole or absent; return how many.

    Args:
        form: The format.
        source: The file.
        target: The path of its copy.
        names: The columns to judge a row by.
        keep: Called for each row, in order, with the values of these columns.
    """
    kept = [keep(fields) for fields in read_fields(form, source, names)]
    with source.open("rb") as file, replacement(target) as copy:
        if form == "parquet":
            _copy_groups(file, copy, iter(kept))
        elif form == "csv":
            _copy_csv(file, copy, kept)
        else:
            with _lines(form, file, "rb") as lines, _lines(form, copy, "wb") as packed:
                packed.writelines(line for line, is_kept in zip(lines, kept, strict=True) if is_kept)
    return sum(kept)


def line_reader(names: Sequence[str]) -> Callable[[bytes], Fields]:
    """Return what reads some fields of a line of JSON; it raises a `ValueError` if that is damaged."""
    decode = msgspec.json.Decoder(msgspec.defstruct("Line", [(name, Any, None) for name in names])).decode

    def read(line: bytes) -> Fields:
        try:
            return msgspec.structs.astuple(decode(line))
        except (msgspec.MsgspecError, UnicodeError):  # half a character in a value, which JSON allows
            found = json.loads(line)
            return tuple(found.get(name) for name in names)

    return read


def _lines(form: FileFormat, file: BinaryIO, mode: str) -> AbstractContextManager[Any]:
    return nullcontext(file) if form == "jsonl" else gzip.GzipFile(fileobj=file, mode=mode, mtime=0)


@contextmanager
def _csv_rows(file: BinaryIO) -> Iterator[Iterator[list[str]]]:
    text = csv_text(file)
    before = csv.field_size_limit(2**31 - 1)  # a result may be longer than the module's limit
    try:
        yield csv.reader(text)
    finally:
        csv.field_size_limit(before)
        text.detach()


def _copy_csv(source: BinaryIO, target: BinaryIO, kept: Sequence[bool]) -> None:
    text = csv_text(target)
    writer = csv.writer(text)
    with _csv_rows(source) as rows:
        writer.writerow(next(rows))
        writer.writerows(row for row, is_kept in zip(rows, kept, strict=True) if is_kept)
    text.detach()


def _parquet_file(source: BinaryIO) -> Any:
    return import_module("pyarrow.parquet").ParquetFile(source)


def _copy_groups(source: BinaryIO, target: BinaryIO, kept: Iterator[bool]) -> None:
    arrow, file = import_module("pyarrow"), _parquet_file(source)
    with import_module("pyarrow.parquet").ParquetWriter(target, file.schema_arrow) as writer:
        for number in range(file.num_row_groups):
            group = file.read_row_group(number)
            writer.write_table(group.filter(arrow.array(list(islice(kept, len(group))), arrow.bool_())))
