"""From a call to a request: its path, query, headers and body. No I/O."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Final
from urllib.parse import quote, urlencode

import msgspec

from refold_async._core.checks import check_header, check_mapping, check_text
from refold_async._core.operation import Operation
from refold_async._core.uploads import Upload
from refold_async.errors import InvalidCallError

Scalar = str | int | float | bool | None
"""A query parameter's value; `None` leaves the parameter out."""


NO_HEADERS: Final[Mapping[str, str]] = MappingProxyType({})


class Request(msgspec.Struct, frozen=True):
    """One request, ready to be sent, but for the credential that the session adds."""

    method: str
    target: str
    headers: Mapping[str, str] = NO_HEADERS
    body: bytes | None = None
    upload: Upload | None = None


_PLACE: Final = re.compile(r"\{(\w+)\}")


def segment(name: str, value: str) -> str:
    """Encode one path segment, so that it stays one.

    Raises:
        InvalidCallError: It is empty, `.` or `..`, holds a control character, or is no text.
    """
    check_text(name, value)
    if value in {".", ".."}:
        raise InvalidCallError(f"{name} may not be {value!r}: it would name another path")
    return quote(value, safe="")


@lru_cache(maxsize=4096)
def path_of(template: str, values: tuple[str, ...]) -> str:
    """Fill a path template's places, in their order, with encoded segments.

    Raises:
        InvalidCallError: A value cannot be a path segment.
    """
    rest = iter(values)
    return _PLACE.sub(lambda place: segment(place[1], next(rest)), template)


@lru_cache(maxsize=512)
def places_of(template: str) -> tuple[str, ...]:
    """Give the names of a path template's places, in their order."""
    return tuple(_PLACE.findall(template))


def query_of(values: Mapping[str, Scalar]) -> str:
    """Encode query parameters; those that are `None` are left out.

    Raises:
        InvalidCallError: They are no mapping, a name is no text, or a value is neither a text, a number
            nor a bool, or none that can be sent.
    """
    check_mapping("query", values)
    pairs = [
        (_query_name(name), _query_value(name, value)) for name, value in values.items() if value is not None
    ]
    return f"?{urlencode(pairs, quote_via=quote)}" if pairs else ""


def _query_name(name: object) -> str:
    if not isinstance(name, str):
        raise InvalidCallError(f"a query parameter's name must be a text, not {type(name).__name__}")
    return _encodable("a query parameter's name", name)


def _query_value(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidCallError(f"{name} must be a finite number, not {value!r}")
    if not isinstance(value, str):
        if not isinstance(value, int | float):
            raise InvalidCallError(f"{name} must be a text, a number or a bool, not {type(value).__name__}")
        return str(value)
    return _encodable(name, str.__str__(value))  # of a member of an enumeration its value, not its `str`


def _encodable(name: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidCallError(f"{name} is not valid Unicode: {text!r}") from None
    return text


def plain(value: object) -> object:
    """Give as a dict or a list what is a mapping or a sequence of another type, where msgspec meets it.

    Raises:
        TypeError: It is neither.
    """
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    if isinstance(value, msgspec.Raw):
        return None  # JSON that is written as it is, and so never changed
    raise TypeError(f"Encoding objects of type {type(value).__name__} is unsupported")


_encoder: Final = msgspec.json.Encoder(enc_hook=plain)


def body_of(value: object) -> bytes:
    """Encode a request's body as JSON.

    Raises:
        InvalidCallError: The value holds what JSON cannot say.
    """
    try:
        body = _encoder.encode(value)
        # NaN and the infinities are written as null, which is not what was asked for.
        changed = b"null" in body and _holds_infinite(msgspec.to_builtins(value, enc_hook=plain))
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise InvalidCallError(f"the body cannot be written as JSON: {error}") from None
    if changed:
        raise InvalidCallError("the body cannot be written as JSON: it holds a number that is not finite")
    return body


def _holds_infinite(value: object) -> bool:
    if isinstance(value, float):
        return not math.isfinite(value)
    if isinstance(value, dict):
        return any(map(_holds_infinite, value.values()))
    return isinstance(value, list | tuple) and any(map(_holds_infinite, value))


def build(
    operation: Operation,
    path: tuple[str, ...] = (),
    *,
    query: Mapping[str, Scalar] | None = None,
    headers: Mapping[str, str] = NO_HEADERS,
    body: bytes | None = None,
    upload: Upload | None = None,
) -> Request:
    """Build an operation's request.

    Args:
        operation: What is called.
        path: A value for each place of its path template, in order.
        query: Query parameters; `None` leaves one out.
        headers: Headers that `headers_of` let pass.
        body: The encoded body.
        upload: The form that is sent in place of a body.

    Raises:
        InvalidCallError: A value cannot be sent unchanged.
    """
    try:
        target = path_of(operation.path, path)
    except TypeError:  # a value that cannot be hashed is no text, and refused without the cache
        target = path_of.__wrapped__(operation.path, path)
    if query is not None:
        target += query_of(query)
    return Request(operation.method, target, headers, body, upload)


def headers_of(values: Mapping[str, str | None]) -> dict[str, str]:
    """Give the headers to send; those that are `None` are left out.

    Raises:
        InvalidCallError: A header would not carry its value unchanged.
    """
    return {name: check_header(name, value) for name, value in values.items() if value is not None}


_OURS: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "host",
        "keep-alive",
        "linked_account_id",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-api-key",
    }
)
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def added_headers(values: Mapping[str, str], taken: Iterable[str] = ()) -> dict[str, str]:
    """Give headers that a program adds to a request of ours.

    None may say who calls, for whom, where to, or how the request is framed.

    Args:
        values: The headers.
        taken: Names of headers that the request has already.

    Raises:
        InvalidCallError: They are no mapping, or a header cannot be sent, or is not for others to set.
    """
    check_mapping("headers", values)
    ours = _OURS.union(name.lower() for name in taken)
    for name in values:
        if _HEADER_NAME.fullmatch(check_text("a header's name", name)) is None:
            raise InvalidCallError(f"a header cannot be called {name!r}")
        if name.lower() in ours:
            raise InvalidCallError(f"the header {name} is the client's own to set")
    return headers_of(values)
