"""Look-ups outside a batch, at once or at the times of a `Settle`: `Refold.settle`."""

from __future__ import annotations

import asyncio
from typing import Final

from refold_async._core.requester import Requester
from refold_async.api.actions import prepare_execute
from refold_async.calls import Call, Unresolved, Verdict, check, encoded_params
from refold_async.errors import ClosedError, InvalidCallError, RefoldError, SettingsError
from refold_async.settle.settings import LookupFunction, Settle, check_lookup
from refold_async.settle.verdicts import (
    NO_LOOKUP,
    Finding,
    conclude,
    judge,
    lookup_call,
    lookup_failed,
    plan_lookup,
)

_STEP: Final = 0.5


def call_of(value: Call | RefoldError) -> Call:
    """Return a call, or the call of an error.

    Raises:
        InvalidCallError: If it is neither, or the error is not that of an executed action.
    """
    call: object = value.call if isinstance(value, RefoldError) else value
    if isinstance(call, Call):
        check(call)
        return call
    if isinstance(value, RefoldError):
        raise InvalidCallError("the error has no call: only those of actions executed with an API key do")
    raise InvalidCallError(f"settle takes a Call or the error of one, not {type(value).__name__}")


async def settle_call(
    requester: Requester, target: Call | RefoldError, lookup: LookupFunction | Settle
) -> Verdict:
    """Look a call up, once or at the times of a `Settle`; see `Refold.settle`."""
    call = call_of(target)
    if not isinstance(lookup, Settle):
        check_lookup(lookup)
        return (await _look(requester, call, lookup)).verdict
    if lookup.absent == "run":
        raise SettingsError('refold.settle runs nothing again: use absent="report", or a batch')
    clock = asyncio.get_running_loop().time
    began = clock()
    verdict: Verdict | None = None
    for looks, wait in enumerate(lookup.after, 1):
        await _sleep_until(began + wait, requester)
        finding = await _look(requester, call, lookup.lookup)
        if (verdict := conclude(lookup, finding, looks)) is not None:
            break
    assert verdict is not None  # noqa: S101 - the last look-up has one
    return verdict


async def _sleep_until(due: float, requester: Requester) -> None:
    """Sleep until a time, in steps: closing the client must not wait for that time.

    Raises:
        ClosedError: If the client was closed.
    """
    clock = asyncio.get_running_loop().time
    while (left := due - clock()) > 0:
        await requester.session()
        await asyncio.sleep(min(left, _STEP))


async def _look(requester: Requester, call: Call, function: LookupFunction) -> Finding:
    """Make one look-up.

    Raises:
        InvalidCallError: If it cannot be sent, or its action writes.
        ClosedError: If the client was closed.
        SettingsError: If there is no key.
    """
    lookup = plan_lookup(call, function)
    if lookup is None:
        return Finding(Unresolved(NO_LOOKUP), conclusive=True)
    if isinstance(lookup, Finding):
        if lookup.conclusive and isinstance(lookup.verdict, Unresolved):
            raise InvalidCallError(lookup.verdict.reason)
        return lookup
    search = lookup_call(call, lookup)
    check(search)
    plan = prepare_execute(
        requester.for_account(search.linked_account_id),
        search.slug,
        search.action_id,
        encoded_params(search),
        effect=search.effect,
    )
    try:
        result = await (await requester.start(plan)).run()
    except (ClosedError, SettingsError):
        raise
    except RefoldError as error:
        return lookup_failed(error)
    return judge(lookup, result)
