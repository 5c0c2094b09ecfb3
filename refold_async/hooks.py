"""Hooks, which observe calls: the base for traces and metrics."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final, Literal, ParamSpec, TypeVar

import msgspec

from refold_async._core.operation import Effect
from refold_async.errors import Fate, RefoldError, name_call

if TYPE_CHECKING:
    from refold_async.calls import Outcome

P = ParamSpec("P")
R = TypeVar("R")

logger: Final = logging.getLogger("refold_async")

WaitReason = Literal["rate", "connection"]
"""What a call waits for: the rate limit, or a free connection."""


RateState = Literal["learnt", "shared", "share"]
"""Where a rate comes from: 429s, all processes together, or this process's share while Redis is away."""


class CallFacts(msgspec.Struct, frozen=True, kw_only=True, eq=False, weakref=True):
    """Describes one logical call; each of its hooks gets the same object.

    Compared by identity, so that it can be a dict key for what a hook stores about the call.

    Attributes:
        operation: The operation's name, e.g. `actions.execute`.
        method: The HTTP method.
        path: The path template, never the path with its ids.
        server: The base URL.
        effect: What running it twice does.
        slug: The app's slug, if the call names an app.
        action_id: The action, if the call names one.
        linked_account_id: The customer, if there is one.
    """

    operation: str
    method: str
    path: str
    server: str
    effect: Effect
    slug: str | None = None
    action_id: str | None = None
    linked_account_id: str | None = None

    def __str__(self) -> str:
        return name_call(self.operation, self.slug, self.action_id, self.linked_account_id)


class Hooks:
    """Base class for observers of calls; override the methods that you need.

    `on_call` comes first and `on_done` last, once per call. Between them, each attempt calls `on_wait` for
    its waits, `on_request` and `on_response`; a cancelled attempt goes straight to `on_done`.

    Hooks run in the task that makes the call: keep them fast. An exception in a hook is logged as a warning
    and does not affect the call.
    """

    def on_call(self, call: CallFacts) -> None:
        """Handle the start of a logical call."""

    def on_wait(self, call: CallFacts, reason: WaitReason, seconds: float) -> None:
        """Handle a wait for the rate limit, or for a free connection."""

    def on_request(self, call: CallFacts, attempt: int) -> Mapping[str, str] | None:
        """Handle the start of an attempt; the first is 1.

        Returns:
            Headers to send with this attempt, e.g. `traceparent`, or `None`. They cannot replace the call's
            own.
        """

    def on_response(
        self, call: CallFacts, attempt: int, status: int | None, error: RefoldError | None, seconds: float
    ) -> None:
        """Handle the end of an attempt, with an HTTP status, an error, or both, `seconds` after its start."""

    def on_retry(self, call: CallFacts, attempt: int, error: RefoldError, wait: float) -> None:
        """Handle a failed attempt that is retried after `wait` seconds."""

    def on_done(
        self, call: CallFacts, attempts: int, error: BaseException | None, fate: Fate | None, seconds: float
    ) -> None:
        """Handle the end of the logical call, `seconds` after its start.

        If it succeeded, `error` and `fate` are `None`. Otherwise `fate` says what became of the call, even if
        it was cancelled.
        """

    def on_outcome(self, outcome: Outcome) -> None:
        """Handle the outcome of a call of a batch, after its `on_done` if it was started."""

    def on_rate_limit(self, server: str, state: RateState, per_second: float) -> None:
        """Handle a rate limit that changed of itself.

        `learnt`: a 429 set it, or lowered it; it grows again without a report. `shared`: all processes
        together may start so many calls per second. `share`: this process alone, because Redis is away.
        """


def listening(hooks: Hooks | Sequence[Hooks] | None) -> Sequence[Hooks]:
    """Return the setting `hooks` as a sequence."""
    if hooks is None:
        return ()
    return (hooks,) if isinstance(hooks, Hooks) else hooks


def safely(hook: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R | None:
    """Call a hook; log its exception and return `None` if it raises."""
    try:
        return hook(*args, **kwargs)
    # A broken hook must not fail, or repeat, a call that succeeded.
    except Exception:
        logger.warning("a hook raised, its exception is ignored", exc_info=True)
        return None
