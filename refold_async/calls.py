"""What a batch runs: one action, for one customer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from refold_async._core.checks import check_effect
from refold_async._core.encoding import EncodedJSON, encode
from refold_async._core.operation import Effect
from refold_async.errors import InvalidCallError, RefoldError
from refold_async.results import ActionResult


class _Target(msgspec.Struct, frozen=True):
    """The part of a call that is given by position."""

    linked_account_id: str
    slug: str
    action_id: str
    params: Mapping[str, object] | None = None


# What the field holds: after `__post_init__` the encoded parameters, or what cannot be encoded as it came.
_held: Final[Callable[[_Target], object]] = _Target.params.__get__  # type: ignore[union-attr]
_hold: Final[Callable[[_Target, object], None]] = _Target.params.__set__  # type: ignore[union-attr]


class Call(_Target, frozen=True, kw_only=True):
    """One action to run for one customer.

    A call is frozen when it is made: its parameters are encoded as JSON then, nested ones too, and these
    bytes are what is sent and what a journal knows it by. Changing the dict later changes no call.

    Args:
        linked_account_id: The customer.
        slug: The app's slug, e.g. `hubspot`.
        action_id: The action, e.g. `create_contact`.
        params: The action's parameters, by name; default: none. Reading the attribute decodes them: it
            returns a new dict each time, with what JSON knows (dates are strings, tuples are lists).
        key: Identifies this call in a journal, across runs; default: its position in the input.
        effect: What running it twice does, if the action's name does not say.

    A call that cannot be sent yields a `Failed` with an `InvalidCallError`; its `params` are as given.
    """

    key: str | None = None
    effect: Effect | None = None

    def __post_init__(self) -> None:
        """Encode the parameters."""
        given = _held(self)
        if given is not None and isinstance(given, _MAPPINGS):
            try:  # `contextlib.suppress` would take as long as encoding
                _hold(self, EncodedJSON(encode(given, "params")))
            except InvalidCallError:
                return  # a batch raises it when it reads the call: one bad call must not end the input

    if not TYPE_CHECKING:  # for type checkers, `params` is the field of `_Target`

        @property
        def params(self) -> Any:
            """The parameters, decoded again each time; `None` if none were given."""
            held = _held(self)
            return held.decode() if isinstance(held, EncodedJSON) else held

    def __repr__(self) -> str:
        fields = ((name, getattr(self, name)) for name in self.__struct_fields__)
        return f"Call({', '.join(f'{name}={value!r}' for name, value in fields)})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, name)) for name in self.__struct_fields__]


_MAPPINGS: Final = (dict, Mapping)  # dict first: checking Mapping takes far longer
_NO_PARAMS: Final = EncodedJSON(b"{}")


def encoded_params(call: Call) -> EncodedJSON:
    """Return a call's parameters as they are sent.

    Raises:
        InvalidCallError: If they cannot be sent.
    """
    held = _held(call)
    if isinstance(held, EncodedJSON):
        return held
    if held is None:
        return _NO_PARAMS
    if not isinstance(held, _MAPPINGS):
        raise InvalidCallError(f"params must be a mapping, not {type(held).__name__}")
    # Encoded now, they may have become valid since; keep them, so that they cannot change once more.
    encoded = EncodedJSON(encode(held, "params"))
    _hold(call, encoded)
    return encoded


def written_params(call: Call) -> object:
    """Return a call's parameters for a file: their JSON as it was sent, or what cannot be sent."""
    held = _held(call)
    return msgspec.Raw(held.json) if isinstance(held, EncodedJSON) else held


def check(call: Call) -> None:
    """Check a call's fields and freeze its parameters; the rest is checked when it is prepared.

    Raises:
        InvalidCallError: If a field has the wrong type, `params` cannot be encoded, or `effect` is not an
            effect.
    """
    if not (
        isinstance(call.linked_account_id, str)
        and isinstance(call.slug, str)
        and isinstance(call.action_id, str)
    ):
        raise _not_a_string(call)
    if type(_held(call)) is not EncodedJSON:
        encoded_params(call)
    if call.key is not None and not _is_key(call.key):
        raise InvalidCallError(f"key must be a non-empty string of valid Unicode, not {call.key!r}")
    if call.effect is not None:
        check_effect(call.effect)


def _not_a_string(call: Call) -> InvalidCallError:
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

`done_before`: the journal says that an earlier run did it. `duplicate_key`: an earlier write of this run
has its key.
`reconnect`: the customer must reconnect the app, as an earlier call found. The others say why the
batch stopped: `stopped` by `Batch.stop`, `failed_call` and `failure_share` by the limits on failures,
`api_key_refused`, `client_closed`, `deadline` (of an enclosing `deadline` block), `input_failed` and
`journal_failed` by what their names say.
"""


class Found(msgspec.Struct, frozen=True):
    """A look-up found the record that a write of unknown fate would have left: it was done.

    Attributes:
        record: The record, as the look-up's `found` returned it.
    """

    record: Any


class Absent(msgspec.Struct, frozen=True):
    """No look-up found what the write would have left: it was not done, if the waits were long enough."""


class Unresolved(msgspec.Struct, frozen=True):
    """Look-ups did not show whether the write was done.

    Attributes:
        reason: Why, e.g. that two records match, or that the look-up failed.
    """

    reason: str


Verdict = Found | Absent | Unresolved
"""The verdict of the look-ups of a write whose fate is unknown."""


class _OfCall(msgspec.Struct, frozen=True):
    call: Call


class _Outcome(_OfCall, frozen=True, kw_only=True):
    """The fields of all outcomes.

    Attributes:
        call: The call.
        index: The call's position in the input, from 0.
        attempts: The number of attempts; 0 if nothing was sent in this run.
        queued: Seconds from reading the call to its first attempt.
        elapsed: Seconds from its first attempt to its outcome, including waits between attempts.
    """

    index: int = 0
    attempts: int = 0
    queued: float = 0.0
    elapsed: float = 0.0


class Done(_Outcome, frozen=True):
    """The action succeeded.

    Attributes:
        result: The result.
        replayed: Whether the result is that of an earlier run, from its journal.
        settled: Whether its fate was unknown until a look-up found what it wrote; `result` then has the
            record found as its data.
    """

    result: ActionResult
    replayed: bool = False
    settled: bool = False


class Failed(_Outcome, frozen=True):
    """The call failed; `error.fate` says whether it may have been done nevertheless.

    Attributes:
        error: The error.
        verdict: The verdict of its look-ups, if its fate is unknown and the batch has `settle`.
    """

    error: RefoldError
    verdict: Absent | Unresolved | None = None


class Skipped(_Outcome, frozen=True):
    """The call was not run.

    Attributes:
        reason: Why it was not run.
    """

    reason: Reason


Outcome = Done | Failed | Skipped
