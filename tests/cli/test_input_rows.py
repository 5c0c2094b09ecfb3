import io
import sys
from pathlib import Path

import click
import pytest

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
    assert found == [InputRow(2, "c", "j", {"limit": "1"})]


def test_the_form_can_be_named_where_the_suffix_does_not_tell(tmp_path: Path) -> None:
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
            b"linked_account_id;limit\na;1\n",
            "'linked_account_id'; the columns are 'linked_account_id;limit'",
        ),
        ("in.csv", b"linked_account_id,a,a\nx,1,2\n", "line 1: duplicate column 'a'"),
        ("in.csv", b"", "in.csv is empty: the first line must name the columns"),
        ("in.json", b'{"linked_account_id":"a","b":1}', "in.json is not valid CSV: "),
        ("in.csv", b"linked_account_id,email\n,x\n", "line 2: no linked_account_id"),
        ("in.csv", b"linked_account_id,email\na,x\na,x,y\n", "line 3: the number of cells differs"),
        ("in.csv", b"linked_account_id,email\na\n", "line 2: the number of cells differs"),
        ("in.csv", b'linked_account_id\n"a\n', "in.csv is not valid CSV: unexpected end of data"),
        ("in.csv", b"linked_account_id\n\xff\n", "in.csv is not UTF-8: "),
        ("in.jsonl", b'{"linked_account_id": "a"}\n{', "line 2: "),
        ("in.jsonl", b"[1]", "line 1: expected an object or a linked account id"),
        ("in.jsonl", b"true", "line 1: expected an object"),
        ("in.jsonl", b'{"linked_account_id": true}', "line 1: no linked_account_id"),
        ("in.jsonl", b'{"linked_account_id": ""}', "line 1: no linked_account_id"),
    ],
)
def test_what_cannot_be_read_names_its_line_before_anything_runs(
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
