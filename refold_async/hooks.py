"""What a program is told as its calls go on: the ground of traces and metrics."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final, Literal, ParamSpec

import msgspec

from refold_async.errors import RefoldError

P = ParamSpec("P")

logger: Final = logging.getLogger("refold_async")


class CallFacts(msgspec.Struct, frozen=True, kw_only=True):
    """One logical call, the same object at each of its hooks.

    Attributes:
        operation: The operation's name, as `actions.execute`.
        method: The HTTP method.
        path: The path's template, never the path with its ids.
        slug: The app named, where there is one.
        action_id: The action named, where there is one.
        linked_account_id: The customer, where there is one.
        server: The base URL.
    """

    operation: str
    method: str
    path: str
    server: str
    slug: str | None = None
    action_id: str | None = None
    linked_account_id: str | None = None


class Hooks:
    """Base of what listens to calls; override what you need.

    Hooks run in the calling task, between its steps: keep them quick. One that raises harms no
    call; it is logged as a warning.
    """

    def on_call(self, call: CallFacts) -> None:
        """A logical call begins."""

    def on_request(self, call: CallFacts, attempt: int) -> None:
        """An attempt goes out; the first is 1."""

    def on_response(
        self, call: CallFacts, attempt: int, status: int | None, error: RefoldError | None, seconds: float
    ) -> None:
        """An attempt ended, with an HTTP status, an error, or both."""

    def on_retry(self, call: CallFacts, attempt: int, error: RefoldError, wait: float) -> None:
        """The attempt failed, and the next one follows after `wait` seconds."""

    def on_wait(self, call: CallFacts, reason: Literal["rate", "connection"], seconds: float) -> None:
        """The call waited for its turn by the rate limit, or for a free connection."""

    def on_done(self, call: CallFacts, attempts: int, error: BaseException | None, seconds: float) -> None:
        """The logical call ended: with an answer (`error` is `None`), an error, or cancelled."""


def safely(hook: Callable[P, None], /, *args: P.args, **kwargs: P.kwargs) -> None:
    """Call a hook so that its failure harms no call."""
    try:
        hook(*args, **kwargs)
    except Exception:
        logger.warning("a hook raised, and was ignored", exc_info=True)
