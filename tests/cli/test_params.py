import io
import sys
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async.cli.arguments import read_params


def test_single_params_override_those_of_the_json() -> None:
    assert read_params('{"limit": 1, "after": "7"}', ["limit=2", "query=a=b", "empty="]) == {
        "limit": "2",
        "after": "7",
        "query": "a=b",
        "empty": "",
    }


def test_an_absent_argument_is_not_a_parameter() -> None:
    assert read_params(None, []) == {}


def test_params_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "params.json"
    path.write_text('{"name": "Zoë"}', encoding="utf-8")
    assert read_params(f"@{path}", []) == {"name": "Zoë"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_may_have_a_byte_order_mark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    path = tmp_path / "params.json"
    path.write_text('{"name": "Zoë"}', encoding=encoding)
    assert read_params(f"@{path}", []) == {"name": "Zoë"}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(path.read_bytes())))
    assert read_params("-", []) == {"name": "Zoë"}


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_is_read_as_programs_write_it(number: float) -> None:
    for text in (repr(number), f"{number:.17g}", f"{number:.16e}"):
        assert read_params(f'{{"a": {text}}}', []) == {"a": number}


def test_numbers_with_many_digits_that_a_float_has_are_read() -> None:
    assert read_params('{"a": 100000000000000000000000.0, "b": -0.0, "c": 12345678901234567890}', []) == {
        "a": 1e23, "b": 0.0, "c": 12345678901234567890,
    }  # fmt: skip


def test_params_come_from_stdin(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"a": [1]}')))
    assert read_params("-", []) == {"a": [1]}


@pytest.mark.parametrize(
    ("text", "pairs", "words"),
    [
        ("{", [], "not a JSON object"),
        ("[1]", [], "not a JSON object"),
        ("1", [], "not a JSON object"),
        ("", [], "not a JSON object"),
        ('{"a": 1, "a": 2}', [], "duplicate name 'a'"),
        ('{"a": {"b": 1, "b": 2}}', [], "duplicate name 'b'"),
        ('{"a": 1e999}', [], "the number 1e999 would be sent as inf; pass it as a string"),
        (
            '{"a": [0.12345678901234567891]}',
            [],
            "the number 0.12345678901234567891 would be sent as 0.1234567890",
        ),
        ('{"a": 1e-400}', [], "the number 1e-400 would be sent as 0.0"),
        ('{"a": "\\ud83d"}', [], "half a character"),
        ("@/no/such/file", [], "/no/such/file: No such file"),
        (None, ["limit"], "'limit' is not name=value"),
        (None, ["=1"], "'=1' is not name=value"),
    ],
)
def test_unreadable_parameters_are_usage_errors(text: str | None, pairs: list[str], words: str) -> None:
    with pytest.raises(click.BadParameter, match=words):
        read_params(text, pairs)
