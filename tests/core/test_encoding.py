"""What is sent is what was given: what JSON cannot express is refused, and the message says where."""

import re
from collections import ChainMap, OrderedDict, UserList
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum, IntEnum
from fractions import Fraction
from types import MappingProxyType
from typing import Any
from uuid import UUID

import attrs
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async._core.encoding import EncodedJSON, encode
from refold_async.errors import InvalidCallError

NAN = float("nan")


class Holder(msgspec.Struct):
    share: float


@dataclass
class Line:
    price: object


@attrs.define
class Row:
    cell: object


class Colour(Enum):
    NONE = NAN
    RED = "red"


class Size(IntEnum):
    S = 1


def ascii_id(value: object) -> str:
    """Name a case without addresses, which differ between processes."""
    return re.sub(r" at 0x\w+", "", ascii(value))[:60]


def circle() -> list[Any]:
    value: list[Any] = []
    value.append(value)
    return value


def deep(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


REFUSED: list[tuple[object, str]] = [
    (NAN, "params"),
    (float("inf"), "params"),
    ({"a": object()}, "params.a"),
    ({"a": 1j}, "params.a"),
    ({"a": Fraction(1, 2)}, "params.a"),
    ({"a": "\ud800"}, "params.a"),
    ({"a": ["ok", "x\udfffy"]}, "params.a[1]"),
    ({"a\ud83d": 1}, "a key of params"),
    ({(1, 2): 3}, "params"),
    ({None: 3}, "params"),
    ({"a": NAN}, "params.a"),
    ({"lines": [{}, {}, {}, {"price": Decimal("NaN")}]}, "params.lines[3].price"),
    ({"a": Decimal("sNaN")}, "params.a"),
    ({"a": Decimal("-Infinity")}, "params.a"),
    ({"a": [{"b": float("inf")}], "c": None}, "params.a[0].b"),
    ({"a": (1, {2: -float("inf")})}, "params.a[1]['2']"),
    ({"a": Holder(NAN)}, "params.a.share"),
    ({"a": Line(Decimal("Infinity"))}, "params.a.price"),
    ({"a": Row({"x"})}, "params.a.cell"),
    (MappingProxyType({"a": UserList([NAN])}), "params.a[0]"),
    ({"a": {1, 2}}, "params.a"),
    ({"a": frozenset()}, "params.a"),
    ({"a": {"b": 1}.keys()}, "params.a"),
    ({"a": b"bytes"}, "params.a"),
    ({"a": bytearray(b"bytes")}, "params.a"),
    ({"a": memoryview(b"bytes")}, "params.a"),
    ({"a": (number for number in range(3))}, "params.a"),
    ({1: "a", "1": "b"}, "params"),
    ({1: "a", "1": "a"}, "params"),
    ({"x y": {Decimal(1): "a", "1": "b"}}, "params['x y']"),
    ({NAN: 1}, "params"),
    ({"a": Colour.NONE}, "params.a"),
    ({"a": msgspec.Raw(b'1,"b":2')}, "params.a"),
    ({"a": msgspec.Raw(b"")}, "params.a"),
    ({"a": msgspec.Raw(b'"\xff"')}, "params.a"),
    ({"a": msgspec.Raw(b"NaN")}, "params.a"),
]


@pytest.mark.parametrize(("value", "path"), REFUSED, ids=ascii_id)
def test_data_that_json_cannot_express_is_refused_with_its_path(value: object, path: str) -> None:
    with pytest.raises(InvalidCallError) as caught:
        encode(value, "params")
    assert caught.value.message.startswith(f"{path} ") or caught.value.message.startswith(f"{path}[")
    assert "cannot be encoded as JSON: " in caught.value.message
    assert caught.value.message.isascii()
    assert caught.value.fate == "not_sent"
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("make", [circle, lambda: {"a": deep(100_000)}])
def test_deep_and_circular_data_is_refused(make: Callable[[], object]) -> None:
    with pytest.raises(InvalidCallError, match="nested too deeply"):
        encode(make())


SENT: list[tuple[object, bytes]] = [
    ({"a": None}, b'{"a":null}'),
    ({"a": "null"}, b'{"a":"null"}'),
    ([None, 1.5], b"[null,1.5]"),
    (Holder(0.5), b'{"share":0.5}'),
    ({"nullable": 1}, b'{"nullable":1}'),
    ({1: "a"}, b'{"1":"a"}'),
    ({"a": (1, 2)}, b'{"a":[1,2]}'),
    ({"a": Decimal("1.10")}, b'{"a":"1.10"}'),
    ({"a": date(2026, 1, 2)}, b'{"a":"2026-01-02"}'),
    ({"a": datetime(2026, 1, 2, tzinfo=UTC)}, b'{"a":"2026-01-02T00:00:00Z"}'),
    ({"a": UUID(int=0)}, b'{"a":"00000000-0000-0000-0000-000000000000"}'),
    ({"a": Colour.RED, "b": Size.S}, b'{"a":"red","b":1}'),
    ({"a": Line("x"), "b": Row(None)}, b'{"a":{"price":"x"},"b":{"cell":null}}'),
    (OrderedDict(b=1, a=2), b'{"b":1,"a":2}'),
    ({"a": 2**70}, b'{"a":1180591620717411303424}'),
    ({"a": range(3)}, b'{"a":[0,1,2]}'),
    ({"a": msgspec.Raw(b'"\\ud83d"')}, b'{"a":"\\ud83d"}'),
    (
        MappingProxyType({"a": ChainMap({"b": UserList([1, None])}), "c": msgspec.Raw(b"[null]")}),
        b'{"a":{"b":[1,null]},"c":[null]}',
    ),
]


@pytest.mark.parametrize(("value", "expected"), SENT, ids=ascii_id)
def test_data_that_json_can_express_is_sent(value: object, expected: bytes) -> None:
    assert encode(value) == expected


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner),
    max_leaves=10,
)


@given(JSON)
def test_a_body_decodes_to_itself(value: object) -> None:
    assert msgspec.json.decode(encode(value)) == value
    assert EncodedJSON(encode(value)).decode() == value


@given(st.dictionaries(TEXT, JSON))
def test_the_order_of_keys_does_not_change_the_value(value: dict[str, object]) -> None:
    one = EncodedJSON(encode(value))
    other = EncodedJSON(encode(dict(reversed(value.items()))))
    assert one == other
    assert hash(one) == hash(other)
    assert one != EncodedJSON(encode({**value, "one more": 1}))


def test_an_encoded_value_that_only_lenient_decoders_read_is_a_value() -> None:
    half = EncodedJSON(b'{"b": "\\ud83d", "a": 1}')
    assert half.decode() == {"a": 1, "b": "\ufffd"}
    assert half == EncodedJSON(b'{"a":1,"b":"\\uD83D"}')
    assert half != b'{"b": "\\ud83d", "a": 1}'
