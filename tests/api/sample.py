"""A sample call of one public method, and the request that it must make of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

CUSTOMER = "customer-1"

NOTHING: Any = object()
"""No body at all."""


@dataclass(frozen=True)
class Sample:
    """A call and its request.

    Attributes:
        method: The HTTP method of the request.
        path: Its path, decoded.
        args: The positional arguments of the call.
        kwargs: Its keyword arguments.
        query: The request's query.
        headers: Its headers, but for those of every request.
        body: Its body.
        names_account: Whether an API key also names its customer in the query.
        is_derived: Whether it was made of the table of operations; its body and answer are not known then.
    """

    method: str
    path: str
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = NOTHING
    names_account: bool = False
    is_derived: bool = False


def get(path: str, *args: Any, **rest: Any) -> Sample:
    return Sample("GET", path, args, **rest)


def post(path: str, *args: Any, **rest: Any) -> Sample:
    return Sample("POST", path, args, **rest)


def put(path: str, *args: Any, **rest: Any) -> Sample:
    return Sample("PUT", path, args, **rest)


def patch(path: str, *args: Any, **rest: Any) -> Sample:
    return Sample("PATCH", path, args, **rest)


def delete(path: str, *args: Any, **rest: Any) -> Sample:
    return Sample("DELETE", path, args, **rest)


PAGE: Mapping[str, Any] = {"page": 2, "limit": 5}
PAGE_QUERY: Mapping[str, str] = {"page": "2", "limit": "5"}
