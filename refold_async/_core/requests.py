"""Builds requests: path, query, headers and body. No I/O."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
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


class Request(msgspec.Struct, frozen=True, gc=False):
    """One request, complete but for the credential, which the session adds."""

    method: str
    target: str
    headers: Mapping[str, str] = NO_HEADERS
    body: bytes | None = None
    upload: Upload | None = None


_PARAMETER: Final = re.compile(r"\{(\w+)\}")


def segment(name: str, value: str) -> str:
    """Encode a value so that it stays one path segment.

    Raises:
        InvalidCallError: If it is not a string, is empty, `.` or `..`, or contains a control character.
    """
    check_text(name, value)
    if value in {".", ".."}:
        raise InvalidCallError(f"{name} must not be {value!r}: it would address another path")
    return quote(value, safe="")


@lru_cache(maxsize=4096)
def path_of(template: str, values: tuple[str, ...]) -> str:
    """Fill in the parameters of a path template, in order, with encoded segments.

    Raises:
        InvalidCallError: If a value cannot be a path segment.
    """
    rest = iter(values)
    return _PARAMETER.sub(lambda parameter: segment(parameter[1], next(rest)), template)


def target_of(operation: Operation, path: tuple[str, ...]) -> str:
    """Return the path of an operation's request, the same object each time while it is cached.

    Raises:
        InvalidCallError: If a value cannot be a path segment.
    """
    try:
        return path_of(operation.path, path)
    except TypeError:
        # An unhashable value cannot be looked up in the cache; uncached, it gets a proper error.
        return path_of.__wrapped__(operation.path, path)


@lru_cache(maxsize=512)
def parameters_of(template: str) -> tuple[str, ...]:
    """Return the names of a path template's parameters, in order."""
    return tuple(_PARAMETER.findall(template))


def query_of(values: Mapping[str, Scalar]) -> str:
    """Encode query parameters; those that are `None` are left out.

    Raises:
        InvalidCallError: If they are not a mapping, a name is not a string, or a value is not a string, a
            finite number or a bool.
    """
    check_mapping("query", values)
    pairs = [
        (_query_name(name), _query_value(name, value)) for name, value in values.items() if value is not None
    ]
    return f"?{urlencode(pairs, quote_via=quote)}" if pairs else ""


def _query_name(name: object) -> str:
    if not isinstance(name, str):
        raise InvalidCallError(f"a query parameter's name must be a string, not {type(name).__name__}")
    return _encodable("a query parameter's name", name)


def _query_value(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and not math.isfinite(value):
        raise InvalidCallError(f"{name} must be a finite number, not {value!r}")
    if not isinstance(value, str):
        if not isinstance(value, int | float):
            raise InvalidCallError(f"{name} must be a string, a number or a bool, not {type(value).__name__}")
        return str(value)
    # `str(value)` of an enum member may be its name (`Color.RED`) rather than its value.
    return _encodable(name, str.__str__(value))


def _encodable(name: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidCallError(f"{name} is not valid Unicode: {text!r}") from None
    return text


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
        operation: The operation to call.
        path: The values of its path parameters, in order.
        query: Query parameters; `None` leaves one out.
        headers: Headers that `headers_of` has checked.
        body: The encoded body; see `encoding`.
        upload: A multipart form, sent instead of a body.

    Raises:
        InvalidCallError: If a value cannot be sent unchanged.
    """
    target = target_of(operation, path)
    if query is not None:
        target += query_of(query)
    return Request(operation.method, target, headers, body, upload)


def headers_of(values: Mapping[str, str | None]) -> dict[str, str]:
    """Return the headers to send; those that are `None` are left out.

    Raises:
        InvalidCallError: If a header cannot carry its value unchanged.
    """
    return {name: check_header(name, value) for name, value in values.items() if value is not None}


_RESERVED: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "linked-account-id",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "x-api-key",
    }
)


def _folded(name: str) -> str:
    """Return a header's name for comparison."""
    return name.lower().replace("_", "-")


_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


def added_headers(values: Mapping[str, str], taken: Iterable[str] = ()) -> dict[str, str]:
    """Return headers that the caller or a hook adds to a request.

    None may change the caller, the account, the destination or the framing of the request. Names are
    compared without case, and with `_` as `-`: servers that use CGI names make no difference.

    Args:
        values: The headers.
        taken: The names of headers that the request already has.

    Raises:
        InvalidCallError: If they are not a mapping, or a header cannot be sent, or is reserved.
    """
    check_mapping("headers", values)
    reserved = _RESERVED.union(map(_folded, taken))
    for name in values:
        if _HEADER_NAME.fullmatch(check_text("a header's name", name)) is None:
            raise InvalidCallError(f"{name!r} is not a valid header name")
        if _folded(name) in reserved:
            raise InvalidCallError(f"the header {name} is reserved for the client")
    return headers_of(values)
