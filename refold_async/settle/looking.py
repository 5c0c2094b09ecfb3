"""One look-up, made at once: `Refold.settle`."""

from __future__ import annotations

from refold_async._core.requester import Requester
from refold_async.api.actions import prepare_execute
from refold_async.calls import Call, Unresolved, Verdict, check, encoded_params
from refold_async.errors import ClosedError, InvalidCallError, RefoldError, SettingsError
from refold_async.settle.settings import LookupFunction, check_lookup
from refold_async.settle.verdicts import NO_LOOKUP, Finding, judge, lookup_call, lookup_failed, plan_lookup


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


async def look_once(requester: Requester, target: Call | RefoldError, function: LookupFunction) -> Verdict:
    """Look a call up once, now; see `Refold.settle`."""
    check_lookup(function)
    call = call_of(target)
    lookup = plan_lookup(call, function)
    if lookup is None:
        return Unresolved(NO_LOOKUP)
    if isinstance(lookup, Finding):
        if lookup.conclusive and isinstance(lookup.verdict, Unresolved):
            raise InvalidCallError(lookup.verdict.reason)
        return lookup.verdict
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
        return lookup_failed(error).verdict
    return judge(lookup, result).verdict
