"""A call whose arguments were checked and encoded, so that it can be sent."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import msgspec

from refold_async._core import requests
from refold_async._core.operation import Effect, Operation
from refold_async._core.requests import Request
from refold_async._core.responses import Response
from refold_async.errors import RefoldError

T = TypeVar("T")

Reader = Callable[[type[T], Response, str], T]
"""Reads a response into the type of an answer; the last argument is the secret to keep out of messages."""


class PreparedCall(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """One logical call, ready to be attempted."""

    operation: Operation
    answer: type[T]
    path: tuple[str, ...]
    request: Request
    effect: Effect
    read: Reader[T]
    timeout: float
    linked_account_id: str | None


def describe(
    error: RefoldError, operation: Operation, path: tuple[str, ...], linked_account_id: str | None
) -> None:
    """Set the attributes of an error that say which call failed."""
    error.operation = operation.name
    parameters = dict(zip(requests.parameters_of(operation.path), path, strict=True))
    # The segments of an undocumented path have no names: without this they would be missing from the error.
    if len(parameters) < len(path):
        parameters = {"path": f"/{'/'.join(path)}"}
    error.slug = parameters.pop("slug", None)
    error.action_id = parameters.pop("action_id", None)
    named = parameters.pop("linked_account_id", None)
    error.linked_account_id = linked_account_id or named
    error.ids = parameters
