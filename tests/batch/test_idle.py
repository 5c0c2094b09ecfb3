"""No worker is idle while a call may start, nor the reader while there is room."""

import asyncio
from collections.abc import AsyncIterator

from refold_async import Call
from refold_async._core.pipeline import RetryAfter
from refold_async.batch.runner import Skip
from refold_async.batch.scheduler import QueuedCall

from .stubs import RESULT, again, attempt, calls, make_batch, outcomes_of, throttled_by_app
from .virtual_time import VirtualLoop


async def test_a_due_retry_is_made_by_an_idle_worker() -> None:
    second = asyncio.Event()

    async def made(queued: QueuedCall) -> object:
        queued.attempts += 1
        if queued.attempts == 1 and queued.index < 2:
            return again(0.01 * (queued.index + 1))
        if queued.index == 0:
            await second.wait()
        elif queued.index == 1:
            second.set()
        return RESULT

    async with asyncio.timeout(5):
        outcomes, _ = await outcomes_of(calls(3), made, concurrency=3)
    assert [outcome.index for outcome in outcomes] == [2, 1, 0]


async def test_reading_continues_while_all_queued_calls_wait() -> None:
    waits = {0: RetryAfter(60, throttled_by_app()), 2: again(60), 3: again(60)}
    inputs = [Call(account, "x", "get_y") for account in ("a", "a", "b", "c", "d")]
    made = attempt(lambda queued: waits.get(queued.index, RESULT))
    async with (
        asyncio.timeout(5),
        make_batch(inputs, made, concurrency=1, per_account=1) as batch,
    ):
        assert (await anext(batch)).index == 4
        batch.stop()


async def test_in_order_reads_to_the_end_of_its_window_while_the_oldest_call_is_slow() -> None:
    """Two calls wait for the last one of the window that the third begins."""
    window = 3
    early, last = asyncio.Event(), asyncio.Event()
    waits = {0: early, 2: last, window: last}
    ends = {1: early, window + 1: last}

    async def made(queued: QueuedCall) -> object:
        if queued.index in waits:
            await waits[queued.index].wait()
        if queued.index in ends:
            ends[queued.index].set()
        return RESULT

    seen = []
    async with asyncio.timeout(5), make_batch(calls(2 * window), made, concurrency=3) as batch:
        async for outcome in batch.in_order(window=window):
            seen.append(outcome.index)
            for _ in range(5):
                await asyncio.sleep(0)
    assert seen == list(range(2 * window))


def test_a_call_that_is_skipped_does_not_end_an_apps_throttling() -> None:
    """After the pause, the account's calls go one at a time until one succeeds."""
    under_way: list[int] = []
    together: dict[int, int] = {}

    async def made(queued: QueuedCall) -> object:
        if queued.index == 1:
            return Skip("duplicate_key")
        under_way.append(queued.index)
        together[queued.index] = len(under_way)
        await asyncio.sleep(0.1)
        under_way.remove(queued.index)
        if queued.index == 0:
            raise throttled_by_app()
        return RESULT

    async def slowly() -> AsyncIterator[Call]:
        for index, call in enumerate(calls(6, accounts=1)):
            yield call
            await asyncio.sleep(0 if index else 0.2)

    async def main() -> None:
        async with make_batch(slowly(), made, concurrency=4) as batch:
            assert len([outcome async for outcome in batch]) == 6

    loop = VirtualLoop()
    try:
        loop.run_until_complete(main())
    finally:
        loop.close()
    assert [together[index] for index in (2, 3, 4, 5)] == [1, 1, 2, 2]
