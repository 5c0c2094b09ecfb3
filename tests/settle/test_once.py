"""`Refold.settle`: one look-up, now."""

import asyncio
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from refold_async import (
    Absent,
    Call,
    ClosedError,
    Found,
    InvalidCallError,
    Lookup,
    Refold,
    RefoldError,
    Retry,
    SettingsError,
    Settle,
    Unresolved,
)
from refold_async.sandbox import Fault, Sandbox

from .looking import SEARCH, SLUG, WRITE, by_email, write

EMAIL = "ada@example.com"


async def lose(refold: Refold) -> RefoldError:
    """Return the error of a write whose answer is lost."""
    with pytest.raises(RefoldError) as caught:
        await refold.account("demo-user-1").actions.execute(SLUG, WRITE, {"email": EMAIL})
    assert caught.value.fate == "unknown"
    return caught.value


async def test_a_lost_write_that_ran_is_found(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(drop="after", effect="write", times=1))
    error = await lose(refold)
    verdict = await refold.settle(error, by_email)
    assert isinstance(verdict, Found)
    assert verdict.record["properties"]["email"] == EMAIL
    assert await refold.settle(write(EMAIL), by_email) == verdict
    assert len(sandbox.ledger.reads()) == 2


async def test_a_lost_write_that_did_not_run_is_absent(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(drop="before", effect="write", times=1))
    assert await refold.settle(await lose(refold), by_email) == Absent()
    assert sandbox.ledger.writes() == []


async def test_a_write_that_ran_twice_is_unresolved(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(drop="after", twice=True, effect="write", times=1))
    assert await refold.settle(await lose(refold), by_email) == Unresolved("2 records match")


async def test_more_pages_are_never_absent(refold: Refold) -> None:
    def among_all(_: Call) -> Lookup:
        return Lookup("get_contact", {"limit": "3"}, found=lambda _: [])

    assert await refold.settle(write(EMAIL), among_all) == Unresolved("more pages")


async def test_a_look_up_is_tried_again_like_any_read(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(status=503, action_id=SEARCH, times=1))
    assert await refold.settle(write(EMAIL), by_email) == Absent()


async def test_a_look_up_that_fails_is_the_reason(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(status=503, action_id=SEARCH))
    async with Refold(sandbox.api_key, base_url=sandbox.base_url, retry=Retry(attempts=1)) as refold:
        verdict = await refold.settle(write(EMAIL), by_email)
    assert verdict == Unresolved("the look-up failed: ServerError 503: Injected 503")


async def test_a_settle_waits_and_looks_again() -> None:
    async with (
        Sandbox(search_lag=0.2) as sandbox,
        Refold(sandbox.api_key, base_url=sandbox.base_url) as refold,
    ):
        sandbox.faults.add(Fault(drop="after", effect="write", times=1))
        error = await lose(refold)
        assert isinstance(await refold.settle(error, Settle(by_email, after=(0.0, 0.4))), Found)
        assert await refold.settle(write("b@example.com"), Settle(by_email, after=(0.0, 0.01))) == Absent()
        with pytest.raises(SettingsError, match="runs nothing again"):
            await refold.settle(error, Settle(by_email, absent="run"))


def refuse(_: Call) -> Lookup:
    raise ValueError("no")


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (refuse, "the look-up function raised ValueError: no"),
        (lambda _: None, "the look-up function returned None for this call"),
        (
            lambda _: Lookup(SEARCH, {"propertyName": "?"}, found=list),
            "the look-up failed: BadRequestError 400",
        ),
    ],
)
async def test_an_inconclusive_look_up(refold: Refold, function: Callable[[Call], Any], reason: str) -> None:
    verdict = await refold.settle(write(EMAIL), function)
    assert isinstance(verdict, Unresolved)
    assert verdict.reason.startswith(reason)


async def test_an_action_that_writes_is_not_sent(refold: Refold, sandbox: Sandbox) -> None:
    with pytest.raises(InvalidCallError, match="writes"):
        await refold.settle(write(EMAIL), lambda _: Lookup(WRITE, {"email": EMAIL}, found=list))
    assert sandbox.requests == []


async def test_what_cannot_be_looked_up(refold: Refold) -> None:
    with pytest.raises(InvalidCallError, match="has no call"):
        await refold.settle(RefoldError("of something else"), by_email)
    with pytest.raises(InvalidCallError, match="not str"):
        await refold.settle("call", by_email)  # type: ignore[arg-type]
    with pytest.raises(InvalidCallError, match="action_id must be a string"):
        await refold.settle(Call("a", "b", 3), by_email)  # type: ignore[arg-type]
    with pytest.raises(SettingsError, match="function of a Call"):
        await refold.settle(write(EMAIL), "search")  # type: ignore[arg-type]


async def test_a_closed_client_says_so(sandbox: Sandbox) -> None:
    refold = Refold(sandbox.api_key, base_url=sandbox.base_url)
    await refold.aclose()
    with pytest.raises(ClosedError):
        await refold.settle(write(EMAIL), by_email)


async def test_closing_the_client_ends_the_waiting(sandbox: Sandbox) -> None:
    refold = Refold(sandbox.api_key, base_url=sandbox.base_url)
    settling = asyncio.create_task(refold.settle(write(EMAIL), Settle(by_email, after=(3600,))))
    await asyncio.sleep(0.01)
    await refold.aclose()
    with pytest.raises(ClosedError):
        await settling


async def test_the_call_of_an_error_survives_pickling(refold: Refold, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(drop="after", effect="write", times=1))
    error = pickle.loads(pickle.dumps(await lose(refold)))
    assert error.call == Call("demo-user-1", SLUG, WRITE, {"email": EMAIL})
    assert isinstance(await refold.settle(error, by_email), Found)


async def test_the_error_of_an_account_with_a_token_has_no_call(refold: Refold, sandbox: Sandbox) -> None:
    from refold_async import Account

    token = sandbox.issue_token("demo-user-1")
    sandbox.faults.add(Fault(drop="after", effect="write", times=1))
    async with Account.from_token(token, base_url=sandbox.base_url) as account:
        with pytest.raises(RefoldError) as caught:
            await account.actions.execute(SLUG, WRITE, {"email": EMAIL})
    assert caught.value.call is None
