"""Calling any path of the service, even one that the SDK does not know."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from types import UnionType
from typing import Any, TypeVar, get_args, overload
from urllib.parse import unquote

from refold_async._core import checks, requests, responses
from refold_async._core.decoding import BOM, decode_any, decode_into
from refold_async._core.operation import Effect, Method, Operation
from refold_async._core.requester import Requester
from refold_async._core.requests import Scalar
from refold_async._core.responses import RedactedRepr, Response
from refold_async.api.operations import OPERATIONS
from refold_async.errors import InvalidCallError

T = TypeVar("T")


class RawAnswer(RedactedRepr, frozen=True):
    """A successful answer, undecoded.

    Attributes:
        status: The HTTP status.
        content_type: The body's media type, e.g. `application/json`; empty if unknown.
        body: The body.
    """

    status: int
    content_type: str
    body: bytes

    def __repr__(self) -> str:
        return f"RawAnswer({self.status}, {len(self.body)} bytes)"

    @property
    def data(self) -> Any:
        """The body's JSON as dicts, lists, strings and numbers; `None` for an empty body.

        Raises:
            UnreadableReplyError: If the body is not JSON. The call itself was done.
        """
        return decode_any(self.body.removeprefix(BOM)) if self.body.strip() else None

    @overload
    def into(self, kind: type[T]) -> T: ...

    @overload
    def into(self, kind: UnionType) -> Any: ...

    def into(self, kind: Any) -> Any:
        """Decode the body's JSON into a type of yours; see `ActionResult.into`.

        Raises:
            UnreadableReplyError: If the body does not fit the type. The call itself was done.
        """
        return decode_into(self.body.removeprefix(BOM), kind)


async def call(
    requester: Requester,
    method: Method,
    path: str,
    *,
    query: Mapping[str, Scalar] | None = None,
    headers: Mapping[str, str] | None = None,
    body: object = None,
    effect: Effect | None = None,
    timeout: float | None = None,
) -> RawAnswer:
    """Call a path; see `Scope.call` for the arguments."""
    operation, values = operation_of(method, path)
    if isinstance(body, bytes | bytearray | memoryview):
        raise InvalidCallError(
            "body must not be bytes; pass JSON that is already encoded as msgspec.Raw(...)"
        )
    return await requester.call(
        operation,
        RawAnswer,
        *values,
        query=query,
        headers=None if headers is None else requests.added_headers(headers),
        body=body,
        effect=effect,
        timeout=timeout,
        read=_read,
    )


def _read(_: type[RawAnswer], reply: Response, secret: str = "") -> RawAnswer:
    if not responses.is_success(reply.status):
        raise responses.status_error(reply, secret=secret)
    return RawAnswer(reply.status, reply.headers.get("Content-Type", ""), reply.body)


def operation_of(method: Method, path: str) -> tuple[Operation, tuple[str, ...]]:
    """Return the operation at a path, and the values of the path's parameters.

    Each segment of an unknown path is a parameter, so that no hook or metric takes a customer's
    id for part of a path template.

    Raises:
        InvalidCallError: If the method or the path is invalid.
    """
    if method not in get_args(Method):
        raise InvalidCallError(f"method must be one of {', '.join(get_args(Method))}, not {method!r}")
    segments = _segments(path)
    for parts, known in _documented().get((method, len(segments)), ()):
        pairs = tuple(zip(parts, segments, strict=True))
        if all(part in (None, segment) for part, segment in pairs):
            return known, tuple(segment for part, segment in pairs if part is None)
    effect: Effect = "read" if method == "GET" else "write"
    template = "/{part}" * len(segments)
    return Operation("raw.call", method, template, effect), segments


def _segments(path: str) -> tuple[str, ...]:
    """Return a path's segments, decoded: they are encoded again as they are sent."""
    checks.check_text("path", path)
    if not path.startswith("/"):
        raise InvalidCallError(f"path must start with a /, on the client's base URL: {path!r}")
    if "?" in path or "#" in path:
        raise InvalidCallError(f"path must not contain a query; pass query=...: {path!r}")
    try:
        return tuple(unquote(segment, errors="strict") for segment in path[1:].split("/"))
    except UnicodeDecodeError:
        raise InvalidCallError(f"path contains an escape that is not UTF-8: {path!r}") from None


_Part = str | None
"""A segment of a template; `None` is a parameter."""


@cache
def _documented() -> Mapping[tuple[str, int], Sequence[tuple[tuple[_Part, ...], Operation]]]:
    """Return the operations by method and number of segments, those with the fewest parameters first."""
    found: dict[tuple[str, int], list[tuple[tuple[_Part, ...], Operation]]] = {}
    for known in OPERATIONS:
        parts = tuple(None if part.startswith("{") else part for part in known.path[1:].split("/"))
        found.setdefault((known.method, len(parts)), []).append((parts, known))
    for group in found.values():
        group.sort(key=lambda entry: entry[0].count(None))
    return found
