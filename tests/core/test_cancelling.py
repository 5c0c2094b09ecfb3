"""Cancelling at every suspension point of a call, and of closing, leaves nothing behind and nothing in doubt."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest

from refold_async import Account, Cache, ClosedError, RateLimit, Refold, RefoldError, Retry
from refold_async._core.rate_limits import TokenBucket
from refold_async._core.sessions import Session
from refold_async.sandbox import Fault, Sandbox
from tests.guards import holdings

from .stepper import When, cancelled_at

PLACES = 3
Work = Callable[[Account], Coroutine[Any, Any, object]]

CALLS: dict[str, Work] = {
    "list": lambda account: account.actions.list("playground"),
    "read": lambda account: account.actions.execute(
        "playground", "echo", {"text": "cancelled"}, effect="read"
    ),
    "write": lambda account: account.actions.execute("playground", "create_note", {"title": "cancelled"}),
    "large": lambda account: account.actions.execute("playground", "get_payload", {"bytes": 300_000}),
}


def session_of(refold: Refold) -> Session:
    [session] = refold._sessions._open.values()
    return session


def transports_of(session: Session) -> list[Any]:
    return [session._connections._transport, session._connections._uploads]


@asynccontextmanager
async def client(sandbox: Sandbox) -> AsyncIterator[Refold]:
    limit = RateLimit(1_000_000, burst=1000)
    async with Refold(
        sandbox.api_key,
        base_url=sandbox.base_url,
        max_connections=PLACES,
        rate_limit=limit,
        timeout=5,
        retry=Retry(base=0.001),
    ) as refold:
        yield refold


async def check(refold: Refold, marker: str) -> None:
    """Nothing is held, and the next call gets its own answer."""
    session = session_of(refold)
    assert (session.limiter.available, session.active) == (PLACES, 0)
    assert isinstance(session.rate_limiter, TokenBucket)
    assert session.rate_limiter._queue.available == 1
    result = await refold.account("demo-user-2").actions.execute(
        "playground", "echo", {"text": marker}, effect="read"
    )
    assert result.data == {"text": marker}


@pytest.mark.parametrize("when", ["early", "late"])
@pytest.mark.parametrize("name", CALLS)
async def test_a_call_on_a_kept_connection(sandbox: Sandbox, transport: str, name: str, when: When) -> None:
    async with client(sandbox) as refold:
        account = refold.account("demo-user-1")
        await account.actions.list("playground")
        idle = len(holdings().tasks)
        nth = 1
        while await cancelled_at(CALLS[name](account), nth, when):
            await check(refold, f"after {nth}")
            nth += 1
        assert nth > 1
        assert len(holdings().tasks) <= idle + 1
        session = session_of(refold)
        assert session.limiter.available == PLACES
    assert_no_write_ran_twice(sandbox, at_most=nth)


@pytest.mark.parametrize("when", ["early", "late"])
@pytest.mark.parametrize("name", ["list", "write"])
async def test_a_call_on_a_new_connection(sandbox: Sandbox, transport: str, name: str, when: When) -> None:
    nth, fired = 0, True
    while fired:
        nth += 1
        async with client(sandbox) as refold:
            fired = await cancelled_at(CALLS[name](refold.account("demo-user-1")), nth, when)
            await check(refold, f"after {nth}")
    assert nth > 2
    assert_no_write_ran_twice(sandbox, at_most=nth)


def assert_no_write_ran_twice(sandbox: Sandbox, at_most: int) -> None:
    writes = [request for request in sandbox.requests if "create_note" in request.path]
    assert len(sandbox.ledger.writes()) <= len(writes) <= at_most


@pytest.mark.parametrize("when", ["early", "late"])
async def test_a_call_that_waits_for_a_connection_and_the_rate_limit(sandbox: Sandbox, when: When) -> None:
    sandbox.faults.add(Fault(latency=0.01))
    async with client(sandbox) as refold:
        account = refold.account("demo-user-1")
        await account.actions.list("playground")
        nth, fired = 0, True
        while fired:
            nth += 1
            others = [asyncio.create_task(CALLS["read"](account)) for _ in range(PLACES)]
            await asyncio.sleep(0)
            fired = await cancelled_at(CALLS["list"](account), nth, when)
            await asyncio.gather(*others)
            await check(refold, f"after {nth}")


@pytest.mark.parametrize("when", ["early", "late"])
async def test_a_call_between_attempts(sandbox: Sandbox, when: When) -> None:
    async with client(sandbox) as refold:
        account = refold.account("demo-user-1")
        await account.actions.list("playground")
        nth, fired = 0, True
        while fired:
            nth += 1
            sandbox.faults.add(Fault(status=503, times=1, headers={"Retry-After": "0.001"}))
            fired = await cancelled_at(CALLS["list"](account), nth, when)
            sandbox.faults.clear()
            await check(refold, f"after {nth}")
        assert nth > 2


@pytest.mark.parametrize("when", ["early", "late"])
async def test_a_cached_call_leaves_its_fetch_to_the_next(sandbox: Sandbox, when: When) -> None:
    nth, fired = 0, True
    while fired:
        nth += 1
        async with Refold(sandbox.api_key, base_url=sandbox.base_url, cache=Cache()) as refold:
            account = refold.account("demo-user-1")
            others = [asyncio.create_task(account.actions.list("playground")) for _ in range(2)]
            fired = await cancelled_at(account.actions.list("playground"), nth, when)
            assert len({len(actions) for actions in await asyncio.gather(*others)}) == 1
            cache = session_of(refold).cache
            assert cache is not None
            assert not cache._fetching


@pytest.mark.parametrize("when", ["early", "late"])
async def test_closing(sandbox: Sandbox, transport: str, when: When) -> None:
    """Wherever closing is cancelled, each session is closed, and the calls under way end at once."""
    sandbox.add_api_key("tk_other")
    sandbox.faults.add(Fault(action_id="echo", hang=True))
    nth, fired = 0, True
    while fired:
        nth += 1
        before = holdings()
        clients = [Refold(key, base_url=sandbox.base_url, timeout=5) for key in (sandbox.api_key, "tk_other")]
        clients[1]._sessions = clients[0]._sessions
        clients[1]._requester._sessions = clients[0]._sessions
        calls = []
        for refold in clients:
            account = refold.account("demo-user-1")
            await account.actions.list("playground")
            await account.events.trigger("candidate_created", files={"list": b"a@x.example"})
            calls.append(asyncio.create_task(CALLS["read"](account)))
            calls.append(asyncio.create_task(CALLS["write"](account)))
        await asyncio.sleep(0.005)
        transports = [
            transport for each in clients[0]._sessions._open.values() for transport in transports_of(each)
        ]
        fired = await cancelled_at(clients[0].aclose(), nth, when)
        for outcome in await asyncio.gather(*calls, return_exceptions=True):
            assert not isinstance(outcome, BaseException) or isinstance(outcome, ClosedError), outcome
        assert [transport._http.closed for transport in transports] == [True] * 4
        await clients[0].aclose()
        own = [
            task for task in holdings().beyond(before) if "refold_async/" in task and "sandbox" not in task
        ]
        assert own == []
        with pytest.raises(ClosedError):
            await clients[1].account("demo-user-1").actions.list("playground")


async def test_a_call_in_flight_when_the_client_closes_reports_its_fate(
    sandbox: Sandbox, transport: str
) -> None:
    sandbox.faults.add(Fault(hang=True, when="after"))
    refold = Refold(sandbox.api_key, base_url=sandbox.base_url, max_connections=1)
    account = refold.account("demo-user-1")
    sent = asyncio.create_task(CALLS["write"](account))
    while not sandbox.ledger.writes():  # noqa: ASYNC110 - the ledger has no event to wait for
        await asyncio.sleep(0)
    waiting = asyncio.create_task(CALLS["write"](account))
    await asyncio.sleep(0.001)
    await refold.aclose()
    fates = []
    for task in (sent, waiting):
        with pytest.raises(ClosedError) as caught:
            await task
        fates.append(caught.value.fate)
    assert fates == ["unknown", "not_sent"]
    assert len(sandbox.ledger.writes()) == 1


async def test_draining_lets_calls_end(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(latency=0.02))
    refold = Refold(sandbox.api_key, base_url=sandbox.base_url)
    call = asyncio.create_task(refold.account("demo-user-1").actions.list("playground"))
    await asyncio.sleep(0.005)
    await refold.aclose(drain=5)
    assert await call


async def test_draining_waits_for_a_call_between_two_tries(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(status=503, headers={"Retry-After": "0.05"}, times=1))
    refold = Refold(sandbox.api_key, base_url=sandbox.base_url, retry=Retry(base=0))
    call = asyncio.create_task(refold.account("demo-user-1").actions.list("playground"))
    while not sandbox.requests:  # noqa: ASYNC110 - the sandbox wakes nobody
        await asyncio.sleep(0.001)
    await asyncio.sleep(0.02)
    await refold.aclose(drain=5)
    assert await call


async def test_draining_is_bounded(sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(hang=True))
    refold = Refold(sandbox.api_key, base_url=sandbox.base_url)
    call = asyncio.create_task(refold.account("demo-user-1").actions.list("playground"))
    await asyncio.sleep(0.005)
    await refold.aclose(drain=0.01)
    with pytest.raises(RefoldError) as caught:
        await call
    assert isinstance(caught.value, ClosedError)
