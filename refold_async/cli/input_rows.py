"""The input of a batch: a CSV or JSONL file, or stdin, with one row per call."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Final, Literal, NamedTuple, Self

import click
import msgspec

from refold_async.cli.arguments import exact_float, json_problem, unique_object
from refold_async.cli.csv_records import CsvError, csv_records
from refold_async.cli.input_files import InputFile

Form = Literal["csv", "jsonl"]

_FORMS: Final[Mapping[str, Form]] = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_decoder: Final = msgspec.json.Decoder(str | int | dict[str, object], float_hook=exact_float)


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
    """Iterates over the rows of a file, reading it again each time, so a million rows use no memory.

    A CSV file starts with a header; an empty cell sets no parameter. A line of a JSONL file is an
    object or a bare linked account id. The key column is also a parameter; the account column is not.
    Use it as a context manager: entering reads the whole file once and checks it.

    Args:
        path: The file, or `-` for stdin.
        form: The format; default: by suffix, else CSV.
        account_column: The column that names the linked account.
        key_column: The column that holds each call's key across runs; default: none.
        delimiter: What separates the cells of a CSV file; default: by its header.
        encoding: The file's encoding; default: by its byte order mark, else UTF-8.

    Attributes:
        name: The file's name in messages.
        several: Whether there is more than one linked account.
        parameters: The parameters that at least one row sets.

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
        delimiter: str | None = None,
        encoding: str | None = None,
    ) -> None:
        self._form = form or _FORMS.get(Path(path).suffix.lower(), "csv")
        self._account_column = account_column
        self._key_column = key_column
        self._delimiter = delimiter
        self._file = InputFile(path, encoding)
        self.name = self._file.name
        self._count = 0
        self.several = False
        self.parameters: set[str] = set()

    def __enter__(self) -> Self:
        try:
            self._survey()
        except click.UsageError:
            self._file.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[InputRow]:
        records = self._csv() if self._form == "csv" else self._jsonl()
        try:
            with closing(records):
                for line, record in records:
                    yield self._row(line, record)
        except UnicodeError as error:
            raise self._file.undecodable(error) from error

    def _survey(self) -> None:
        first = None
        for row in self:
            self._count += 1
            self.parameters.update(row.params)
            first = first or row.linked_account_id
            self.several = self.several or row.linked_account_id != first

    def _csv(self) -> Generator[tuple[int, Mapping[str, object]], None, None]:
        needed = [self._account_column] + ([self._key_column] if self._key_column else [])
        text = self._file.text(newline="")
        try:
            for line, record in csv_records(text, needed, self._delimiter):
                account = record.get(self._account_column, "").strip()
                yield line, {**record, self._account_column: account}
        except CsvError as error:
            raise self._wrong(error.line, str(error)) from error
        finally:
            text.detach()

    def _jsonl(self) -> Generator[tuple[int, Mapping[str, object]], None, None]:
        text = self._file.text(newline=None)
        try:
            for number, line in enumerate(text, 1):
                if line.strip():
                    yield number, self._object(number, line)
        finally:
            text.detach()

    def _object(self, number: int, line: str) -> Mapping[str, object]:
        """Return the object of a JSONL line.

        Raises:
            click.UsageError: If it is not an object or an id, or has a name twice.
        """
        try:
            record = _decoder.decode(line)
            # As many colons as names: no name is repeated, nor is an object nested. Counting is cheap.
            if isinstance(record, dict) and line.count(":") != len(record):
                json.loads(line, object_pairs_hook=unique_object)
        except (msgspec.MsgspecError, RecursionError, ValueError) as error:
            raise self._wrong(number, _reason(line, error)) from error
        return record if isinstance(record, dict) else {self._account_column: record}

    def _row(self, line: int, record: Mapping[str, object]) -> InputRow:
        params = {name: value for name, value in record.items() if name != self._account_column}
        key = None if self._key_column is None else self._identity(line, record, self._key_column)
        account = self._identity(line, record, self._account_column)
        if account != account.strip():
            raise self._wrong(line, f"{self._account_column} starts or ends with whitespace: {account!r}")
        return InputRow(line, account, key, params)

    def _identity(self, line: int, record: Mapping[str, object], column: str) -> str:
        value = record.get(column)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str) or not value:
            raise self._wrong(line, f"no {column}")
        return value

    def _wrong(self, line: int | None, why: str) -> click.UsageError:
        return click.UsageError(f"{self.name}{'' if line is None else f', line {line}'}: {why}")


def _reason(line: str, error: Exception) -> str:
    """Return why a line cannot be read."""
    if isinstance(error, msgspec.ValidationError) and str(error).startswith("Expected"):
        return "expected an object or a linked account id"
    return json_problem(line, error)
