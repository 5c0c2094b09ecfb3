"""JSON decoding into types: strict first, then lenient."""

from typing import Any, Generic, TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async._core.decoding import convert_leniently, decode_any, read_as
from refold_async.errors import UnreadableReplyError

T = TypeVar("T")


class Item(msgspec.Struct, frozen=True):
    name: str
    count: int | None = None
    by_id: str | None = msgspec.field(default=None, name="_id")


class Page(msgspec.Struct, Generic[T], frozen=True):
    docs: list[T] | None = None
    total: int | None = msgspec.field(default=None, name="totalDocs")
    extra: Item | str | None = None


@pytest.mark.parametrize(
    ("kind", "body", "value"),
    [
        (Item, b'{"name":"a","count":1,"other":[]}', Item("a", 1)),
        (Item, b'{"name":"a","_id":"7"}', Item("a", by_id="7")),
        (Item, b'{"name":"a","count":"many"}', Item("a", "many")),  # type: ignore[arg-type]
        (Item, b'{"count":1}', Item(None, 1)),  # type: ignore[arg-type]
        (Item, b'{"name":{"en":"a"}}', Item({"en": "a"})),  # type: ignore[arg-type]
        (list[Item], b'[{"name":1},{"name":"b"}]', [Item(1), Item("b")]),  # type: ignore[arg-type]
        (list[Item], b'[null,{"name":"b"}]', [None, Item("b")]),
        (tuple[Item, ...], b'[{"name":1}]', (Item(1),)),  # type: ignore[arg-type]
        (dict[str, Item], b'{"a":{"name":1}}', {"a": Item(1)}),  # type: ignore[arg-type]
        (Page[Item], b'{"docs":[{"name":2}],"totalDocs":"3"}', Page([Item(2)], "3")),  # type: ignore[arg-type]
        (Page[Item], b'{"docs":{"name":"a"}}', Page({"name": "a"})),  # type: ignore[arg-type]
        (Page[Item], b'{"docs":null,"extra":{"name":2}}', Page(extra=Item(2))),  # type: ignore[arg-type]
        (Page[Item], b'{"extra":5}', Page(extra=5)),  # type: ignore[arg-type]
        (Item | None, b"null", None),
        (Any, b'{"a":[1]}', {"a": [1]}),
        (type(None), b"whatever", None),
        (msgspec.Raw, b'{"a":1}', msgspec.Raw(b'{"a":1}')),
    ],
)
def test_what_is_read(kind: Any, body: bytes, value: object) -> None:
    assert read_as(kind, body) == value


@pytest.mark.parametrize(
    ("kind", "body", "words"),
    [
        (list[Item], b"{}", "the response is an object, expected a list"),
        (Item, b"[]", "the response is a list, expected an object"),
        (Item, b"null", "the response is null, expected an object"),
        (Page[Item], b"true", "the response is a boolean, expected an object"),
        (int | str, b"[]", "the response is a list, expected int | str"),
        (dict[str, int], b"5", "the response is a number, expected an object"),
        (Item, b"", "the response is empty, expected JSON"),
        (Item, b"<p>", "the response is HTML, expected JSON"),
        (Item, b"{", "the response is not JSON: Input data was truncated"),
        (int, b"1e400", "the response is a number out of range"),
    ],
)
def test_data_of_another_shape(kind: Any, body: bytes, words: str) -> None:
    with pytest.raises(UnreadableReplyError) as caught:
        read_as(kind, body)
    assert caught.value.message == words
    assert caught.value.fate == "unknown"


@given(st.binary())
def test_any_bytes_decode_or_raise_unreadable(body: bytes) -> None:
    kinds: list[Any] = [list[Item], Page[Item], dict[str, Item], int | None]
    for kind in kinds:
        try:
            read_as(kind, body)
        except UnreadableReplyError:
            continue


def test_deep_values_neither_decode_nor_crash() -> None:
    with pytest.raises(UnreadableReplyError, match="nested too deep"):
        decode_any(b"[" * 100_000 + b"]" * 100_000)


def test_fitting_data_is_converted_strictly() -> None:
    value = {"name": "a", "count": 1}
    assert convert_leniently(Item, value) == Item("a", 1)
    assert convert_leniently(int, "x") == "x"
