"""JSON encoding of what is sent: what JSON cannot express is refused, never sent as something else.

msgspec encodes NaN as null, a set as a list, bytes as base64 and two keys `1` and `"1"` as one key twice.
Each would reach the customer's app as another value than was given, so each is refused, with its path.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from decimal import Decimal
from enum import Enum
from typing import Any, Final

import msgspec

from refold_async._core.lenient_json import loads, repair
from refold_async.errors import InvalidCallError


def plain(value: object) -> object:
    """Convert a mapping to a dict and a sequence to a list, for msgspec to encode.

    Raises:
        TypeError: If it is neither.
    """
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(f"Encoding objects of type {type(value).__name__} is unsupported")


_encode: Final = msgspec.json.Encoder(enc_hook=plain).encode
_canonical: Final = msgspec.json.Encoder(order="sorted").encode
_decode: Final = msgspec.json.Decoder().decode
_ERRORS: Final = (TypeError, ValueError, ArithmeticError, RecursionError, msgspec.MsgspecError)


class EncodedJSON(msgspec.Struct, frozen=True, eq=False, gc=False):
    """A value that was encoded once; its bytes are what is sent. Equal if it is the same JSON value."""

    json: bytes

    def decode(self) -> Any:
        """Return the value, new each time."""
        try:
            return _decode(self.json)
        except _ERRORS:
            return loads(self.json)

    def canonical(self) -> bytes:
        """Return the value's JSON without spaces and with sorted keys."""
        return _canonical(self.decode())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, EncodedJSON):
            return NotImplemented
        return self.json == other.json or self.canonical() == other.canonical()

    def __hash__(self) -> int:
        return hash(self.canonical())


def encode(value: object, name: str = "body") -> bytes:
    """Encode a value as JSON.

    Args:
        value: The value.
        name: What messages call it, e.g. `params`.

    Raises:
        InvalidCallError: If it contains something that JSON cannot express; the message says where.
    """
    encoded: bytes | None = None
    unencodable = False
    try:
        encoded = _encode(value)
        # What decodes to an equal value was encoded unchanged: far cheaper than a look at each value.
        if _decode(encoded) == value:
            return encoded
    except Exception:  # noqa: BLE001 - a caller's type may raise anything when compared
        unencodable = True
    try:
        _check(value, name)
        return _encode(value) if unencodable or encoded is None else encoded
    except InvalidCallError:
        raise
    except RecursionError:
        raise _refused(name, "it is nested too deeply") from None
    except _ERRORS as error:
        # `from None`: the cause would put the value into tracebacks.
        raise _refused(name, str(error)) from None


def dump(value: object) -> bytes:
    """Encode what was decoded, e.g. for a message; half a character becomes U+FFFD."""
    try:
        return _encode(value)
    except UnicodeEncodeError:
        return repair(json.dumps(msgspec.to_builtins(value, enc_hook=_builtin)).encode())


def _builtin(value: object) -> object:
    return loads(bytes(value)) if isinstance(value, msgspec.Raw) else plain(value)


def _refused(path: str, reason: str) -> InvalidCallError:
    return InvalidCallError(f"{path} cannot be encoded as JSON: {reason}")


_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_EXACT: Final = frozenset({bool, int, type(None)})


def _check(value: object, path: str) -> None:
    """Refuse the first part of a value that JSON cannot express.

    Raises:
        InvalidCallError: If there is one.
    """
    if type(value) in _EXACT:
        return
    if isinstance(value, str):
        _check_text(value, path)
    elif isinstance(value, Mapping):
        _check_mapping(value, path)
    elif isinstance(value, AbstractSet | bytes | bytearray | memoryview):
        raise _refused(path, _WHY_NOT["set" if isinstance(value, AbstractSet) else "bytes"])
    elif isinstance(value, Sequence):
        for number, item in enumerate(value):
            _check(item, f"{path}[{number}]")
    elif (fields := _fields(value)) is not None:
        for name, item in fields:
            _check(item, f"{path}.{name}")
    else:
        _check_scalar(value, path)


_WHY_NOT: Final = {
    "set": "a set has no order; pass a list",
    "bytes": "bytes are not text; decode them, or encode them e.g. as base64",
}


def _check_scalar(value: object, path: str) -> None:
    if isinstance(value, float | Decimal):
        if not _is_finite(value):
            raise _refused(path, f"{value} is not a number in JSON")
    elif isinstance(value, Enum):
        _check(value.value, path)
    elif isinstance(value, msgspec.Raw):
        _check_raw(value, path)
    else:
        _check_other(value, path)


def _is_finite(number: float | Decimal) -> bool:
    return number.is_finite() if isinstance(number, Decimal) else math.isfinite(number)


def _check_text(value: str, path: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        half = value[error.start]
        raise _refused(path, f"{half!a} is half a character (a lone surrogate), not valid Unicode") from None


def _check_raw(value: msgspec.Raw, path: str) -> None:
    try:
        loads(bytes(value).decode().encode())  # `loads` alone would forgive invalid UTF-8
    except (ValueError, RecursionError) as error:
        raise _refused(path, f"the msgspec.Raw is not JSON: {error}") from None


def _check_mapping(value: Mapping[Any, object], path: str) -> None:
    if not all(type(key) is str for key in value):
        _check_keys(value, path)
    for key, item in value.items():
        here = key if isinstance(key, str) else str(key)
        _check_text(here, f"a key of {path}")
        _check(item, f"{path}.{here}" if _NAME.fullmatch(here) else f"{path}[{here!r}]")


def _check_keys(keys: Iterable[object], path: str) -> None:
    """Refuse keys that JSON cannot express, and those that are the same key in JSON."""
    seen: dict[str, object] = {}
    for key in keys:
        if isinstance(key, float | Decimal) and not _is_finite(key):
            raise _refused(path, f"its key {key!r} is not a number in JSON")
        try:
            [text] = _decode(_encode({key: None}))
        except _ERRORS:
            raise _refused(path, f"its key {key!a} is not a string") from None
        if text in seen:
            raise _refused(path, f"its keys {seen[text]!r} and {key!r} are the same key in JSON")
        seen[text] = key


def _fields(value: object) -> list[tuple[str, object]] | None:
    """Return the fields of a struct, dataclass or attrs object; `None` if it is something else."""
    if isinstance(value, msgspec.Struct):
        names = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        fields = [(name, getattr(value, attribute)) for name, attribute in names]
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [(field.name, getattr(value, field.name)) for field in dataclasses.fields(value)]
    elif (declared := getattr(type(value), "__attrs_attrs__", None)) is not None:
        fields = [(field.name, getattr(value, field.name)) for field in declared]
    else:
        return None
    return [(name, item) for name, item in fields if item is not msgspec.UNSET]


def _check_other(value: object, path: str) -> None:
    """Let msgspec decide about a date, a UUID and the like."""
    try:
        _encode(value)
    except _ERRORS as error:
        raise _refused(path, str(error)) from None
