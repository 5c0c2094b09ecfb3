# pyright: reportPossiblyUnboundVariable=false
"""What later runs of a job do with the writes that earlier ones left unknown."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from refold_async import (
    Absent,
    Call,
    Done,
    Failed,
    Journal,
    Lookup,
    Outcome,
    Refold,
    Settle,
    Skipped,
    Unresolved,
)
from refold_async.batch.journal.records import JournalRecord
from refold_async.sandbox import Fault, Sandbox

from .looking import SEARCH, by_email, write

CALL = write("ann@example.com", key="ann")
SOON = Settle(by_email, after=(0.02,))
AGAIN = Settle(by_email, after=(0.02,), absent="run")

Run = Callable[..., Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "job.sqlite"


@pytest.fixture
def run(refold: Refold, path: Path) -> Run:
    """Run the job of one call once more, and return its outcome."""

    async def once(settle: Settle | None = None, *calls: Call) -> Outcome:
        report = await refold.run(calls or (CALL,), journal=path, settle=settle)
        return report.outcomes[-1]

    return once


async def records(path: Path) -> list[JournalRecord]:
    return await asyncio.to_thread(lambda: list(Journal.read(path)))


async def record(path: Path) -> JournalRecord:
    (only,) = await records(path)
    return only


def looks(sandbox: Sandbox) -> int:
    return sandbox.ledger.count(action_id=SEARCH)


def lose(sandbox: Sandbox, drop: Any = "after", **more: Any) -> None:
    sandbox.faults.add(Fault(drop=drop, effect="write", times=1, **more))


async def test_an_unknown_write_stays_visible_until_it_is_settled(
    run: Run, sandbox: Sandbox, path: Path
) -> None:
    lose(sandbox)
    for _ in range(3):
        outcome = await run()
        assert isinstance(outcome, Failed)
        assert (outcome.error.fate, outcome.verdict) == ("unknown", None)
    assert (await record(path)).state == "unknown"
    done = await run(SOON)
    assert isinstance(done, Done)
    assert (done.settled, done.replayed, done.attempts) == (True, False, 0)
    assert done.result.data["properties"]["email"] == "ann@example.com"
    assert (await record(path)).state == "found"
    for settle in (None, SOON):
        assert await run(settle) == Skipped(CALL, "done_before")
    assert (looks(sandbox), len(sandbox.ledger.writes())) == (1, 1)


async def test_an_absent_write_is_looked_up_by_every_run_that_settles(
    run: Run, sandbox: Sandbox, path: Path
) -> None:
    lose(sandbox, "before")
    for times in (1, 2):
        outcome = await run(SOON)
        assert isinstance(outcome, Failed)
        assert (outcome.verdict, looks(sandbox), (await record(path)).state) == (Absent(), times, "absent")
    outcome = await run()  # without a setting, it tells what is known
    assert isinstance(outcome, Failed)
    assert (outcome.error.fate, outcome.verdict, looks(sandbox)) == ("unknown", Absent(), 2)
    done = await run(AGAIN)
    assert isinstance(done, Done)
    assert (done.settled, done.attempts, (await record(path)).state) == (False, 1, "done")
    assert (looks(sandbox), len(sandbox.ledger.writes())) == (3, 1)


async def test_an_unresolved_write_is_looked_up_again(run: Run, sandbox: Sandbox, path: Path) -> None:
    lose(sandbox, twice=True)
    outcome = await run(SOON)
    assert isinstance(outcome, Failed)
    assert outcome.verdict == Unresolved("2 records match")
    assert ((await record(path)).state, (await record(path)).error) == ("unresolved", "2 records match")
    account = await run()
    assert account.verdict == Unresolved("2 records match")
    assert isinstance(await run(Settle(lambda _: None)), Failed)
    assert (await record(path)).state in {"unresolved", "unknown"}
    (first, second) = sandbox.ledger.writes()
    assert first.params == second.params


async def test_a_resumed_write_that_may_not_be_looked_up(run: Run, sandbox: Sandbox) -> None:
    lose(sandbox)
    await run()
    refused = await run(Settle(lambda call: Lookup("create_contact", call.params, found=list)))
    assert isinstance(refused, Failed)
    assert isinstance(refused.verdict, Unresolved)
    assert "writes" in refused.verdict.reason
    assert len(sandbox.ledger.writes()) == 1


@pytest.mark.parametrize(
    ("settle", "kept"), [(None, None), (Settle(lambda _: None), {"email": "ann@example.com"})]
)
async def test_parameters_are_kept_only_to_settle(
    run: Run, sandbox: Sandbox, path: Path, settle: Settle | None, kept: object
) -> None:
    lose(sandbox)
    await run(settle)
    params = (await record(path)).params
    assert (params and msgspec.json.decode(params)) == kept
    await run(SOON)
    assert (await record(path)).params is None


async def test_several_writes_of_one_job(run: Run, refold: Refold, sandbox: Sandbox, path: Path) -> None:
    sandbox.faults.add(Fault(drop="after", effect="write", probability=0.5))
    sandbox.faults.add(Fault(drop="before", effect="write", probability=0.4))
    calls = [write(f"p{place}@example.com", f"demo-user-{place % 5 + 1}", f"p{place}") for place in range(60)]
    for _ in range(30):
        report = await refold.run(calls, journal=path, settle=AGAIN, concurrency=20)
        if not report.summary.failed:
            break
    assert report.summary.failed == 0
    assert len(sandbox.ledger.writes()) == 60
    assert not sandbox.ledger.duplicates()
    assert {each.state for each in await records(path)} == {"done", "found"}


async def test_a_write_killed_in_its_second_run_is_looked_up_before_a_third(
    refold: Refold, run: Run, sandbox: Sandbox, path: Path
) -> None:
    lose(sandbox, "before")
    sandbox.faults.add(Fault(effect="write", latency=3600, when="after"))  # runs, and answers too late
    async with refold.batch([CALL], journal=path, settle=AGAIN) as batch:
        while not sandbox.ledger.writes():  # noqa: ASYNC110 - the sandbox has no event to give
            await asyncio.sleep(0.005)
        assert batch.summary.done == 0
    sandbox.faults.clear()
    done = await run(AGAIN)
    assert isinstance(done, Done)
    assert done.settled
    assert len(sandbox.ledger.writes()) == 1


async def test_a_found_call_that_was_not_delivered_is_handed_over(
    refold: Refold, run: Run, sandbox: Sandbox, path: Path
) -> None:
    lose(sandbox)

    async def fail() -> None:
        async with refold.batch([CALL], journal=path, settle=SOON) as batch:
            async for _ in batch:
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert not (await record(path)).delivered
    done = await run()
    assert isinstance(done, Done)
    assert (done.settled, done.replayed) == (True, True)
    assert done.result.data["properties"]["email"] == "ann@example.com"
    assert (await record(path)).delivered
    assert await run() == Skipped(CALL, "done_before")


async def test_a_batch_that_stops_leaves_the_unknown_for_later(
    refold: Refold, run: Run, sandbox: Sandbox, path: Path
) -> None:
    lose(sandbox)
    async with refold.batch([CALL], journal=path, settle=Settle(by_email, after=(3600,))) as batch:
        while not sandbox.ledger.writes():  # noqa: ASYNC110 - the sandbox has no event to give
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        batch.stop()
        (outcome,) = [outcome async for outcome in batch]
    assert isinstance(outcome, Failed)
    assert (await record(path)).state == "unknown"
    # Read again from the journal, and stopped while it waits.
    async with refold.batch([CALL], journal=path, settle=Settle(by_email, after=(3600,))) as batch:
        while not batch.progress.held:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        batch.stop()
        (outcome,) = [outcome async for outcome in batch]
    assert isinstance(outcome, Failed)
    assert (outcome.error.fate, outcome.verdict, looks(sandbox)) == ("unknown", None, 0)
    assert isinstance(await run(SOON), Done)


@pytest.mark.parametrize("again", ["settle", "retry_unknown"])
async def test_a_write_that_is_twice_in_the_input_of_a_resumed_run_runs_once(
    refold: Refold, run: Run, sandbox: Sandbox, path: Path, again: str
) -> None:
    lose(sandbox, "before")
    await run()
    settles = again == "settle"
    journal = path if settles else Journal(path, retry_unknown=True)
    report = await refold.run([CALL, CALL], journal=journal, settle=AGAIN if settles else None)
    first, second = report.outcomes
    assert isinstance(first, Done)
    assert second == Skipped(CALL, "duplicate_key", index=1)
    assert len(sandbox.ledger.writes()) == 1


async def test_a_result_is_handed_over_once_though_its_write_is_twice_in_the_input(
    refold: Refold, run: Run, sandbox: Sandbox, path: Path
) -> None:
    async with refold.batch([CALL], journal=path) as batch:
        await anext(batch)
        batch.keep_undelivered()
    report = await refold.run([CALL, CALL], journal=path)
    assert [type(outcome) for outcome in report.outcomes] == [Done, Skipped]
    assert await run() == Skipped(CALL, "done_before")
    assert len(sandbox.ledger.writes()) == 1


async def test_a_write_that_an_earlier_run_sent_is_settled_without_a_check_of_its_parameters(
    refold: Refold, run: Run, sandbox: Sandbox, path: Path
) -> None:
    lose(sandbox)
    await run()
    sandbox.faults.add(Fault(operation="actions.schema", status=400))
    report = await refold.run([CALL], journal=path, settle=SOON, validate=True)
    (outcome,) = report.outcomes
    assert isinstance(outcome, Done)  # not a failure that says "not sent"
    assert outcome.settled


async def test_a_write_that_an_earlier_run_left_does_not_stop_a_batch(
    refold: Refold, run: Run, sandbox: Sandbox, path: Path
) -> None:
    """Else a batch that stops at its first failure would never get past it."""
    lose(sandbox, "before")
    await run()
    others = [write(f"p{place}@example.com", key=f"p{place}") for place in range(5)]
    settle = Settle(
        lambda call: Lookup("create_contact", call.params, found=list)
    )  # told at once: it may not
    report = await refold.run([CALL, *others], journal=path, settle=settle, on_failure="stop", concurrency=1)
    assert [type(outcome) for outcome in report.outcomes] == [Failed, *[Done] * 5]
    assert report.summary.stopped is None
