"""One logical call, ready to go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from refold_async import wire
from refold_async.errors import RefoldError
from refold_async.operation import Effect, Operation
from refold_async.wire import Reply, Request

T = TypeVar("T")

Reader = Callable[[Operation[T], Reply, str], T]
"""Reads a reply into an operation's answer; its last argument is the secret to keep out of messages."""


class Plan(NamedTuple, Generic[T]):
    """One logical call, ready to go."""

    operation: Operation[T]
    path: tuple[str, ...]
    request: Request
    effect: Effect
    read: Reader[T]
    timeout: float
    linked_account_id: str | None

    def describe(self, error: RefoldError) -> None:
        """Write on an error which call it ended."""
        error.operation = self.operation.name
        places = dict(zip(wire.places_of(self.operation.path), self.path, strict=True))
        error.slug = places.get("slug")
        error.action_id = places.get("action_id")
        error.linked_account_id = self.linked_account_id or places.get("linked_account_id")
