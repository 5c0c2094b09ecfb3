"""What became of a call: `Done`, `Failed` or `Skipped`."""

from __future__ import annotations

from typing import Literal

import msgspec

from refold_async.batch.call import Call
from refold_async.errors import RefoldError
from refold_async.results import ActionResult

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
