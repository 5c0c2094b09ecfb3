"""Writes whose next attempt, or whose look-up, gets no slot of the rate limit."""

import asyncio
import math
from pathlib import Path

import pytest

from refold_async import (
    Call,
    ConnectionFailedError,
    Failed,
    Journal,
    Outcome,
    RateLimit,
    Refold,
    Retry,
    Settle,
    Unresolved,
)
from refold_async.batch.journal.records import JournalRecord
from refold_async.sandbox import Fault, Sandbox

from .looking import by_email, write

LOST = Fault(drop="after", effect="write", times=1)


class OneSlot:
    """A limiter with one slot, and its own factory."""

    def __init__(self) -> None:
        self.left = 1

    def open(self, base_url: str, identity: str | None) -> "OneSlot":
        return self

    def try_acquire(self) -> bool:
        return False

    async def acquire(self, deadline: float = math.inf) -> None:
        self.left -= 1
        if self.left < 0:
            raise ConnectionFailedError("the limit is away", fate="not_sent")

    def delay(self) -> float:
        return 0.0

    def pause(self, seconds: float) -> None:
        pass

    def on_response(self, throttled: bool) -> None:
        pass

    async def aclose(self) -> None:
        pass


async def outcome_of(sandbox: Sandbox, call: Call, path: Path, settle: Settle | None = None) -> Outcome:
    retry = Retry(base=0.001)
    async with Refold(
        sandbox.api_key, base_url=sandbox.base_url, retry=retry, rate_limit=OneSlot()
    ) as refold:
        (outcome,) = (await refold.run([call], journal=path, settle=settle)).outcomes
    return outcome


async def record(path: Path) -> JournalRecord:
    (only,) = await asyncio.to_thread(lambda: list(Journal.read(path)))
    return only


async def test_a_write_whose_look_up_gets_no_slot_stays_unknown(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults.add(LOST)
    path = tmp_path / "job.sqlite"
    failed = await outcome_of(sandbox, write("ann@example.com"), path, Settle(by_email, after=(0.01,)))
    assert isinstance(failed, Failed)
    assert failed.error.fate == "unknown"
    assert failed.verdict == Unresolved("the look-up failed: ConnectionFailedError: the limit is away")
    assert (await record(path)).state == "unresolved"


@pytest.mark.parametrize(
    ("fault", "call", "fate"),
    [
        (Fault(status=429, effect="write", times=1), write("ann@example.com"), "rejected"),
        (LOST, Call("demo-user-1", "hubspot", "create_contact", {"email": "a@example.com"}, effect="idempotent"), "unknown"),
    ],
)  # fmt: skip
async def test_a_call_whose_second_attempt_gets_no_slot_keeps_the_fate_of_the_first(
    sandbox: Sandbox, tmp_path: Path, fault: Fault, call: Call, fate: str
) -> None:
    sandbox.faults.add(fault)
    failed = await outcome_of(sandbox, call, tmp_path / "job.sqlite")
    assert isinstance(failed, Failed)
    assert failed.error.fate == fate
    if call.effect is None:  # it has begun, and was not done: it is not left as interrupted
        assert (await record(tmp_path / "job.sqlite")).state == "failed"


async def test_a_batch_whose_client_is_closed_does_not_wait_for_its_look_ups(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.add(LOST)
    path, settle = tmp_path / "job.sqlite", Settle(by_email, after=(0.01, 3600))
    limit = RateLimit(2, burst=1)
    refold = Refold(sandbox.api_key, base_url=sandbox.base_url, rate_limit=limit)
    async with refold, refold.batch([write("ann@example.com")], journal=path, settle=settle) as batch:
        while not sandbox.ledger.writes():  # noqa: ASYNC110 - the sandbox has no event to give
            await asyncio.sleep(0.005)
        await refold.aclose()
        (failed,) = [outcome async for outcome in batch]
    assert isinstance(failed, Failed)
    assert (failed.error.fate, failed.verdict) == ("unknown", None)
    assert (await record(path)).state == "unknown"
