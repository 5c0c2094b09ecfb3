"""The capacity limiter: first come, first served, and no slot lost to a cancelled waiter."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from refold_async._core.limiter import CapacityLimiter


@given(
    st.integers(1, 3),
    st.lists(
        st.tuples(st.sampled_from(["enter", "leave", "cancel", "leave and cancel"]), st.integers(0, 9)),
        max_size=40,
    ),
)
def test_slots_are_neither_lost_nor_given_twice(places: int, script: list[tuple[str, int]]) -> None:
    async def scenario() -> None:
        limiter, within, tasks = CapacityLimiter(places), list[int](), list[asyncio.Task[None]]()

        async def enter(number: int) -> None:
            await limiter.acquire()
            within.append(number)

        def leave() -> None:
            if within:
                within.pop()
                limiter.release()

        def cancel(number: int) -> None:
            waiting = [task for task in tasks if not task.done()]
            if waiting:
                waiting[number % len(waiting)].cancel()

        for step, number in script:
            if step == "enter":
                tasks.append(asyncio.create_task(enter(len(tasks))))
            if "leave" in step:
                leave()
            if "cancel" in step:
                cancel(number)
            if number % 3 or step == "enter":
                await asyncio.sleep(0)
            assert len(within) + limiter.available <= places
        await asyncio.sleep(0)
        while within:
            leave()
            await asyncio.sleep(0)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert limiter.available == places
        assert within == []

    asyncio.run(scenario())


async def test_slots_are_given_in_order_of_arrival() -> None:
    limiter, served = CapacityLimiter(1), list[int]()

    async def visit(number: int) -> None:
        await limiter.acquire()
        served.append(number)
        await asyncio.sleep(0)
        limiter.release()

    await asyncio.gather(*(visit(number) for number in range(5)))
    assert served == list(range(5))
    assert limiter.try_acquire()
    assert not limiter.try_acquire()
    assert repr(limiter) == "CapacityLimiter(0 of 1 free, 0 waiting)"
