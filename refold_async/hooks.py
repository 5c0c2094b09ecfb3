"""What a program is told as its calls go on: the ground of traces and metrics."""

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
"""What a call waits for: its turn by the rate limit, or a free connection."""


class CallFacts(msgspec.Struct, frozen=True, kw_only=True, eq=False, weakref=True):
    """One logical call, the same object at each of its hooks.

    Two calls are never equal, however alike, so that it can be the key of what a hook keeps.

    Attributes:
        operation: The operation's name, as `actions.execute`.
        method: The HTTP method.
        path: The path's template, never the path with its ids.
        server: The base URL.
        effect: What running it twice does.
        slug: The app named, where there is one.
        action_id: The action named, where there is one.
        linked_account_id: The customer, where there is one.
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
    """Base of what listens to calls; override what you need.

    A call tells `on_call` first and `on_done` last, once each. Between them, each attempt tells
    its waits, `on_request`, and `on_response`; a cancelled one goes straight to `on_done`.

    Hooks run in the calling task, between its steps: keep them quick. One that raises harms no
    call; it is logged as a warning.
    """

    def on_call(self, call: CallFacts) -> None:
        """A logical call begins."""

    def on_wait(self, call: CallFacts, reason: WaitReason, seconds: float) -> None:
        """The call waited for its turn by the rate limit, or for a free connection."""

    def on_request(self, call: CallFacts, attempt: int) -> Mapping[str, str] | None:
        """An attempt goes out; the first is 1.

        Returns:
            Headers to send with this attempt, as `traceparent`; `None` for none. They replace
            none of the call's own.
        """

    def on_response(
        self, call: CallFacts, attempt: int, status: int | None, error: RefoldError | None, seconds: float
    ) -> None:
        """An attempt ended, with an HTTP status, an error, or both, `seconds` after it went out."""

    def on_retry(self, call: CallFacts, attempt: int, error: RefoldError, wait: float) -> None:
        """The attempt failed, and the next one follows after `wait` seconds."""

    def on_done(
        self, call: CallFacts, attempts: int, error: BaseException | None, fate: Fate | None, seconds: float
    ) -> None:
        """The logical call ended, `seconds` after it began.

        With an answer, `error` and `fate` are `None`. Else `fate` says what became of the call,
        also where it was cancelled.
        """

    def on_outcome(self, outcome: Outcome) -> None:
        """A call of a batch ended, after its `on_done` where it was begun, or was skipped."""


def listening(hooks: Hooks | Sequence[Hooks] | None) -> Sequence[Hooks]:
    """Give those who listen, of the setting `hooks`."""
    if hooks is None:
        return ()
    return (hooks,) if isinstance(hooks, Hooks) else hooks


def safely(hook: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R | None:
    """Call a hook so that its failure harms no call; `None` where it raised."""
    try:
        return hook(*args, **kwargs)
    except Exception:
        logger.warning("a hook raised, and was ignored", exc_info=True)
        return None
