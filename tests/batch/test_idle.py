"""Nobody rests while there is something to do: no worker beside a call that may start, no reader beside room."""

import asyncio

from refold_async import Batch, Call
from refold_async.batch.tickets import Ticket
from refold_async.pipeline import Again

from .stubs import RESULT, again, attempt, calls, outcomes_of, throttled_by_app


async def test_a_retry_that_comes_due_while_another_is_under_way_is_made_by_a_free_worker() -> None:
    second = asyncio.Event()

    async def made(ticket: Ticket) -> object:
        ticket.attempts += 1
        if ticket.attempts == 1 and ticket.index < 2:
            return again(0.01 * (ticket.index + 1))
        if ticket.index == 0:
            await second.wait()
        elif ticket.index == 1:
            second.set()
        return RESULT

    async with asyncio.timeout(5):
        outcomes, _ = await outcomes_of(calls(3), made, concurrency=3)
    assert [outcome.index for outcome in outcomes] == [2, 1, 0]


async def test_the_input_is_read_on_where_all_that_is_in_hand_waits() -> None:
    waits = {0: Again(60, throttled_by_app()), 2: again(60), 3: again(60)}
    inputs = [Call(account, "x", "get_y") for account in ("a", "a", "b", "c", "d")]
    made = attempt(lambda ticket: waits.get(ticket.index, RESULT))
    async with (
        asyncio.timeout(5),
        Batch.with_attempts(inputs, made, concurrency=1, per_account=1) as batch,
    ):
        assert (await anext(batch)).index == 4
        batch.stop()


async def test_in_order_reads_to_the_end_of_its_window_while_the_oldest_call_is_slow() -> None:
    """Two calls wait for the last one of the window that the third begins."""
    window = 3
    early, last = asyncio.Event(), asyncio.Event()
    waits = {0: early, 2: last, window: last}
    ends = {1: early, window + 1: last}

    async def made(ticket: Ticket) -> object:
        if ticket.index in waits:
            await waits[ticket.index].wait()
        if ticket.index in ends:
            ends[ticket.index].set()
        return RESULT

    seen = []
    async with asyncio.timeout(5), Batch.with_attempts(calls(2 * window), made, concurrency=3) as batch:
        async for outcome in batch.in_order(window=window):
            seen.append(outcome.index)
            for _ in range(5):
                await asyncio.sleep(0)
    assert seen == list(range(2 * window))
