"""An operation of the API: its name, method, path and effect."""

from __future__ import annotations

from typing import Literal

import msgspec

Effect = Literal["read", "idempotent", "write"]
"""What running twice does: nothing (`read`), the same as once (`idempotent`), or two writes (`write`)."""

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
"""The HTTP methods that the API uses."""


class Operation(msgspec.Struct, frozen=True):
    """One operation of the API.

    Attributes:
        name: `resource.method`, as in errors, logs and traces.
        method: The HTTP method.
        path: The path template, with `{name}` for each path parameter.
        effect: What running it twice does.
    """

    name: str
    method: Method
    path: str
    effect: Effect


def read(name: str, method: Method, path: str) -> Operation:
    """Declare an operation that changes nothing."""
    return Operation(name, method, path, "read")


def idempotent(name: str, method: Method, path: str) -> Operation:
    """Declare an operation that may run twice with the same result as once."""
    return Operation(name, method, path, "idempotent")


def write(name: str, method: Method, path: str) -> Operation:
    """Declare an operation that must not run twice."""
    return Operation(name, method, path, "write")
