"""The input of a batch: a CSV or JSONL file, or stdin, with one row per call."""

from __future__ import annotations

import csv
import io
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Literal, NamedTuple, Self

import click
import msgspec

Form = Literal["csv", "jsonl"]

_FORMS: Final[Mapping[str, Form]] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_decoder: Final = msgspec.json.Decoder(str | int | dict[str, object])


class InputRow(NamedTuple):
    """One row of the input: one call.

    Attributes:
        line: The line number in the file, from 1.
        linked_account_id: The customer.
        key: The call's key across runs, if the file has a column for it.
        params: The other columns, as parameters by name.
    """

    line: int
    linked_account_id: str
    key: str | None
    params: dict[str, object]


class AccountsFile:
    """Iterates over the rows of a file, reading it anew each time, so a million rows use no memory.

    A CSV file starts with a header; an empty cell sets no parameter. A line of a JSONL file is an
    object or a bare linked account id. Use it as a context manager: entering reads the whole file once
    and checks it.

    Args:
        path: The file, or `-` for stdin, which is copied to a temporary file.
        form: The format; default: by suffix, CSV for stdin.
        account_column: The column that names the linked account.
        key_column: The column that holds each call's key across runs; default: none.

    Attributes:
        name: The file's name in messages.
        several: Whether there is more than one linked account.

    Raises:
        click.UsageError: If the file cannot be read or a row has no account; the message gives the line.
    """

    def __init__(
        self,
        path: str,
        form: Form | None = None,
        *,
        account_column: str = "linked_account_id",
        key_column: str | None = None,
    ) -> None:
        self.name = "stdin" if path == "-" else path
        self._form = form or _FORMS.get(Path(path).suffix.lower(), "csv")
        self._account_column = account_column
        self._key_column = key_column
        self._file = _open(path)
        self._count = 0
        self.several = False

    def __enter__(self) -> Self:
        try:
            self._survey()
        except click.UsageError:
            self._file.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[InputRow]:
        self._file.seek(0)
        records = self._csv() if self._form == "csv" else self._jsonl()
        try:
            with closing(records):
                for line, record in records:
                    yield self._row(line, record)
        except UnicodeError as error:
            raise click.UsageError(f"{self.name} is not UTF-8: {error}") from error
        except csv.Error as error:
            raise click.UsageError(f"{self.name} is not valid CSV: {error}") from error

    def _survey(self) -> None:
        first = None
        for row in self:
            self._count += 1
            first = first or row.linked_account_id
            self.several = self.several or row.linked_account_id != first

    def _csv(self) -> Generator[tuple[int, dict[str, object]], None, None]:
        text = io.TextIOWrapper(self._file, encoding="utf-8-sig", newline="")
        try:
            reader = csv.DictReader(text, strict=True)
            self._check_names(reader.fieldnames or ())
            for cells in reader:
                if None in cells or None in cells.values():
                    raise self._wrong(reader.line_num, "the number of cells differs from the header")
                yield reader.line_num, {name: cell for name, cell in cells.items() if cell != ""}
        finally:
            text.detach()

    def _check_names(self, names: Sequence[str]) -> None:
        """Raise if the header lacks a required column or repeats a name."""
        if not names:
            raise click.UsageError(f"{self.name} is empty: the first line must name the columns")
        if twice := next((name for name, times in Counter(names).items() if name and times > 1), None):
            raise self._wrong(1, f"duplicate column {twice!r}")
        for needed in filter(None, (self._account_column, self._key_column)):
            if needed not in names:
                raise self._wrong(1, f"no column {needed!r}; the columns are {', '.join(map(repr, names))}")

    def _jsonl(self) -> Generator[tuple[int, dict[str, object]], None, None]:
        for number, line in enumerate(self._file, 1):
            if not line.strip():
                continue
            try:
                record = _decoder.decode(line)
            except msgspec.ValidationError as error:
                raise self._wrong(number, "expected an object or a linked account id") from error
            except (msgspec.MsgspecError, RecursionError) as error:
                raise self._wrong(number, str(error)) from error
            yield number, record if isinstance(record, dict) else {self._account_column: record}

    def _row(self, line: int, record: dict[str, object]) -> InputRow:
        own = {self._account_column, self._key_column}
        params = {name: value for name, value in record.items() if name not in own}
        key = None if self._key_column is None else self._identity(line, record, self._key_column)
        return InputRow(line, self._identity(line, record, self._account_column), key, params)

    def _identity(self, line: int, record: dict[str, object], column: str) -> str:
        value = record.get(column)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str) or not value:
            raise self._wrong(line, f"no {column}")
        return value

    def _wrong(self, line: int, why: str) -> click.UsageError:
        return click.UsageError(f"{self.name}, line {line}: {why}")


def _open(path: str) -> BinaryIO:
    if path != "-":
        try:
            return Path(path).open("rb")
        except OSError as error:
            raise click.UsageError(f"{path}: {error.strerror}") from error
    spool = tempfile.TemporaryFile()  # noqa: SIM115 - `AccountsFile` closes it
    shutil.copyfileobj(sys.stdin.buffer, spool)
    return spool
