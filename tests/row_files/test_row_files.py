"""Files of rows: what is written is read again, in every format, and copied without the rows that are not wanted."""

import csv
import gzip
import json
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async._core.json_lines import json_lines
from refold_async.row_files import FileFormat, Row, row_writer
from refold_async.row_files.rewriting import copy_rows, read_fields

needs_arrow = pytest.mark.skipif(find_spec("pyarrow") is None, reason="pyarrow is not installed")
FORMATS = [
    pytest.param(form, marks=needs_arrow) if form == "parquet" else form for form in get_args(FileFormat)
]

ODD = st.sampled_from(
    [b'"\\ud83d"', b'{"a":\r\n [1,\t2]}', '"\u2028\x85"'.encode(), b'"' + b"x" * 200_000 + b'"']
)
VALUES: st.SearchStrategy[Any] = (
    st.none() | st.booleans() | st.integers(-5, 2**70) | st.floats(allow_nan=False) | st.text()
)
VALUES |= st.dictionaries(st.text(), st.integers(0, 9)) | ODD.map(msgspec.Raw)
ROWS = st.lists(
    st.fixed_dictionaries({"id": st.integers(0, 9), "name": st.text()}, optional={"a": VALUES, "b": VALUES}),
    min_size=1,
    max_size=8,
)


def written(form: FileFormat, rows: Sequence[Row]) -> bytes:
    file = BytesIO()
    columns = ("id", "name", "a", "b")
    writer = row_writer(form, file, columns=columns)
    assert writer.write(rows)
    writer.close()
    return file.getvalue()


def numbers(form: FileFormat, path: Path) -> list[tuple[int, str]]:
    return [(int(number), name) for number, name in read_fields(form, path, ("id", "name"))]


@pytest.mark.parametrize("form", FORMATS)
@given(rows=ROWS)
def test_any_rows_are_read_again_and_copied(
    form: FileFormat, rows: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("rows")
    path, copy = folder / "rows", folder / "copy"
    path.write_bytes(written(form, rows))
    expected = [(row["id"], row["name"]) for row in rows]
    assert numbers(form, path) == expected
    count = copy_rows(form, path, copy, ("id",), lambda fields: int(fields[0]) > 4)
    wanted = [each for each in expected if each[0] > 4]
    assert (count, numbers(form, copy)) == (len(wanted), wanted)


@given(values=st.lists(VALUES, max_size=5))
def test_lines_are_written_at_once_as_one_by_one(values: list[Any]) -> None:
    text = json_lines(values)
    assert text == b"".join(json_lines([value]) for value in values)
    assert len(text.decode().splitlines()) == len(values)
    for line in text.splitlines():
        json.loads(line)


@pytest.mark.parametrize("beside", ["a", "\ud83d", "\u2028"], ids=ascii)
def test_numbers_beyond_a_float_keep_their_text(beside: str) -> None:
    numbers = b"[123456789012345678901234567890,1e400,0.1000000000000000055,1.0E+2,-0.0]"
    rows = [
        {"a": beside, "b": msgspec.Raw(numbers)},
        {beside: msgspec.Raw(numbers), "c": [msgspec.Raw(b"1e9")]},
    ]
    first, second = json_lines(rows).splitlines()
    assert numbers in first
    assert numbers in second
    assert json.loads(second)["c"] == [1e9]


@pytest.mark.parametrize("form", FORMATS)
def test_values_are_kept_as_they_came(form: FileFormat, tmp_path: Path) -> None:
    nested = msgspec.Raw(b'{"z": [1.50],\n "a": "\\ud83d"}')
    path = tmp_path / "rows"
    path.write_bytes(written(form, [{"id": 1, "name": "é", "a": nested, "b": {"x": None}}]))
    if form == "parquet":
        (row,) = import_module("pyarrow.parquet").read_table(path).to_pylist()
    elif form == "csv":
        with path.open(encoding="utf-8", newline="") as file:
            (row,) = csv.DictReader(file)
    else:
        content = path.read_bytes()
        row = json.loads(gzip.decompress(content) if form == "jsonl.gz" else content)
        assert row == {"id": 1, "name": "é", "a": {"z": [1.5], "a": "\ud83d"}, "b": {"x": None}}
        return
    assert (str(row["id"]), row["name"]) == ("1", "é")
    assert row["a"] == '{"z": [1.50], "a": "\\ud83d"}'
    assert row["b"] == '{"x":null}'
