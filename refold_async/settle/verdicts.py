"""What a look-up shows about a call, and what follows from that. No clock, no I/O."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from refold_async._core.encoding import plain
from refold_async.calls import Absent, Call, Found, Unresolved, Verdict
from refold_async.errors import RefoldError, UnreadableReplyError
from refold_async.results import ActionResult
from refold_async.settle.more_pages import has_more_pages
from refold_async.settle.settings import Lookup, LookupFunction, Settle

NO_LOOKUP: Final = "the look-up function returned None for this call"
_LONGEST_REASON: Final = 300


class Finding(NamedTuple):
    """What one look-up showed.

    Attributes:
        verdict: The verdict, if this is the last look-up.
        conclusive: Whether no further look-up can change it.
    """

    verdict: Verdict
    conclusive: bool = False


def plan_lookup(call: Call, function: LookupFunction) -> Lookup | Finding | None:
    """Return how to look a call up, `None` if its function does not say, or why it cannot be."""
    try:
        lookup: object = function(call)
    except Exception as error:  # noqa: BLE001 - any fault of the user's function is the reason
        return failed(f"the look-up function raised {_describe(error)}")
    if not isinstance(lookup, Lookup):
        name = type(lookup).__name__
        return None if lookup is None else failed(f"the look-up function returned {name}, not a Lookup")
    return lookup if lookup.reads else Finding(Unresolved(writes(lookup)), conclusive=True)


def writes(lookup: Lookup) -> str:
    """Describe a look-up that is refused because its action writes."""
    return (
        f"the look-up action {lookup.action_id!r} writes, as its name says: it was not sent; "
        'if it only reads, pass effect="read" to Lookup'
    )


def lookup_call(call: Call, lookup: Lookup) -> Call:
    """Return the call that makes a look-up, for the same customer."""
    slug = call.slug if lookup.slug is None else lookup.slug
    return Call(call.linked_account_id, slug, lookup.action_id, lookup.params, effect="read")


def judge(lookup: Lookup, result: ActionResult) -> Finding:
    """Return what the result of a look-up shows."""
    try:
        data = result.data
        records = _records(lookup.found(data))
    except UnreadableReplyError as error:
        return failed(error.message)
    except Exception as error:  # noqa: BLE001 - any fault of the user's function is the reason
        return failed(f"found raised {_describe(error)}")
    if not records:
        return failed("more pages") if has_more_pages(data, lookup.params) else Finding(Absent())
    verdict = Found(records[0]) if len(records) == 1 else Unresolved(f"{len(records)} records match")
    return Finding(verdict, conclusive=True)


def _records(found: object) -> Sequence[object]:
    if isinstance(found, str | bytes) or not isinstance(found, Sequence):
        raise TypeError(f"it returned {type(found).__name__}, not a list of records")
    return found


def failed(reason: str) -> Finding:
    """Return the finding of a look-up that failed."""
    return Finding(Unresolved(_bounded(reason)))


def lookup_failed(error: RefoldError) -> Finding:
    """Return the finding of a look-up whose call failed."""
    code = [str(part) for part in (type(error).__name__, error.status) if part is not None]
    return failed(f"the look-up failed: {' '.join(code)}: {error.message}")


def conclude(settle: Settle, finding: Finding, looks: int) -> Verdict | None:
    """Return the verdict after a number of look-ups, or `None` if another one follows."""
    return finding.verdict if finding.conclusive or looks >= len(settle.after) else None


def runs_again(settle: Settle, verdict: Verdict, runs: int) -> bool:
    """Return whether a call with this verdict runs again, after a number of runs of it."""
    return isinstance(verdict, Absent) and settle.absent == "run" and runs < settle.max_runs


def result_over(record: Any) -> ActionResult:
    """Return a successful result whose data is a record that was found.

    Raises:
        TypeError: If the record cannot be encoded as JSON.
    """
    try:
        raw = msgspec.json.encode(record, enc_hook=plain)
    except UnicodeEncodeError:
        # A lone surrogate, which JSON allows and UTF-8 does not: escape it.
        raw = json.dumps(record).encode()
    return ActionResult("Success", None, msgspec.Raw(raw))


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"


def _bounded(reason: str) -> str:
    # A user's exception may quote half a character of a record: no journal, log or terminal takes it.
    valid = reason.encode(errors="backslashreplace").decode()
    return valid if len(valid) <= _LONGEST_REASON else f"{valid[:_LONGEST_REASON]}…"
