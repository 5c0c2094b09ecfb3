import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async.agents.answers import Hidden, done, failed

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=300)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(max_size=20), inner, max_size=5),
)


@given(values, st.integers(1000, 3000))
def test_every_answer_is_json_within_its_size(value: Any, limit: int) -> None:
    answer = done(json.dumps(value).encode(), Hidden(), limit)
    told = json.loads(answer.to_json())
    assert len(answer.to_json().encode()) <= limit
    assert answer.truncated or told["data"] == value


@given(st.text(max_size=3000), st.lists(st.text(max_size=1000), max_size=30), st.binary(max_size=50))
def test_every_refusal_is_json_within_its_size(error: str, problems: list[str], record: bytes) -> None:
    answer = failed(error, 1000, problems=problems, record=json.dumps(record.hex() * 40).encode())
    assert json.loads(answer.to_json())["ok"] is False
    assert len(answer.to_json().encode()) <= 1000


def test_whole_records_are_left_out_and_counted() -> None:
    records = [{"id": number, "text": "x" * 50} for number in range(100)]
    answer = done(json.dumps({"results": records, "total": 100}).encode(), Hidden(), 2000)
    shown = answer.data["results"]
    assert 10 < len(shown) < 40
    assert shown == records[: len(shown)]
    assert answer.data["total"] == 100
    assert answer.truncated == f"results: {len(shown)} of 100 shown"


def test_a_record_that_is_too_long_has_its_texts_cut() -> None:
    answer = done(json.dumps([{"id": 1, "text": "x" * 5000}]).encode(), Hidden(), 3000)
    assert answer.data == [{"id": 1, "text": f"{'x' * 2000}… (5000 characters)"}]


def test_data_that_cannot_be_shortened_is_left_out() -> None:
    answer = done(json.dumps({str(number): number for number in range(1000)}).encode(), Hidden(), 1000)
    assert answer.data is None
    assert "too many to show" in str(answer.truncated)


@pytest.mark.parametrize(
    "raw", [b'"\\ud83d"', b"1e999", b"[" * 10_000 + b"]" * 10_000, b'"\xff"', b"1" * 6000]
)
def test_odd_data_is_shown_as_plain_json_or_not_at_all(raw: bytes) -> None:
    answer = done(raw, Hidden(), 1000)

    def refuse(name: str) -> None:
        raise AssertionError(name)

    told = json.loads(answer.to_json(), parse_constant=refuse)
    assert told["ok"] is True


def test_hidden_names_are_hidden_in_any_escape() -> None:
    hidden = Hidden("key-1", ("demo-user-1", "127.0.0.1:80", "a1"))
    raw = b'{"a": "\\u0064emo-user-1 xkey-1y demo-user-10", "demo-user-1": ["http://127.0.0.1:80/x", "a1"]}'
    assert json.loads(hidden.out_of_data(raw)) == {
        "a": "*** x***y demo-user-10",
        "***": ["http://***/x", "a1"],
    }
    assert hidden.out_of("a1: id-9", "id-9") == "***: ***"
