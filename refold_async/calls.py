"""What a batch runs: one action, for one customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from refold_async._core.checks import check_effect
from refold_async._core.operation import Effect
from refold_async.errors import InvalidCallError, RefoldError
from refold_async.results import ActionResult


class _Target(msgspec.Struct, frozen=True):
    """The part of a call that is given by position."""

    linked_account_id: str
    slug: str
    action_id: str
    params: Mapping[str, object] | None = None


class Call(_Target, frozen=True, kw_only=True):
    """One action to run for one customer.

    Args:
        linked_account_id: The customer.
        slug: The app, as `hubspot`.
        action_id: The action, as `create_contact`.
        params: The action's parameters, by name; default: none.
        key: What identifies this call in a journal, across runs; default: its place in the input.
        effect: What running it twice does, where you know better than the action's name tells.

    A call that cannot be sent comes out of the batch as a `Failed` with an `InvalidCallError`.
    """

    key: str | None = None
    effect: Effect | None = None


_MAPPINGS: Final = (dict, Mapping)  # a dict is told at once, where Mapping asks its registry


def check(call: Call) -> None:
    """Refuse a call whose fields are of no use to a batch; the wire checks the rest.

    Raises:
        InvalidCallError: A field is of another type, or `effect` is none.
    """
    if not (
        isinstance(call.linked_account_id, str)
        and isinstance(call.slug, str)
        and isinstance(call.action_id, str)
    ):
        raise _no_text(call)
    if call.params is not None and not isinstance(call.params, _MAPPINGS):
        raise InvalidCallError(f"params must be a mapping, not {type(call.params).__name__}")
    if call.key is not None and not _is_key(call.key):
        raise InvalidCallError(f"key must be a non-empty string of valid Unicode, not {call.key!r}")
    if call.effect is not None:
        check_effect(call.effect)


def _no_text(call: Call) -> InvalidCallError:
    given = {name: getattr(call, name) for name in ("linked_account_id", "slug", "action_id")}
    name, value = next(item for item in given.items() if not isinstance(item[1], str))
    return InvalidCallError(f"{name} must be a string, not {type(value).__name__}")


def _is_key(value: object) -> bool:
    try:
        return isinstance(value, str) and value.encode() != b""
    except UnicodeEncodeError:
        return False


Reason = Literal[
    "done_before",
    "unknown_before",
    "duplicate_key",
    "reconnect",
    "stopped",
    "failed_call",
    "failure_share",
    "api_key_refused",
    "client_closed",
    "deadline",
    "input_failed",
    "journal_failed",
]
"""Why a call was not run.

`done_before`: the journal says that an earlier run did it. `unknown_before`: an earlier run reported
that nobody knows whether this write was done. `duplicate_key`: an earlier write of this run has its key.
`reconnect`: the customer must connect the app again, as an earlier call found. The rest say why the
batch stopped: `stopped` by `Batch.stop`, `failed_call` and `failure_share` by the limits on failures,
`api_key_refused`, `client_closed`, `deadline` (of an enclosing `deadline` block), `input_failed` and
`journal_failed` by what their names say.
"""


class _OfCall(msgspec.Struct, frozen=True):
    call: Call


class _Outcome(_OfCall, frozen=True, kw_only=True):
    """What all outcomes tell.

    Attributes:
        call: The call.
        index: The call's place in the input, from 0.
        attempts: How many times it was tried; 0 where nothing was sent in this run.
        queued: Seconds from the reading of the call to its first attempt.
        elapsed: Seconds from its first attempt to its outcome, with the waits between attempts.
    """

    index: int = 0
    attempts: int = 0
    queued: float = 0.0
    elapsed: float = 0.0


class Done(_Outcome, frozen=True):
    """The action succeeded.

    Attributes:
        result: What it answered.
        replayed: Whether the result is an earlier run's, handed over from the journal.
    """

    result: ActionResult
    replayed: bool = False


class Failed(_Outcome, frozen=True):
    """The call failed; `error.fate` says whether it may have been done all the same.

    Attributes:
        error: Why.
    """

    error: RefoldError


class Skipped(_Outcome, frozen=True):
    """The call was not run.

    Attributes:
        reason: Why not.
    """

    reason: Reason


Outcome = Done | Failed | Skipped
