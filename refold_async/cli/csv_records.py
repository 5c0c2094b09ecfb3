"""Reading CSV as spreadsheets and people write it: other delimiters, spaces, empty rows and columns.

A name or cell is either read as it is meant or refused with its line; nothing is guessed from data.
"""

from __future__ import annotations

import csv
import itertools
import re
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Final

DELIMITERS: Final = ",;\t|"
"""The delimiters that are recognised in a header, in this order."""

_ANNOUNCED: Final = re.compile(r'"?sep=(.)"?\r?\n?', re.IGNORECASE)
"""The line before the header in which a spreadsheet announces its delimiter."""

_INVISIBLE: Final = re.compile("^[\\s\ufeff\u200b\u2060]+|[\\s\ufeff\u200b\u2060]+$")
"""What cannot be seen around a name: spaces, a byte order mark, a zero-width space, a word joiner."""
_LARGEST_CELL: Final = 2**31 - 1


class CsvError(ValueError):
    """The text cannot be read as rows.

    Attributes:
        line: The number of the line, or `None` for the whole file.
    """

    def __init__(self, line: int | None, why: str) -> None:
        super().__init__(why)
        self.line = line


def csv_records(
    lines: Iterable[str], needed: Sequence[str], delimiter: str | None = None
) -> Generator[tuple[int, dict[str, str]], None, None]:
    """Yield the number of each row's first line, and its cells by column.

    The delimiter is the first of `,` `;` tab `|` that separates the `needed` names in the header. Names
    are stripped; if a space follows the header's delimiters, it is not part of the cells below either.
    Empty cells are omitted, and rows that have nothing else are skipped.

    Args:
        lines: The lines, with their line ends.
        needed: The columns that must exist.
        delimiter: The delimiter; default: by the header.

    Raises:
        CsvError: If the text is not valid CSV, a needed column is missing, a name is repeated, or a row
            does not fit the header.
    """
    before = csv.field_size_limit(_LARGEST_CELL)
    try:
        yield from _read(iter(lines), needed, delimiter)
    finally:
        csv.field_size_limit(before)


def _read(
    lines: Iterator[str], needed: Sequence[str], delimiter: str | None
) -> Generator[tuple[int, dict[str, str]], None, None]:
    skipped, first = _first_line(lines)
    if announced := _ANNOUNCED.fullmatch(first):
        delimiter = delimiter or announced[1]
        blank, first = _first_line(lines)
        skipped += blank + 1
    if first.startswith(("{", "[")):
        raise CsvError(skipped + 1, "not valid CSV: it is JSON; pass --format jsonl, with an object per line")
    spaced, delimiter = _how_written(first, needed, delimiter)
    reader = csv.reader(
        itertools.chain([first], lines), delimiter=delimiter, skipinitialspace=spaced, strict=True
    )
    line = skipped + 1
    try:
        names = _names(next(reader), needed, line)
        line = skipped + reader.line_num + 1
        for cells in reader:
            if record := _record(names, cells, line):
                yield line, record
            line = skipped + reader.line_num + 1
    except csv.Error as error:
        raise CsvError(line, f"not valid CSV: {error}") from error


def _first_line(source: Iterator[str]) -> tuple[int, str]:
    """Return the number of blank lines, and the line after them."""
    for skipped, line in enumerate(source):
        if _INVISIBLE.sub("", line):
            return skipped, line
    raise CsvError(None, "empty: the first line must name the columns")


def _how_written(first: str, needed: Sequence[str], delimiter: str | None) -> tuple[bool, str]:
    """Return whether a space follows each delimiter, and the delimiter."""
    for candidate in delimiter or DELIMITERS:
        names = _split(first, candidate)
        if delimiter or set(needed) <= {_clean(name) for name in names}:
            return any(name[:1] == " " for name in names[1:]), candidate
    return False, DELIMITERS[0]


def _split(line: str, delimiter: str) -> list[str]:
    # Not strict: a header whose quotes do not close here is reported when it is read.
    return next(csv.reader([line], delimiter=delimiter), [])


def _clean(name: str) -> str:
    return _INVISIBLE.sub("", name).strip('"')


def _names(cells: Sequence[str], needed: Sequence[str], line: int) -> list[str]:
    """Return the columns' names.

    Raises:
        CsvError: If a name is repeated, or a needed column is missing.
    """
    names = [_INVISIBLE.sub("", cell) for cell in cells]
    if twice := next((name for name, times in Counter(names).items() if name and times > 1), None):
        raise CsvError(line, f"duplicate column {twice!r}")
    for name in needed:
        if name not in names:
            raise CsvError(line, f"no column {name!r}; the columns are {', '.join(map(repr, names))}")
    return names


def _record(names: Sequence[str], cells: Sequence[str], line: int) -> dict[str, str]:
    """Return a row's cells by column; none if it is blank.

    Raises:
        CsvError: If the row does not fit the header.
    """
    if not any(cell.strip() for cell in cells):
        return {}
    if len(cells) < len(names) or any(cells[len(names) :]):
        raise CsvError(line, f"{len(cells)} cells, but the header has {len(names)}")
    record = {name: cell for name, cell in zip(names, cells, strict=False) if cell}
    if "" in record:
        raise CsvError(line, f"{record['']!r} is in a column that has no name")
    return record
