import csv
import io
import os
import sys
import threading
from pathlib import Path
from typing import Literal

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async.cli.csv_records import csv_records
from refold_async.cli.input_rows import AccountsFile, Form, InputRow


def rows(path: Path, text: str, form: Form | None = None, **columns: str) -> list[InputRow]:
    path.write_bytes(text.encode("utf-8"))
    with AccountsFile(str(path), form, **columns) as accounts:
        found = list(accounts)
        assert found == list(accounts)
        assert len(accounts) == len(found)
    return found


def test_the_columns_of_a_csv_are_parameters(tmp_path: Path) -> None:
    text = '\ufefflinked_account_id,email,name\r\na-1,x@y.example,"Zoë, of ""A"""\r\n\r\na-2,,Bo\r\n'
    assert rows(tmp_path / "in.csv", text) == [
        InputRow(2, "a-1", None, {"email": "x@y.example", "name": 'Zoë, of "A"'}),
        InputRow(4, "a-2", None, {"name": "Bo"}),
    ]


def test_a_jsonl_line_is_an_object_or_an_id(tmp_path: Path) -> None:
    text = '{"linked_account_id": 7, "limit": 1, "tags": ["a"]}\n\n"a-2"\n3'
    assert rows(tmp_path / "in.jsonl", text) == [
        InputRow(1, "7", None, {"limit": 1, "tags": ["a"]}),
        InputRow(3, "a-2", None, {}),
        InputRow(4, "3", None, {}),
    ]


def test_columns_can_have_other_names(tmp_path: Path) -> None:
    found = rows(
        tmp_path / "in.csv", "customer,job,limit\nc,j,1\n", account_column="customer", key_column="job"
    )
    assert found == [InputRow(2, "c", "j", {"job": "j", "limit": "1"})]


def test_the_form_can_be_given_if_the_suffix_is_unknown(tmp_path: Path) -> None:
    assert rows(tmp_path / "in.txt", '"a"\n', "jsonl") == [InputRow(1, "a", None, {})]


def test_stdin_is_read_once_and_walked_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"linked_account_id\na\nb\n")))
    with AccountsFile("-") as accounts:
        assert [row.linked_account_id for row in accounts] == ["a", "b"]
        assert [row.linked_account_id for row in accounts] == ["a", "b"]


@pytest.mark.parametrize(
    ("text", "several"),
    [("", False), ('"a"\n', False), ('"a"\n"a"\n', False), ('"a"\n"b"\n', True), ('"a"\n"b"\n"a"\n', True)],
)
def test_it_knows_whether_there_is_more_than_one_account(tmp_path: Path, text: str, several: bool) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text(text)
    with AccountsFile(str(path)) as accounts:
        assert accounts.several is several


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        (
            "in.csv",
            b"email,name\nx,y\n",
            "in.csv, line 1: no column 'linked_account_id'; the columns are 'email', 'name'",
        ),
        (
            "in.csv",
            b"linked_account_id#limit\na#1\n",
            "'linked_account_id'; the columns are 'linked_account_id#limit'",
        ),
        ("in.csv", b"linked_account_id,a,a\nx,1,2\n", "line 1: duplicate column 'a'"),
        ("in.csv", b"", "in.csv: empty: the first line must name the columns"),
        ("in.json", b'{"linked_account_id":"a","b":1}', "in.json, line 1: not valid CSV: "),
        ("in.csv", b"linked_account_id,email\n,x\n", "line 2: no linked_account_id"),
        ("in.csv", b"linked_account_id,email\na,x\na,x,y\n", "line 3: 3 cells, but the header has 2"),
        ("in.csv", b"linked_account_id,email\na\n", "line 2: 1 cells, but the header has 2"),
        ("in.csv", b'linked_account_id\n"a\n', "in.csv, line 2: not valid CSV: unexpected end of data"),
        ("in.csv", b"linked_account_id\na\n\xff\n", "in.csv, line 3: not UTF-8 .*; pass --encoding"),
        ("in.csv", b"l\0i\0\n\0", "in.csv: not UTF-8; pass --encoding"),
        (
            "in.csv",
            b"linked_account_id,email,\na,x,\nb,y,lost\n",
            "line 3: 'lost' is in a column that has no name",
        ),
        ("in.csv", b"linked_account_id, email,email \na,x,y\n", "line 1: duplicate column 'email'"),
        ("in.csv", b'linked_account_id,n\na,"1\n2"\nb\n', "line 4: 1 cells"),
        ("in.csv", b'linked_account_id,n\na,"x"y\n', "line 2: not valid CSV"),
        ("in.csv", b"sep=;\n\nlinked_account_id;n\na\n", "line 4: 1 cells"),
        ("in.csv", b"sep=;\n", "in.csv: empty: the first line must name the columns"),
        ("in.csv", b"\n\n", "in.csv: empty"),
        ("in.csv", b"linked_account_id,n\n ,1\n", "line 2: no linked_account_id"),
        ("in.jsonl", b'{"linked_account_id": "a", "n": 1, "n": 2}', "line 1: duplicate name 'n'"),
        ("in.jsonl", b'{"linked_account_id": "a", "n": {"x": 1, "x": 2}}', "line 1: duplicate name 'x'"),
        (
            "in.jsonl",
            b'{"linked_account_id": " a"}',
            "line 1: linked_account_id starts or ends with whitespace",
        ),
        ("in.jsonl", b'"a"\n\n"\xff"', "line 3: not UTF-8"),
        ("in.jsonl", b'{"linked_account_id": "a"}\n{', "line 2: "),
        ("in.jsonl", b"[1]", "line 1: expected an object or a linked account id"),
        (
            "in.json",
            b'[{"linked_account_id": "a"}]',
            "line 1: not valid CSV: it is JSON; pass --format jsonl",
        ),
        (
            "in.jsonl",
            b'{"linked_account_id": "a", "x": 1e400}',
            "line 1: the number 1e400 would be sent as inf",
        ),
        ("in.jsonl", b'{"linked_account_id": "a", "x": "\\ud83d"}', "line 1: half a character"),
        (
            "in.jsonl",
            b'{"linked_account_id": "a", "x": [0.12345678901234567891]}',
            "line 1: the number 0.12345",
        ),
        ("in.jsonl", b"true", "line 1: expected an object"),
        ("in.jsonl", b'{"linked_account_id": true}', "line 1: no linked_account_id"),
        ("in.jsonl", b'{"linked_account_id": ""}', "line 1: no linked_account_id"),
    ],
)
def test_an_unreadable_line_is_named_before_anything_runs(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(click.UsageError, match=words), AccountsFile(str(path)):
        pass


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(click.UsageError, match="no-such\\.csv: No such file"):
        AccountsFile("no-such.csv")


def test_a_key_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(click.UsageError, match="no column 'job'"):
        rows(tmp_path / "in.csv", "linked_account_id\na\n", key_column="job")


LINES = [["linked_account_id", "name", "note"], ["a", "Zoë", "x, y; z"], ["b", "", "1|2\t3"]]
ROWS = [
    InputRow(2, "a", None, {"name": "Zoë", "note": "x, y; z"}),
    InputRow(3, "b", None, {"note": "1|2\t3"}),
]


def written(delimiter: str, quoting: Literal[0, 1]) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=quoting).writerows(LINES)
    return text.getvalue()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_spreadsheets_export_is_read_as_it_is(
    tmp_path: Path, delimiter: str, quoting: Literal[0, 1], encoding: str
) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(written(delimiter, quoting).encode(encoding))
    with AccountsFile(str(path)) as accounts:
        assert list(accounts) == ROWS


@pytest.mark.parametrize(
    ("encoding", "delimiter"), [("cp1252", ","), ("utf-16-le", ";"), ("utf-8", "#"), ("latin-1", "~")]
)
def test_other_encodings_and_delimiters_are_named(tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(written(delimiter, csv.QUOTE_MINIMAL).encode(encoding))
    with AccountsFile(str(path), encoding=encoding, delimiter=delimiter) as accounts:
        assert list(accounts) == ROWS


def test_an_announced_delimiter_is_used(tmp_path: Path) -> None:
    found = rows(tmp_path / "in.csv", "sep=#\r\nlinked_account_id#n\r\na#1\r\n")
    assert found == [InputRow(3, "a", None, {"n": "1"})]


def test_spaces_around_names_and_after_delimiters_are_dropped(tmp_path: Path) -> None:
    text = '\n linked_account_id\u200b , "email", note\na , a@x.y, "x, y"\n'
    assert rows(tmp_path / "in.csv", text) == [InputRow(3, "a", None, {"email": "a@x.y", "note": "x, y"})]
    assert rows(tmp_path / "in.csv", "linked_account_id,note\na, x \n") == [
        InputRow(2, "a", None, {"note": " x "})
    ]


def test_rows_and_columns_without_content_are_skipped(tmp_path: Path) -> None:
    text = "linked_account_id,n,,\n,,,\na,1,,\n, ,\n\nb,2,,,,\n"
    assert rows(tmp_path / "in.csv", text) == [
        InputRow(3, "a", None, {"n": "1"}),
        InputRow(6, "b", None, {"n": "2"}),
    ]


def test_a_cell_may_be_large(tmp_path: Path) -> None:
    limit = csv.field_size_limit()
    note = "x" * (limit + 1)
    assert rows(tmp_path / "in.csv", f"linked_account_id,n\na,{note}\n")[0].params == {"n": note}
    assert csv.field_size_limit() == limit


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_any_line_end_and_a_byte_order_mark_are_read(tmp_path: Path, newline: str) -> None:
    lines = [chr(0xFEFF) + '{"linked_account_id": "a", "n": 1}', "", '"b"']
    assert rows(tmp_path / "in.jsonl", newline.join(lines)) == [
        InputRow(1, "a", None, {"n": 1}),
        InputRow(3, "b", None, {}),
    ]


def test_a_pipe_is_read_several_times(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=("linked_account_id\na\nb\n",))
    writer.start()
    with AccountsFile(str(path)) as accounts:
        assert [row.linked_account_id for row in accounts] == ["a", "b"]
        assert [row.linked_account_id for row in accounts] == ["a", "b"]
    writer.join()


@pytest.mark.parametrize("encoding", ["no-such", "base64", "rot13"])
def test_a_binary_encoding_is_refused(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "in.csv").write_text("linked_account_id\n")
    with pytest.raises(click.BadParameter, match="is not a text encoding"):
        AccountsFile(str(tmp_path / "in.csv"), encoding=encoding)


names = st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufeff"), min_size=1)
cells = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r"))


@given(
    columns=st.lists(
        names.map(str.strip).filter(lambda name: name and name != "linked_account_id"),
        unique=True,
        max_size=4,
    ),
    table=st.lists(st.lists(cells, min_size=4, max_size=4), max_size=5),
    delimiter=st.sampled_from(",;\t|"),
)
def test_what_a_csv_writer_writes_is_read_back(
    columns: list[str], table: list[list[str]], delimiter: str
) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(["linked_account_id", *columns])
    writer.writerows(["a", *row[: len(columns)]] for row in table)
    lines = io.StringIO(text.getvalue(), newline="")
    found = [record for _, record in csv_records(lines, ["linked_account_id"])]
    assert found == [
        {"linked_account_id": "a"} | {name: cell for name, cell in zip(columns, row, strict=False) if cell}
        for row in table
    ]
