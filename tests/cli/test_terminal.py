"""What is printed: one line per JSON record, and text as it is, but for what steers a terminal."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async._core.json_lines import json_line
from refold_async.cli.terminal import Terminal, printable
from refold_async.sandbox import Fault, Sandbox

from .conftest import Command

INDENTED = b"""{"node_status": "Success", "http_status": 200, "data": {
\t"name": "Zo\xc3\xab\xe2\x80\xa8",\r\n  "half": "\\ud83d", "bytes": "\xed\xa0\xbd",
  "items": [\n 1.10,\r 2 ]
}}
"""
"""A response formatted by an app, with a character that some programs take for the end of a line."""


def one_line(text: str) -> Any:
    assert len(text.splitlines()) == 1, text
    assert text.endswith("\n")
    return json.loads(text)


def test_a_result_is_one_line_however_the_app_formats_it(
    refold: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.add(Fault(action_id="get_contact", garbage=INDENTED))
    ended = refold("execute", "hubspot", "get_contact", "--account", "demo-user-1", "--json")
    data = {"name": "Zoë\u2028", "half": "\ufffd", "bytes": "\ufffd", "items": [1.1, 2]}
    assert one_line(ended.out) == {"node_status": "Success", "http_status": 200, "data": data}
    assert "1.10" in ended.out
    path, out = tmp_path / "in.csv", tmp_path / "out.jsonl"
    path.write_text("linked_account_id\ndemo-user-1\n")
    refold("batch", "hubspot", "get_contact", "--accounts", str(path), "--out", str(out))
    assert one_line(out.read_text())["data"] == data
    ended = refold("batch", "hubspot", "get_contact", "--accounts", str(path), "--out", "-")
    assert one_line(ended.out)["data"] == data


@pytest.mark.skipif(os.name != "posix", reason="modes of files are POSIX's")
def test_new_results_are_their_owners_alone(refold: Command, tmp_path: Path) -> None:
    path, out, shared = tmp_path / "in.csv", tmp_path / "out.jsonl", tmp_path / "shared.jsonl"
    path.write_text("linked_account_id\ndemo-user-1\n")
    shared.touch(mode=0o640)
    for each, mode in ((out, 0o600), (shared, 0o640)):
        assert (
            refold("batch", "hubspot", "get_contact", "--accounts", str(path), "--out", str(each)).code == 0
        )
        assert stat.S_IMODE(each.stat().st_mode) == mode


texts = st.text(st.characters())
values = st.recursive(
    texts | st.integers(-(2**53), 2**53) | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
)


@given(values, st.sampled_from([None, 2, "\t"]), st.booleans())
def test_any_json_is_one_line_with_the_same_value(
    value: object, indent: int | str | None, ascii_only: bool
) -> None:
    raw = json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "replace")
    expected = json.loads(raw)
    assert one_line(json_line({"data": msgspec.Raw(raw)}).decode()) == {"data": expected}
    assert one_line(json_line({"data": value}).decode()) == {"data": value}


TEXT = "a\u00a0b\u200db\u200cc\u3000d\u2009e\u00adf\u200eg\ufefe\U000e0067h\ue000i👩‍👩‍👧"
"""Spaces, joiners, marks and other characters that print nothing or differently, but steer nothing."""


@pytest.mark.parametrize("lines", [False, True])
def test_text_stays_as_it_is(lines: bool) -> None:
    assert printable(TEXT, lines=lines) == TEXT


@pytest.mark.parametrize(
    "steering", [*map(chr, range(32)), *map(chr, range(0x7F, 0xA0)), *"\u202a\u202e\u2066\u2069\ud800\udfff"]
)  # fmt: skip
def test_control_characters_are_replaced(steering: str) -> None:
    assert printable(f"a{steering}b") == "a\N{REPLACEMENT CHARACTER}b"
    if steering not in "\n\t":
        assert printable(f"a{steering}b", lines=True) == "a\N{REPLACEMENT CHARACTER}b"


def test_lines_and_tabs_are_text() -> None:
    assert printable("a\tb\r\nc\n", lines=True) == "a\tb\r\nc\n"


@given(values)
def test_printed_data_has_no_control_characters(value: object) -> None:
    with pytest.MonkeyPatch.context() as patch:
        shown: list[str] = []
        patch.setattr("click.echo", shown.append)
        Terminal().data(value)
    assert json.loads(shown[0]) == value
    assert printable(shown[0], lines=True) == shown[0]


def test_a_table_keeps_a_column_of_zeros_and_drops_an_empty_one(capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().table(("shard", "worker", "done"), [(0, None, 5)], title="a title longer than the table")
    title, heads, _, row = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert " ".join(title) == "a title longer than the table"
    assert heads == ["shard", "done"]
    assert row == ["0", "5"]
