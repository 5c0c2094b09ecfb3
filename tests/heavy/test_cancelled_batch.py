"""Cancelling a batch at any suspension point leaks nothing and leaves no write unaccounted for."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from refold_async import Batch, Call, Done, Failed, Outcome, Refold, Retry, Skipped
from refold_async._core.rate_limits import TokenBucket
from refold_async.sandbox import Fault, Sandbox
from tests.core.stepper import When, cancelled_at
from tests.faults.leaks import Holdings
from tests.faults.permits import held
from tests.guards import holdings

CONNECTIONS = 3
CALLS = 6


@pytest.fixture(params=["direct", "public"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    monkeypatch.setenv("REFOLD_TRANSPORT", name)
    return name


def writes(nth: int) -> list[Call]:
    titles = [f"{nth}-{number}" for number in range(CALLS)]
    return [
        Call(f"demo-user-{number % 2 + 1}", "playground", "create_note", {"title": title}, key=title)
        for number, title in enumerate(titles)
    ]


def titles(calls: Sequence[Call]) -> set[str]:
    return {str((call.params or {})["title"]) for call in calls}


async def consume(batch: Batch, heard: list[Outcome]) -> None:
    async with batch:
        async for outcome in batch:
            heard.append(outcome)  # noqa: PERF401 - a cancelled comprehension would lose its items


def accounted(batch: Batch, heard: list[Outcome]) -> set[str]:
    """Return the writes that may have run according to the batch."""
    reported = [
        outcome.call
        for outcome in heard
        if isinstance(outcome, Done) or (isinstance(outcome, Failed) and outcome.error.fate == "unknown")
    ]
    return titles(reported) | titles(batch.under_way)


def tasks_beyond(before: Holdings) -> list[str]:
    """Return tasks that did not exist before, except those of the sandbox's connections."""
    left = holdings().beyond(before)
    return [held for held in left if held.startswith("task") and "RequestHandler" not in held]


async def check_client(refold: Refold) -> None:
    assert held(refold, connections=CONNECTIONS) == []
    [session] = refold._sessions._open.values()
    assert isinstance(session.rate_limiter, TokenBucket)
    assert session.rate_limiter._queue.available == 1
    assert await refold.account("demo-user-1").actions.list("playground")


@pytest.mark.parametrize("when", ["early", "late"])
@pytest.mark.parametrize("journalled", [False, True], ids=["no journal", "journal"])
async def test_cancelling_a_batch(
    sandbox: Sandbox, transport: str, journalled: bool, when: When, tmp_path: Path
) -> None:
    sandbox.faults.add(Fault(status=429, headers={"Retry-After": "0.001"}, probability=0.1))
    async with Refold(
        sandbox.api_key,
        base_url=sandbox.base_url,
        max_connections=CONNECTIONS,
        timeout=5,
        retry=Retry(base=0.001),
    ) as refold:
        await refold.account("demo-user-1").actions.list("playground")
        nth, fired = 0, True
        while fired:
            nth += 1
            before, heard = holdings(), list[Outcome]()
            path = tmp_path / f"{nth}.sqlite" if journalled else None
            batch = refold.batch(writes(nth), concurrency=CONNECTIONS, journal=path)
            fired = await cancelled_at(consume(batch, heard), nth, when)
            if batch._pool is not None:
                heard += [outcome async for outcome in batch]
                ran = {str(run.params["title"]) for run in sandbox.ledger.writes()}
                assert ran & titles(writes(nth)) <= accounted(batch, heard)
            await check_client(refold)
            assert tasks_beyond(before) == []
            if path is not None:
                await check_resumed(refold, nth, path, sandbox)
        assert nth > 3
    assert not sandbox.ledger.duplicates()


async def check_resumed(refold: Refold, nth: int, path: Path, sandbox: Sandbox) -> None:
    """Check that a cancelled batch, resumed from its journal, reports every call and repeats no write."""
    resumed = refold.batch(writes(nth), concurrency=CONNECTIONS, journal=path)
    heard: list[Outcome] = []
    await consume(resumed, heard)
    assert titles([outcome.call for outcome in heard]) == titles(writes(nth))
    done = [
        outcome.call
        for outcome in heard
        if isinstance(outcome, Done) or (isinstance(outcome, Skipped) and outcome.reason == "done_before")
    ]
    assert titles(done) <= {str(run.params["title"]) for run in sandbox.ledger.writes()}


@pytest.mark.parametrize("when", ["early", "late"])
async def test_cancelling_the_close_of_a_client_during_a_batch(
    sandbox: Sandbox, transport: str, when: When
) -> None:
    """Wherever closing is cancelled, the batch ends and reports every call."""
    nth, fired = 0, True
    while fired:
        nth += 1
        before = holdings()
        refold = Refold(sandbox.api_key, base_url=sandbox.base_url, max_connections=CONNECTIONS, timeout=5)
        heard: list[Outcome] = []
        async with refold.batch(writes(nth), concurrency=CONNECTIONS) as batch:
            heard.append(await anext(batch))
            fired = await cancelled_at(refold.aclose(), nth, when)
            heard += [outcome async for outcome in batch]
        await refold.aclose()
        assert titles([outcome.call for outcome in heard]) == titles(writes(nth))
        ran = {str(run.params["title"]) for run in sandbox.ledger.writes()} & titles(writes(nth))
        assert ran <= accounted(batch, heard)
        assert tasks_beyond(before) == []
    assert not sandbox.ledger.duplicates()
