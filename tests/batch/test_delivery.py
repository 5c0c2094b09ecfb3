"""When an outcome counts as delivered, and what a resumed run hands over again."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from refold_async import Call, Done, Failed, Journal, Outcome, Refold, Skipped
from refold_async.sandbox import Fault, Sandbox

from .journaled import client, leave_under_way, reasons, rows, run, writes


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "job.sqlite"


Taking = Callable[[Refold, list[Call], Path], Awaitable[list[Outcome]]]


class ConsumerError(Exception):
    pass


async def _take_all(refold: Refold, calls: list[Call], path: Path) -> list[Outcome]:
    async with refold.batch(calls, journal=path) as batch:
        return [outcome async for outcome in batch]


async def _take_in_order(refold: Refold, calls: list[Call], path: Path) -> list[Outcome]:
    async with refold.batch(calls, journal=path) as batch:
        return [outcome async for outcome in batch.in_order()]


async def _run(refold: Refold, calls: list[Call], path: Path) -> list[Outcome]:
    return (await refold.run(calls, journal=path)).outcomes


async def _take_groups(refold: Refold, calls: list[Call], path: Path) -> list[Outcome]:
    async with refold.batch(calls, journal=path) as batch:
        return [outcome async for group in batch.groups() for outcome in group]


async def _ended(batch_of: Path, number: int) -> None:
    """Wait until the journal has a number of calls as done."""
    while await asyncio.to_thread(_done, batch_of) < number:  # noqa: ASYNC110 - there is no event
        await asyncio.sleep(0.002)


def _done(path: Path) -> int:
    return sum(record.state == "done" for record in Journal.read(path))


async def _break_after_three(refold: Refold, calls: list[Call], path: Path) -> list[Outcome]:
    async with refold.batch(calls, journal=path) as batch:
        await _ended(path, len(calls))
        taken = []
        async for outcome in batch:
            taken.append(outcome)
            if len(taken) == 3:
                break
    return taken


async def _break_after_three_in_order(refold: Refold, calls: list[Call], path: Path) -> list[Outcome]:
    async with refold.batch(calls, journal=path) as batch:
        await _ended(path, len(calls))
        taken = []
        async for outcome in batch.in_order():
            taken.append(outcome)
            if len(taken) == 3:
                break
    return taken


async def _break_after_a_group(refold: Refold, calls: list[Call], path: Path) -> list[Outcome]:
    async with refold.batch(calls, journal=path) as batch:
        await _ended(path, len(calls))
        async for group in batch.groups():
            return group
    raise AssertionError


async def _raise_at_the_third(refold: Refold, calls: list[Call], path: Path) -> list[Outcome]:
    taken: list[Outcome] = []
    try:
        async with refold.batch(calls, journal=path) as batch:
            await _ended(path, len(calls))
            async for outcome in batch:
                if len(taken) == 2:
                    raise ConsumerError
                taken.append(outcome)
    except ConsumerError:
        return taken
    raise AssertionError


async def _raise_at_the_end(refold: Refold, calls: list[Call], path: Path) -> list[Outcome]:
    try:
        async with refold.batch(calls, journal=path) as batch:
            await batch.collect()
            raise ConsumerError
    except ConsumerError:
        return []


async def _give_up_writing(refold: Refold, calls: list[Call], path: Path) -> list[Outcome]:
    async with refold.batch(calls, journal=path) as batch:
        taken = [await anext(batch), await anext(batch)]
        batch.keep_undelivered()
        async for _ in batch:
            pass
    return taken[:1]


@pytest.mark.parametrize(
    ("take", "delivered"),
    [
        (_take_all, 8),
        (_take_in_order, 8),
        (_run, 8),
        (_take_groups, 8),
        (_break_after_three, 3),
        (_break_after_three_in_order, 3),
        (_break_after_a_group, 8),
        (_raise_at_the_third, 2),
        (_raise_at_the_end, 0),
        (_give_up_writing, 1),
    ],
)
async def test_the_next_run_hands_over_what_was_not_delivered(
    sandbox: Sandbox, path: Path, take: Taking, delivered: int
) -> None:
    calls = writes(8)
    async with client(sandbox) as refold:
        taken = {outcome.index for outcome in await take(refold, calls, path)}
    assert len(taken) == delivered
    assert rows(path, "SELECT count(result), sum(delivered) FROM calls") == [(8 - delivered, delivered)]
    for outcome in await run(sandbox, calls, path):
        if outcome.index in taken:
            assert isinstance(outcome, Skipped)
            assert outcome.reason == "done_before"
        else:
            assert isinstance(outcome, Done)
            assert (outcome.replayed, outcome.attempts) == (True, 0)
            assert outcome.result.data["properties"]["email"] == f"{outcome.index + 1}@example.org"
    assert reasons(await run(sandbox, calls, path)) == {"done_before"}
    assert not sandbox.ledger.duplicates()


async def test_keys_of_two_customers_are_two_calls(sandbox: Sandbox, path: Path) -> None:
    calls = [
        Call(f"demo-user-{number}", "hubspot", "create_contact", {"email": f"{number}@example.org"}, key="k")
        for number in (1, 2, 3)
    ]
    assert reasons(await run(sandbox, calls, path)) == {"Done"}
    assert reasons(await run(sandbox, calls, path)) == {"done_before"}


async def test_records_show_the_outcome_of_each_call(sandbox: Sandbox, path: Path) -> None:
    sandbox.faults.add(Fault(effect="write", drop="after", linked_account_id="demo-user-1"))
    sandbox.faults.add(Fault(effect="write", status=400, linked_account_id="demo-user-2"))
    await run(sandbox, writes(3, keyed=True), path)
    records = await asyncio.to_thread(lambda: list(Journal.read(path)))
    assert [(record.key, record.linked_account_id, record.state) for record in records] == [
        ("contact-1", "demo-user-1", "unknown"),
        ("contact-2", "demo-user-2", "failed"),
        ("contact-3", "demo-user-3", "done"),
    ]
    assert [record.needs_attention for record in records] == [True, True, False]
    assert {(record.slug, record.action_id, record.effect) for record in records} == {
        ("hubspot", "create_contact", "write")
    }
    assert all(record.delivered and record.attempts == 1 for record in records)
    assert all(record.began <= record.at and record.params is None for record in records)
    assert str(records[0].error).startswith("ConnectionFailedError")
    assert (records[1].error, records[2].error) == ("BadRequestError 400", None)


async def test_reads_that_failed_are_recorded_and_run_again(sandbox: Sandbox, path: Path) -> None:
    sandbox.faults.add(Fault(status=400, times=1))
    calls = [Call("demo-user-1", "hubspot", "get_contact")]
    assert reasons(await run(sandbox, calls, path)) == {"Failed"}
    [record] = await asyncio.to_thread(lambda: list(Journal.read(path)))
    assert (record.state, record.key, record.index) == ("failed", None, 0)
    assert reasons(await run(sandbox, calls, path)) == {"Done"}


@pytest.mark.parametrize("limit", [{"on_failure": "stop"}, {"stop_at_failure_share": 0.1}])
async def test_unknown_writes_of_an_earlier_run_do_not_stop_a_resumed_run(
    sandbox: Sandbox, path: Path, limit: dict[str, object]
) -> None:
    calls = writes(60)
    await leave_under_way(sandbox, calls[:30], path)
    sandbox.faults.add(Fault(effect="write", status=400, linked_account_id="demo-user-60", times=1))
    outcomes = await run(sandbox, calls, path, concurrency=1, **limit)
    assert [type(outcome) for outcome in outcomes] == [Failed] * 30 + [Done] * 29 + [Failed]


async def _slow_third(sandbox: Sandbox) -> list[Call]:
    sandbox.faults.add(Fault(linked_account_id="demo-user-3", latency=60, when="before"))
    return [Call(f"demo-user-{each}", "hubspot", "get_contact") for each in (1, 2, 3)]


async def test_a_group_waits_for_so_many_outcomes_or_so_long(path: Path) -> None:
    async with Sandbox() as sandbox, client(sandbox) as refold:
        calls, found = await _slow_third(sandbox), list[Outcome]()
        async with refold.batch(calls, journal=path) as batch:
            async for group in batch.groups(least=3, within=0.1):
                found += group
                if len(found) == 2:
                    break
        assert {outcome.call.linked_account_id for outcome in found} == {"demo-user-1", "demo-user-2"}


async def test_a_group_waits_no_longer_once_it_is_large(path: Path) -> None:
    async with Sandbox() as sandbox, client(sandbox) as refold:
        calls = [Call("demo-user-1", "hubspot", "get_contact", {"limit": "1"}) for _ in range(9)]
        async with refold.batch(calls, journal=path, concurrency=1) as batch:
            sizes = [len(group) async for group in batch.groups(least=9, size=1)]
    assert sum(sizes) == 9
    assert max(sizes) <= 3  # those that were there already


@pytest.mark.parametrize("journaled", [False, True])
async def test_a_group_that_is_cancelled_while_it_fills_is_not_lost(path: Path, *, journaled: bool) -> None:
    async with Sandbox() as sandbox, client(sandbox) as refold:
        calls = await _slow_third(sandbox)
        batch = refold.batch(calls, journal=path if journaled else None)

        async def take() -> None:
            async with batch:
                async for _ in batch.groups(least=3):
                    raise AssertionError

        taking = asyncio.create_task(take())
        while sandbox.ledger.count() < 2 or batch.summary.done < 2:  # noqa: ASYNC110 - there is no event
            await asyncio.sleep(0.01)
        taking.cancel()
        await asyncio.wait([taking])
        assert taking.cancelled()
        found = [outcome async for group in batch.groups() for outcome in group]
        assert {outcome.call.linked_account_id for outcome in found} == {"demo-user-1", "demo-user-2"}
        if journaled:
            async with refold.batch(calls[:2], journal=path) as again:
                assert [type(outcome) for outcome in await again.collect()] == [Done, Done]
