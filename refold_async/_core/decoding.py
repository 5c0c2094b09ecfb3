"""JSON decoding into types: strict first, then lenient.

The structs of the SDK declare what the service is known to answer. If a field has a value of another
type, the field keeps that value as it came, and the rest of the answer is decoded as declared.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, TypeVar, Union, cast, get_args, get_origin

import msgspec

from refold_async._core.lenient_json import loads, repair
from refold_async.errors import UnreadableReplyError

T = TypeVar("T")

BOM: Final = b"\xef\xbb\xbf"
"""The byte order mark, which some services write and JSON forbids."""

_any: Final = msgspec.json.Decoder()

_ERRORS: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)

_TRUNCATED: Final = "Input data was truncated"
"""How msgspec reports a text that ends too early."""


@lru_cache(maxsize=512)
def _decoder(answer: Any) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(answer)


def read_as(answer: type[T], body: bytes) -> T:
    """Decode a body into a type.

    Args:
        answer: The type, e.g. a struct, a list of structs, `msgspec.Raw`, or `None` for no answer.
        body: The body as it was received.

    Raises:
        UnreadableReplyError: If the body is not JSON, or of another shape altogether, e.g. an object
            instead of a list.
    """
    if answer is type(None):
        return cast("T", cast("Any", None))
    body = body.removeprefix(BOM)
    try:
        return cast("T", _decoder(cast("Any", answer)).decode(body))
    except _ERRORS:
        return _decode_leniently(answer, body)


def decode_any(body: bytes | memoryview) -> Any:
    """Decode JSON into dicts, lists, strings and numbers.

    Raises:
        UnreadableReplyError: If it is not JSON.
    """
    try:
        return _any.decode(body)
    except _ERRORS as error:
        try:
            return loads(bytes(body))
        except (ValueError, RecursionError):
            raise _not_json(bytes(body), error) from None


def decode_into(body: bytes | msgspec.Raw, kind: Any) -> Any:
    """Decode JSON into a type of the caller's: strictly, but for text and numbers that JSON alone allows.

    Raises:
        UnreadableReplyError: If the JSON does not fit the type; the message says where.
    """
    try:
        try:
            return msgspec.json.decode(body, type=kind)
        except _ERRORS:
            return _decode_repaired(bytes(body), kind)
    except (*_ERRORS, ValueError, OverflowError) as error:
        name = kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)
        raise UnreadableReplyError(f"the data does not fit {name}: {error}", fate="unknown") from None


def _decode_repaired(body: bytes, kind: Any) -> Any:
    repaired = repair(body)
    try:
        return msgspec.json.decode(repaired, type=kind)
    except msgspec.ValidationError as error:
        if "out of range" not in str(error):
            raise
    # A number beyond a float: converted from the value, so that the fields beside it are not lost.
    return msgspec.convert(loads(repaired), kind, str_keys=True)


def _not_json(body: bytes, error: Exception) -> UnreadableReplyError:
    """Return the error for a body that is not JSON; half of a JSON text is transient."""
    if not body.strip():
        message = "the response is empty, expected JSON"
    elif body.lstrip()[:1] == b"<":
        message = "the response is HTML, expected JSON"
    elif isinstance(error, RecursionError):
        message = "the response is JSON nested too deeply to decode"
    else:
        message = f"the response is not JSON: {error}"
    failure = UnreadableReplyError(message, fate="unknown")
    failure.transient = message.endswith(_TRUNCATED)
    return failure


def _decode_leniently(answer: type[T], body: bytes) -> T:
    value = decode_any(body)
    converted = convert_leniently(answer, value)
    expected = get_origin(answer) or answer
    if isinstance(expected, type) and not isinstance(converted, expected):
        found, wanted = _JSON_NAMES[type(value)], _json_name(expected, answer)
        told = f"{found}, expected {wanted}" if found != wanted else f"{found} out of range"
        raise UnreadableReplyError(f"the response is {told}", fate="unknown")
    return cast("T", converted)


_JSON_NAMES: Final = {
    dict: "an object",
    list: "a list",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "a boolean",
    types.NoneType: "null",
}
"""The JSON name of each type that JSON decodes to."""


def _json_name(expected: type, answer: object) -> str:
    kind = dict if issubclass(expected, msgspec.Struct) else expected
    return _JSON_NAMES.get(kind) or str(answer)


def convert_leniently(kind: Any, value: Any) -> Any:
    """Convert a decoded value to a type as far as it fits; what does not fit stays as it is."""
    try:
        return msgspec.convert(value, kind)
    except (*_ERRORS, ValueError, OverflowError):
        pass
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Union or origin is types.UnionType:
        return _convert_union(arguments, value)
    if isinstance(value, list) and origin in {list, tuple}:
        return (origin or list)(convert_leniently(arguments[0], item) for item in value)
    if isinstance(value, Mapping):
        struct = origin or kind
        if isinstance(struct, type) and issubclass(struct, msgspec.Struct):
            return _convert_struct(kind, struct, value)
        if origin is dict:
            return {key: convert_leniently(arguments[1], item) for key, item in value.items()}
    return value


def _convert_union(kinds: tuple[Any, ...], value: Any) -> Any:
    for kind in kinds:
        converted = convert_leniently(kind, value)
        if converted is not value:
            return converted
    return value


def _convert_struct(kind: Any, struct: type[msgspec.Struct], value: Mapping[str, Any]) -> Any:
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    known = {
        fields[key].name: convert_leniently(fields[key].type, item)
        for key, item in value.items()
        if key in fields
    }
    # A required field that is missing becomes None: refusing it would lose the rest of the answer.
    missing = [field.name for field in fields.values() if field.required and field.name not in known]
    return struct(**known, **dict.fromkeys(missing))
