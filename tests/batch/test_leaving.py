"""A batch that is left early, cancelled, or whose input fails: no task left, nothing called done that is not."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from refold_async import Batch, Call, Done, Failed, InvalidCallError, Outcome, Skipped, deadline
from refold_async.batch.scheduler import QueuedCall

from .stubs import RESULT, attempt, calls, make_batch, succeed

slowly = attempt(lambda _queued: RESULT, seconds=30)


def others() -> set["asyncio.Task[object]"]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def consume(batch: Batch, outcomes: list[Outcome]) -> None:
    async with batch:
        async for outcome in batch:
            outcomes.append(outcome)  # noqa: PERF401 - what came before an error counts


def failing_at_once() -> Iterator[Call]:
    yield from ()
    raise LookupError


async def test_breaking_out_cancels_and_names_what_was_under_way() -> None:
    async def mixed(queued: QueuedCall) -> object:
        return await (succeed if queued.index == 0 else slowly)(queued)

    inputs = calls(50)
    before = others()
    async with make_batch(inputs, mixed, concurrency=4) as batch:
        async for outcome in batch:
            assert outcome.index == 0
            break
    assert others() == before
    assert list(batch.under_way) == inputs[1:5]
    assert (batch.summary.done, batch.summary.under_way) == (1, 4)


async def test_outcomes_from_before_leaving_the_block_can_still_be_taken() -> None:
    async with make_batch(calls(4), attempt(lambda _: RESULT), concurrency=4) as batch:
        first = await anext(batch)
        await asyncio.sleep(0.01)
    assert sorted([first.index, *[outcome.index async for outcome in batch]]) == [0, 1, 2, 3]
    assert batch.under_way == ()


async def test_an_exception_in_the_body_is_raised_unchanged() -> None:
    before = others()
    batch = make_batch(calls(50), succeed)

    async def stumble() -> None:
        async with batch:
            async for _ in batch:
                raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        await stumble()
    assert others() == before


async def test_cancelling_the_consumer_ends_the_batch() -> None:
    before = others()
    batch = make_batch(calls(50), slowly, concurrency=4)

    task = asyncio.create_task(consume(batch, []))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert others() == before
    assert len(batch.under_way) == 4


@pytest.mark.parametrize("steps", range(1, 14))
async def test_cancelling_at_any_step_leaks_nothing(steps: int) -> None:
    before = others()
    batch = make_batch(iter(calls(30)), attempt(lambda _: RESULT, seconds=0), concurrency=3)
    seen: list[Outcome] = []

    task = asyncio.create_task(consume(batch, seen))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    assert others() == before
    assert len({outcome.index for outcome in seen}) == len(seen)


async def test_leaving_without_iterating_ends_at_once() -> None:
    async with make_batch(calls(50), slowly) as batch:
        pass
    assert batch.summary.ended == 0


@pytest.mark.parametrize("is_async", [False, True])
async def test_an_input_that_raises_ends_the_batch_after_what_is_under_way(is_async: bool) -> None:
    def failing() -> Iterator[Call]:
        yield from calls(6)
        raise LookupError("the database went away")

    async def failing_later() -> AsyncIterator[Call]:
        for call in failing():
            yield call

    source = failing_later() if is_async else failing()
    batch = make_batch(source, attempt(lambda _: RESULT, seconds=0.01), concurrency=3)
    outcomes: list[Outcome] = []
    with pytest.raises(LookupError, match="the database went away"):
        await consume(batch, outcomes)
    assert sorted(outcome.index for outcome in outcomes) == list(range(6))
    assert {outcome.reason for outcome in outcomes if isinstance(outcome, Skipped)} <= {"input_failed"}
    assert batch.summary.stopped == "input_failed"


async def test_an_input_that_yields_something_else_stops_the_batch() -> None:
    inputs = [*calls(2), "hubspot"]
    with pytest.raises(InvalidCallError, match="must yield Call, not str"):
        async with make_batch(inputs, succeed) as batch:  # type: ignore[arg-type]
            assert len([outcome async for outcome in batch]) == 2


async def test_an_error_is_raised_only_once() -> None:
    async with make_batch(failing_at_once(), succeed) as batch:
        with pytest.raises(LookupError):
            await anext(batch)
        with pytest.raises(StopAsyncIteration):
            await anext(batch)


async def test_an_input_error_is_raised_without_iterating() -> None:
    with pytest.raises(LookupError):
        async with make_batch(failing_at_once(), succeed):
            await asyncio.sleep(0.01)


async def test_a_foreign_exception_ends_the_batch_and_names_the_calls_in_flight() -> None:
    async def made(queued: QueuedCall) -> object:
        if queued.index == 2:
            await asyncio.sleep(0.01)
            raise ZeroDivisionError
        return await slowly(queued)

    before = others()
    batch = make_batch(calls(50), made, concurrency=4)
    with pytest.raises(ZeroDivisionError) as caught:
        await consume(batch, [])
    assert others() == before
    assert len(batch.under_way) == 4
    assert any("under way when the batch ended" in note for note in caught.value.__notes__)


async def test_the_inputs_generator_is_closed() -> None:
    closed = []

    def source() -> Iterator[Call]:
        try:
            while True:
                yield Call("a", "x", "get_y")
        finally:
            closed.append("sync")

    async def async_source() -> AsyncIterator[Call]:
        try:
            while True:
                yield Call("a", "x", "get_y")
        finally:
            closed.append("async")

    for calls_ in (source(), async_source()):
        async with make_batch(calls_, succeed) as batch:
            await anext(batch)
    assert closed == ["sync", "async"]


async def test_an_enclosing_deadline_stops_the_batch() -> None:
    with deadline(0.03):
        async with make_batch(calls(500), attempt(lambda _: RESULT, seconds=0.01), concurrency=2) as batch:
            outcomes = [outcome async for outcome in batch]
    assert batch.summary.stopped == "deadline"
    assert any(isinstance(outcome, Done) for outcome in outcomes)
    assert not any(isinstance(outcome, Failed) for outcome in outcomes)


async def wait_for_what_was_cancelled() -> None:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


async def test_an_input_whose_own_wait_was_cancelled_ends_the_batch() -> None:
    async def fed() -> AsyncIterator[Call]:
        for call in calls(3):
            yield call
        await wait_for_what_was_cancelled()

    outcomes: list[Outcome] = []
    batch = make_batch(fed(), succeed)
    consumer = asyncio.create_task(consume(batch, outcomes))
    await asyncio.wait([consumer], timeout=5)
    assert consumer.cancelled()
    assert [type(outcome) for outcome in outcomes] == [Done] * 3
    assert batch.summary.stopped == "input_failed"


async def test_an_attempt_whose_own_wait_was_cancelled_ends_the_batch_and_is_named() -> None:
    async def made(queued: QueuedCall) -> object:
        if queued.index == 2:
            await wait_for_what_was_cancelled()
        return RESULT

    before = others()
    batch = make_batch(inputs := calls(3), made)
    consumer = asyncio.create_task(consume(batch, []))
    await asyncio.wait([consumer], timeout=5)
    assert consumer.cancelled()
    assert batch.under_way == (inputs[2],)
    assert others() == before


async def one_and_then_nothing() -> AsyncIterator[Call]:
    yield calls(1)[0]
    await asyncio.Event().wait()


async def test_a_batch_that_stops_waits_for_its_input_no_longer() -> None:
    before = others()
    async with asyncio.timeout(5), make_batch(one_and_then_nothing(), succeed) as batch:
        seen = []
        async for outcome in batch:
            seen.append(type(outcome))
            batch.stop()
    assert seen == [Done]
    assert (batch.summary.stopped, others()) == ("stopped", before)


async def test_a_deadline_ends_the_wait_for_an_input() -> None:
    with deadline(0.02):
        async with asyncio.timeout(5), make_batch(one_and_then_nothing(), succeed) as batch:
            assert [type(outcome) async for outcome in batch] == [Done]
    assert batch.summary.stopped == "deadline"


async def test_a_call_yielded_while_the_read_is_interrupted_is_skipped() -> None:
    async def stubborn() -> AsyncIterator[Call]:
        first, second = calls(2)
        yield first
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            yield second

    async with asyncio.timeout(5), make_batch(stubborn(), succeed) as batch:
        seen = []
        async for outcome in batch:
            seen.append(type(outcome))
            batch.stop()
    assert seen == [Done, Skipped]
