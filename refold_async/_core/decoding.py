"""Reading JSON into a type, strictly first, and bending where the service surprises.

The structs of the SDK say what the service is known to answer. Where an answer has a field of
another type, that field keeps the value that came, and the rest of the answer is read as ever.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, TypeVar, Union, cast, get_args, get_origin

import msgspec

from refold_async.errors import UnreadableReplyError

T = TypeVar("T")

BOM: Final = b"\xef\xbb\xbf"
"""The mark that some services put before UTF-8, and JSON does not know."""

_any: Final = msgspec.json.Decoder()


@lru_cache(maxsize=512)
def _decoder(answer: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(answer)


def read_as(answer: type[T], body: bytes) -> T:
    """Read a body into a type.

    Args:
        answer: The type: a struct, a list of structs, `msgspec.Raw`, `None` for no answer, …
        body: The body as it came.

    Raises:
        UnreadableReplyError: The body is not JSON, or of another shape altogether (an object in
            place of a list, say).
    """
    if answer is type(None):
        return cast("T", cast("Any", None))
    body = body.removeprefix(BOM)
    try:
        return cast("T", _decoder(cast("Any", answer)).decode(body))
    except msgspec.ValidationError:
        pass
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise UnreadableReplyError(_not_json(body, error), fate="unknown") from None
    return _bend_whole(answer, body)


def decode_any(body: bytes | memoryview) -> Any:
    """Decode JSON into dicts, lists, texts and numbers.

    Raises:
        UnreadableReplyError: It is not JSON.
    """
    try:
        return _any.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise UnreadableReplyError(_not_json(bytes(body[:64]), error), fate="unknown") from None


def decode_into(body: bytes | msgspec.Raw, kind: Any) -> Any:
    """Decode JSON straight into a type of the caller's, without bending.

    Raises:
        UnreadableReplyError: The JSON does not fit the type; the message says where.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        name = kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)
        raise UnreadableReplyError(f"the data is no {name}: {error}", fate="unknown") from None


def _not_json(body: bytes, error: Exception) -> str:
    if not body.strip():
        return "the answer is empty where JSON was due"
    if body.lstrip()[:1] == b"<":
        return "the answer is HTML where JSON was due"
    if isinstance(error, RecursionError):
        return "the answer is JSON nested too deep to read"
    return f"the answer is not JSON: {error}"


def _bend_whole(answer: type[T], body: bytes) -> T:
    value = decode_any(body)
    bent = convert_leniently(answer, value)
    expected = get_origin(answer) or answer
    if isinstance(expected, type) and not isinstance(bent, expected):
        raise UnreadableReplyError(
            f"the answer is {_WORDS[type(value)]} where {_due(expected, answer)} was due", fate="unknown"
        )
    return cast("T", bent)


_WORDS: Final = {
    dict: "an object",
    list: "a list",
    str: "a text",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    types.NoneType: "null",
}
"""What JSON calls what it decodes to."""


def _due(expected: type, answer: object) -> str:
    kind = dict if issubclass(expected, msgspec.Struct) else expected
    return _WORDS.get(kind) or str(answer)


def convert_leniently(kind: Any, value: Any) -> Any:
    """Convert a decoded value to a type as far as it fits; what does not fit stays as it came."""
    try:
        return msgspec.convert(value, kind)
    except (msgspec.ValidationError, RecursionError):
        pass
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Union or origin is types.UnionType:
        return _bend_union(arguments, value)
    if isinstance(value, list) and origin in {list, tuple}:
        return (origin or list)(convert_leniently(arguments[0], item) for item in value)
    if isinstance(value, Mapping):
        struct = origin or kind
        if isinstance(struct, type) and issubclass(struct, msgspec.Struct):
            return _bend_struct(kind, struct, value)
        if origin is dict:
            return {key: convert_leniently(arguments[1], item) for key, item in value.items()}
    return value


def _bend_union(kinds: tuple[Any, ...], value: Any) -> Any:
    for kind in kinds:
        bent = convert_leniently(kind, value)
        if bent is not value:
            return bent
    return value


def _bend_struct(kind: Any, struct: type[msgspec.Struct], value: Mapping[str, Any]) -> Any:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    known = {
        fields[key].name: convert_leniently(fields[key].type, item)
        for key, item in value.items()
        if key in fields
    }
    missing = [field.name for field in fields.values() if field.required and field.name not in known]
    return struct(**known, **dict.fromkeys(missing))
