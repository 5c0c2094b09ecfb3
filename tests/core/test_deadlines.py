"""Deadlines that apply to every call made within a block."""

import asyncio
import math
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from refold_async import SettingsError, deadline
from refold_async.deadlines import earlier


async def test_the_nearest_deadline_holds() -> None:
    now = asyncio.get_running_loop().time()
    assert earlier(math.inf) == math.inf
    with deadline(10):
        outer = earlier(math.inf)
        assert outer >= now + 10
        with deadline(5):
            inner = earlier(math.inf)
            assert inner < outer
            assert earlier(now + 1) == now + 1
        with deadline(math.inf):
            assert earlier(math.inf) == outer
    assert earlier(math.inf) == math.inf


async def test_it_reaches_tasks_started_within_and_no_others() -> None:
    async def seen() -> float:
        return earlier(math.inf)

    outside = asyncio.create_task(asyncio.sleep(0, result=0.0))
    with deadline(5):
        within = asyncio.create_task(seen())
        assert await within < math.inf
    assert await seen() == math.inf
    await outside


async def test_it_ends_with_its_block_also_by_an_error() -> None:
    with pytest.raises(KeyError), deadline(5):
        raise KeyError
    assert earlier(math.inf) == math.inf


@pytest.mark.parametrize("seconds", [0, -1, math.nan, "5", None, True])
async def test_an_invalid_time_is_refused(seconds: Any) -> None:
    with (
        pytest.raises(SettingsError, match="deadline must be a positive number of seconds"),
        deadline(seconds),
    ):
        pass


def test_without_a_loop_there_is_no_clock() -> None:
    with pytest.raises(RuntimeError, match="no running event loop"), deadline(1):
        pass


async def test_a_block_may_be_left_in_another_task() -> None:
    """As by an async generator whose steps are tasks, e.g. a fixture or a dependency with `yield`."""

    async def within() -> AsyncGenerator[int, None]:
        with deadline(5):
            yield 1

    steps = within()
    assert await asyncio.create_task(anext(steps)) == 1
    with deadline(1):
        own = earlier(math.inf)
        assert [each async for each in steps] == []
        assert earlier(math.inf) == own
    assert earlier(math.inf) == math.inf
