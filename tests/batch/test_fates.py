"""The outcome of a call of several attempts: the least certain of their fates, and all their errors."""

import asyncio

import pytest

from refold_async import Call, Failed, Refold, Retry
from refold_async.sandbox import Fault, Sandbox

HARMLESS = Call("demo-user-1", "playground", "create_note", {"title": "t"}, effect="idempotent")


def client(sandbox: Sandbox, retry: Retry) -> Refold:
    return Refold(sandbox.api_key, base_url=sandbox.base_url, retry=retry, timeout=5)


async def test_a_call_that_ran_is_not_called_refused_after_a_pause(sandbox: Sandbox) -> None:
    """It ran and lost its answer; then Refold said that it is too much; then it was refused."""
    sandbox.faults.add(
        Fault(drop="after", times=1), Fault(status=429, times=1), Fault(status=404, times=1)
    )  # fmt: skip
    async with client(sandbox, Retry(base=0.001, attempts=2)) as refold:
        [outcome] = (await refold.run([HARMLESS])).outcomes
    assert isinstance(outcome, Failed)
    assert (outcome.error.status, outcome.error.fate, outcome.attempts) == (404, "unknown", 3)
    assert [error.status for error in outcome.error.earlier] == [None, 429]
    assert len(sandbox.ledger.writes()) == 1


@pytest.mark.parametrize("wait", ["2", "9"], ids=["within its time", "past its time"])
async def test_a_call_that_ran_is_not_reported_as_refused_when_the_batch_stops(
    sandbox: Sandbox, wait: str
) -> None:
    """It ran and lost its answer, and was then refused; the batch ends before its third attempt."""
    sandbox.faults.add(
        Fault(drop="after", times=1), Fault(status=429, times=1, headers={"Retry-After": wait})
    )  # fmt: skip
    async with client(sandbox, Retry(base=0.001)) as refold, refold.batch([HARMLESS]) as batch:
        while len(sandbox.requests) < 2:  # noqa: ASYNC110 - the sandbox has no event
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.02)
        batch.stop()
        [outcome] = [each async for each in batch]
    assert isinstance(outcome, Failed)
    assert (outcome.error.status, outcome.error.fate, outcome.attempts) == (429, "unknown", 2)
    assert [error.fate for error in outcome.error.earlier] == ["unknown"]
