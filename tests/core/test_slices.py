"""Long lists in slices: the same items as at once, whatever they hold, and other tasks run meanwhile."""

import asyncio
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async import UnreadableReplyError
from refold_async._core import slices
from refold_async._core.slices import ListDecoder
from refold_async.results import restored

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text('ab"\\{}[],: ', max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("ab}", max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(
    items=st.lists(st.dictionaries(st.text("ab", max_size=2), VALUES, max_size=3), max_size=40),
    pretty=st.booleans(),
)
def test_a_list_is_split_where_its_items_end(items: list[Any], pretty: bool) -> None:
    text = json.dumps(items, indent=2 if pretty else None).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "_SLICE", 16)
        patch.setattr(slices, "SHORT", 16)
        slices_found = list(ListDecoder(None).slices(msgspec.Raw(text)))
    assert [item for part in slices_found for item in part] == items


@given(items=st.lists(VALUES, max_size=40), pretty=st.booleans(), tries=st.integers(0, 2))
def test_items_of_any_kind_are_read_one_by_one(items: list[Any], pretty: bool, tries: int) -> None:
    text = json.dumps(items, indent=2 if pretty else None, ensure_ascii=False).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "_SLICE", 16)
        patch.setattr(slices, "SHORT", 16)
        patch.setattr(slices, "_TRIES", tries)
        found = list(ListDecoder(None).slices(msgspec.Raw(text)))
    assert [item for part in found for item in part] == items


@pytest.mark.parametrize("line", [{"n": 1, "text": "é" * 40}, "é" * 40, 12, [1, [2]]])
def test_long_lists_within_items_do_not_make_a_slice_longer(line: object) -> None:
    orders = [{"id": number, "lines": [line] * 60} for number in range(800)]
    found = list(ListDecoder(None).slices(msgspec.Raw(msgspec.json.encode(orders))))
    assert [order for part in found for order in part] == orders
    sizes = [len(msgspec.json.encode(part)) for part in found]
    assert max(sizes) <= slices.SHORT + 16  # the brackets


@given(text=st.binary(max_size=200))
def test_a_value_that_is_not_a_list_is_refused(text: bytes) -> None:
    try:
        expected = json.loads(text)
    except (ValueError, RecursionError):
        expected = None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slices, "_SLICE", 8)
        patch.setattr(slices, "SHORT", 8)
        try:
            found = [item for part in ListDecoder(None).slices(msgspec.Raw(text)) for item in part]
        except UnreadableReplyError:
            return
    assert isinstance(expected, list)
    assert len(found) == len(expected)


async def test_other_tasks_run_between_slices() -> None:
    contacts = [{"id": number, "name": "x" * 1000, "tags": [{"a": 1}, {"b": 2}]} for number in range(4000)]
    result = restored("Success", 200, msgspec.json.encode({"data": {"items": contacts}}))
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            ticks += 1
            await asyncio.sleep(0)

    ticker = asyncio.create_task(tick())
    records = [record async for record in result.records("data.items")]
    ticker.cancel()
    await asyncio.wait([ticker])
    assert records == contacts
    assert ticks >= 30  # 4 MB in slices of 128 KB


async def test_a_missing_list_is_named_in_the_error() -> None:
    result = restored("Success", 200, b'{"a":{"b":[1]},"a.c":[2]}')
    assert [record async for record in result.records("a.b")] == [1]
    assert [record async for record in result.records("a.c", into=int)] == [2]
    for path, words in (("a.x", "nothing at 'a.x'"), ("a", "not a list")):
        with pytest.raises(UnreadableReplyError, match=words):
            [record async for record in result.records(path)]
    with pytest.raises(UnreadableReplyError, match="item 0 does not fit str"):
        [record async for record in result.records("a.b", into=str)]
