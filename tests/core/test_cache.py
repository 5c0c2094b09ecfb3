"""The cache: one fetch however many wait, its lifetime and its size."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from refold_async._core.cache import ResponseCache
from refold_async.errors import DeadlineExceededError, NotFoundError
from refold_async.settings import Cache

from .virtual import VirtualTime

NEVER = float("inf")


class Source:
    """Something to fetch: counts its fetches, and holds each until it is let go."""

    def __init__(self) -> None:
        self.fetches = 0
        self.limiter = asyncio.Event()
        self.failure: BaseException | None = None

    async def __call__(self) -> int:
        self.fetches += 1
        number = self.fetches
        await self.limiter.wait()
        if self.failure is not None:
            raise self.failure
        return number


def ready(value: int) -> Callable[[], Awaitable[int]]:
    async def fetch() -> int:
        return value

    return fetch


async def waiters(cache: ResponseCache, source: Source, count: int) -> list["asyncio.Task[int]"]:
    tasks = [asyncio.create_task(cache.get("k", source, due=NEVER)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def test_many_wait_for_one_fetch() -> None:
    cache, source = ResponseCache(Cache()), Source()
    tasks = await waiters(cache, source, 20)
    source.limiter.set()
    assert await asyncio.gather(*tasks) == [1] * 20
    assert await cache.get("k", source, due=NEVER) == 1
    assert source.fetches == 1


async def test_if_the_first_waiter_is_cancelled_the_next_fetches() -> None:
    cache, source = ResponseCache(Cache()), Source()
    tasks = await waiters(cache, source, 5)
    tasks[0].cancel()
    await asyncio.sleep(0.001)
    assert source.fetches == 2
    source.limiter.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[0], asyncio.CancelledError)
    assert results[1:] == [2] * 4


async def test_cancelling_a_waiter_does_not_affect_others() -> None:
    cache, source = ResponseCache(Cache()), Source()
    tasks = await waiters(cache, source, 5)
    tasks[3].cancel()
    source.limiter.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[3], asyncio.CancelledError)
    assert [result for number, result in enumerate(results) if number != 3] == [1] * 4


async def test_an_error_reaches_all_and_is_not_kept() -> None:
    cache, source = ResponseCache(Cache()), Source()
    source.failure = NotFoundError("no such app", fate="rejected", status=404)
    source.failure.add_note("a note")
    tasks = await waiters(cache, source, 4)
    source.limiter.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [NotFoundError] * 4
    assert len({id(result) for result in results}) == 4
    assert {str(result) for result in results} == {str(source.failure)}
    assert source.fetches == 1
    assert await cache.get("k", ready(7), due=NEVER) == 7


@pytest.mark.parametrize("failure", [DeadlineExceededError("too late"), KeyError("foreign")])
async def test_a_failure_of_the_first_waiter_is_not_shared(failure: Exception) -> None:
    cache, source = ResponseCache(Cache()), Source()
    source.failure = failure
    first = asyncio.create_task(cache.get("k", source, due=NEVER))
    await asyncio.sleep(0)
    second = asyncio.create_task(cache.get("k", ready(2), due=NEVER))
    await asyncio.sleep(0)
    source.limiter.set()
    results = await asyncio.gather(first, second, return_exceptions=True)
    assert list(results) == [failure, 2]


async def test_a_waiter_gives_up_at_its_own_deadline() -> None:
    cache, source = ResponseCache(Cache()), Source()
    [first] = await waiters(cache, source, 1)
    due = asyncio.get_running_loop().time() + 0.01
    with pytest.raises(DeadlineExceededError, match="another call's identical request"):
        await cache.get("k", source, due=due)
    source.limiter.set()
    assert await first == 1


async def test_a_response_is_cached_for_its_lifetime() -> None:
    time = VirtualTime()
    cache = ResponseCache(Cache(lifetime=10), clock=time.clock)
    assert await cache.get("k", ready(1), due=NEVER) == 1
    time.now += 9.9
    assert await cache.get("k", ready(2), due=NEVER) == 1
    time.now += 0.1
    assert await cache.get("k", ready(3), due=NEVER) == 3


async def test_the_least_recently_used_goes_first() -> None:
    cache = ResponseCache(Cache(size=2))
    for key, value in (("a", 1), ("b", 2), ("a", 9), ("c", 3)):
        await cache.get(key, ready(value), due=NEVER)
    assert len(cache) == 2
    assert await cache.get("a", ready(0), due=NEVER) == 1
    assert await cache.get("b", ready(5), due=NEVER) == 5
    assert len(cache) == 2
