"""One logical call, ready to go."""

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
"""Reads a reply into the type of an answer; its last argument is the secret to keep out of messages."""


class PreparedCall(msgspec.Struct, Generic[T], frozen=True):
    """One logical call, ready to go."""

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
    """Write on an error which call it ended."""
    error.operation = operation.name
    places = dict(zip(requests.places_of(operation.path), path, strict=True))
    if len(places) < len(path):  # of a path that is not documented, whose segments have no names
        places = {"path": f"/{'/'.join(path)}"}
    error.slug = places.pop("slug", None)
    error.action_id = places.pop("action_id", None)
    named = places.pop("linked_account_id", None)
    error.linked_account_id = linked_account_id or named
    error.ids = places
