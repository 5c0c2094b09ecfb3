"""What one operation of the API is: its method, path, effect, scope and answer type."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

import msgspec

T = TypeVar("T")

Effect = Literal["read", "idempotent", "write"]
"""What running a call twice does: nothing (`read`), the same as once (`idempotent`), or harm (`write`)."""

Scope = Literal["organisation", "account", "public"]
"""For whom an operation acts: the organisation, one linked account, or whoever knows an id."""

Accepts = Literal["key", "token", "either", "none"]
"""Which credential an operation takes: an API key, a token of a linked account, either, or none."""


Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
"""The HTTP methods that the API knows."""


class Operation(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One operation of the API.

    Attributes:
        name: `resource.method`, as in errors, logs and traces.
        method: The HTTP method.
        path: The path template, with `{name}` for each path parameter.
        answer: The type that a successful answer is read into.
        effect: What running it twice does.
        scope: For whom it acts.
        accepts: Which credential it takes.
    """

    name: str
    method: Method
    path: str
    answer: type[T]
    effect: Effect
    scope: Scope = "account"
    accepts: Accepts = "either"
