"""An answer is split the same way whether its list is read through or not."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async._core.slices import ListDecoder
from refold_async.walks.answers import Outline, outline, outline_of_one_list

TEXTS = st.text('[]{}",:\\ ab', max_size=5)
RECORDS = st.lists(st.dictionaries(TEXTS, TEXTS | st.lists(TEXTS, max_size=2), max_size=2), max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | TEXTS | RECORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
DEEP = st.integers(0, 6)


def plain(found: Outline) -> tuple[dict[str, Any], dict[str, Any]]:
    return found.values, {path: msgspec.json.decode(content) for path, content in found.lists.items()}


@given(value=VALUES, deep=DEEP, pretty=st.booleans())
def test_detected_lists_are_lists(value: Any, deep: int, pretty: bool) -> None:
    for name in "abcdef"[:deep]:
        value = {name: value, "x": name}
    text = json.dumps(value, indent=1 if pretty else None).encode()
    found = outline_of_one_list(text)
    if found is None:
        return
    ((_, content),) = found.lists.items()
    if ListDecoder(None).decode(content) is not None:
        assert plain(found) == plain(outline(msgspec.Raw(text)))


@given(records=RECORDS, values=st.dictionaries(TEXTS.filter(lambda name: "." not in name), st.integers()))
def test_an_answer_with_one_list_needs_not_be_read_through(records: Any, values: dict[str, int]) -> None:
    text = json.dumps({**values, "records": records}).encode()
    found = outline_of_one_list(text)
    odd = any("[" in name or "]" in name for name in values)
    assert odd or (found is not None and plain(found) == (values, {"records": records}))


@pytest.mark.parametrize("text", [b'{"why":"\\ud83d","items":[{"id":1}]}', b'{"items":[1],"\\ud83d":[2]}'])
def test_half_a_character_loses_nothing(text: bytes) -> None:
    found = outline(msgspec.Raw(text))
    assert "items" in found.lists
