"""A batch with a journal resumes, and never repeats a write."""

import asyncio
from collections import Counter

import msgspec
import pytest

from refold_async import (
    Call,
    Done,
    Failed,
    InterruptedRunError,
    InvalidCallError,
    JournalError,
    Skipped,
)
from refold_async.sandbox import Fault, Sandbox

from .journal_stores import Settings, journal, query
from .journaled import client, leave_under_way, reasons, run, writes

__all__ = ["journal"]


async def test_calls_done_are_not_run_again(sandbox: Sandbox, journal: Settings) -> None:
    calls = [*writes(10), Call("demo-user-1", "hubspot", "get_contact", {"limit": "1"})]
    assert reasons(await run(sandbox, calls, journal())) == {"Done"}
    assert reasons(await run(sandbox, calls, journal())) == {"done_before"}
    assert sandbox.ledger.count() == 11


async def test_results_are_replayed_on_request(sandbox: Sandbox, journal: Settings) -> None:
    replay = journal(replay=True)
    first = await run(sandbox, writes(5), replay)
    second = await run(sandbox, writes(5), replay)
    for before, after in zip(first, second, strict=True):
        assert isinstance(before, Done)
        assert isinstance(after, Done)
        assert (after.result, after.replayed, after.attempts) == (before.result, True, 0)
    assert sandbox.ledger.count() == 5


async def test_delivered_results_are_not_kept_unless_asked(sandbox: Sandbox, journal: Settings) -> None:
    await run(sandbox, writes(3), journal())
    assert reasons(await run(sandbox, writes(3), journal(replay=True))) == {"done_before"}
    assert query(journal(), "SELECT count(result) FROM calls") == [(0,)]


@pytest.mark.parametrize(
    ("fault", "fate", "then"),
    [
        (Fault(effect="write", status=400, times=1), "rejected", "Done"),
        (Fault(effect="write", status=503, when="after", times=1), "unknown", "Failed"),
        (Fault(effect="write", drop="after", times=1), "unknown", "Failed"),
    ],
)
async def test_a_failed_write_is_run_again_only_if_certainly_not_done(
    sandbox: Sandbox, journal: Settings, fault: Fault, fate: str, then: str
) -> None:
    sandbox.faults.add(fault)
    (first,) = await run(sandbox, writes(1), journal())
    assert isinstance(first, Failed)
    assert first.error.fate == fate
    assert reasons(await run(sandbox, writes(1), journal())) == {then}
    assert not sandbox.ledger.duplicates()


async def test_a_failed_read_is_run_again_with_any_fate(sandbox: Sandbox, journal: Settings) -> None:
    sandbox.faults.add(Fault(effect="read", garbage=True, times=1))
    calls = [Call("demo-user-1", "hubspot", "get_contact")]
    assert reasons(await run(sandbox, calls, journal())) == {"Failed"}
    assert reasons(await run(sandbox, calls, journal())) == {"Done"}


async def test_a_write_under_way_is_reported_unknown_in_every_run_and_never_repeated(
    sandbox: Sandbox, journal: Settings
) -> None:
    calls = writes(4)
    await leave_under_way(sandbox, calls, journal())
    for outcome in [*await run(sandbox, calls, journal()), *await run(sandbox, calls, journal())]:
        assert isinstance(outcome, Failed)
        assert isinstance(outcome.error, InterruptedRunError)
        assert outcome.error.fate == "unknown"
        assert outcome.error.linked_account_id == outcome.call.linked_account_id
    assert not sandbox.ledger.duplicates()


async def test_a_write_cancelled_between_attempts_is_run_again(sandbox: Sandbox, journal: Settings) -> None:
    sandbox.faults.add(Fault(status=429, headers={"Retry-After": "60"}, times=1))
    async with client(sandbox) as refold, refold.batch(writes(1), journal=journal()):
        while not sandbox.faults.fired(next(iter(sandbox.faults))):  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.02)
    assert reasons(await run(sandbox, writes(1), journal())) == {"Done"}


async def test_retry_unknown_runs_them_again(sandbox: Sandbox, journal: Settings) -> None:
    await leave_under_way(sandbox, writes(2), journal())
    assert reasons(await run(sandbox, writes(2), journal(retry_unknown=True))) == {"Done"}
    assert len(sandbox.ledger.duplicates()) == 2
    assert reasons(await run(sandbox, writes(2), journal())) == {"done_before"}


async def test_the_input_may_change_between_runs_with_keys(sandbox: Sandbox, journal: Settings) -> None:
    calls = writes(6, keyed=True)
    await run(sandbox, calls[:3], journal())
    outcomes = await run(sandbox, list(reversed(calls)), journal())
    assert Counter(type(outcome) for outcome in outcomes) == {Done: 3, Skipped: 3}
    assert not sandbox.ledger.duplicates()


@pytest.mark.parametrize("concurrency", [1, 2])
async def test_a_key_used_twice_runs_one_write(sandbox: Sandbox, journal: Settings, concurrency: int) -> None:
    call = writes(1, keyed=True)[0]
    outcomes = await run(sandbox, [call, call], journal(), concurrency=concurrency)
    assert reasons(outcomes) == {"Done", "duplicate_key"}
    assert sandbox.ledger.count() == 1


async def test_an_invalid_key_fails_only_its_own_call(sandbox: Sandbox, journal: Settings) -> None:
    good, other = writes(2, keyed=True)
    bad, done = await run(sandbox, [msgspec.structs.replace(other, key="\ud800"), good], journal())
    assert isinstance(bad, Failed)
    assert isinstance(bad.error, InvalidCallError)
    assert isinstance(done, Done)


async def test_a_key_of_two_different_calls_is_an_error(sandbox: Sandbox, journal: Settings) -> None:
    one, two = writes(2)
    calls = [Call("demo-user-1", one.slug, one.action_id, one.params, key="k"),
             Call("demo-user-1", two.slug, two.action_id, two.params, key="k")]  # fmt: skip
    with pytest.raises(JournalError, match="key 'k' of account 'demo-user-1' as another call"):
        await run(sandbox, calls, journal(), concurrency=1)
    assert sandbox.ledger.count() <= 1


async def test_a_changed_input_without_keys_raises_before_sending(
    sandbox: Sandbox, journal: Settings
) -> None:
    await run(sandbox, writes(3), journal())
    with pytest.raises(JournalError, match="position 0 of the input as another call"):
        await run(sandbox, list(reversed(writes(3))), journal())
    assert sandbox.ledger.count() == 3


async def test_parameters_that_cannot_be_written_are_one_calls_failure(
    sandbox: Sandbox, journal: Settings
) -> None:
    calls = [*writes(1), Call("demo-user-1", "hubspot", "create_contact", {"email": object()})]
    done, failed = await run(sandbox, calls, journal())
    assert isinstance(done, Done)
    assert isinstance(failed, Failed)
    assert isinstance(failed.error, InvalidCallError)


async def test_a_call_is_on_disk_before_it_is_sent(sandbox: Sandbox, journal: Settings) -> None:
    """Seen from the other side: whenever a write runs, a row of it is already there."""
    await leave_under_way(sandbox, writes(5), journal())
    assert query(journal(), "SELECT state, count(*) FROM calls GROUP BY state") == [(1, 5)]
