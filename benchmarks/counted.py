"""The work that `benchmarks.instructions` counts: `python -m benchmarks.counted call 200 URL`."""

import asyncio
import gc
import sys
import warnings
from collections.abc import Callable, Coroutine
from typing import Any

from benchmarks.clients.adapter import Adapter
from benchmarks.clients.floor import protocol
from benchmarks.clients.sdk import refold
from benchmarks.payloads import ACCOUNT, ACTION, API_KEY, PARAMS, SLUG, SMALL, envelope

WARM_UP = 50
"""Calls before the counted ones: connections are open, and Python's specialised bytecode has settled."""


async def _calls(adapter: Adapter, number: int, base_url: str) -> None:
    # One in flight: with more, how many responses an event loop finds at once depends on the clock.
    async with adapter(base_url, None) as call:
        for _ in range(WARM_UP):
            await call()
        gc.freeze()
        for _ in range(number):
            await call()


async def _floor(number: int, base_url: str) -> None:
    await _calls(protocol, number, base_url)


async def _call(number: int, base_url: str) -> None:
    await _calls(refold, number, base_url)


async def _batch(number: int, base_url: str) -> None:
    from refold_async import Call, Done, Refold

    calls = (Call(ACCOUNT, SLUG, ACTION, PARAMS) for _ in range(WARM_UP + number))
    async with Refold(API_KEY, base_url=base_url) as client, client.batch(calls, concurrency=1) as batch:
        async for outcome in batch:
            assert isinstance(outcome, Done)
            if outcome.index == WARM_UP:
                gc.freeze()  # or a full collection falls into some runs and not into others


async def _decode(number: int, _: str) -> None:
    from refold_async import ActionResult
    from refold_async._core.responses import Response
    from refold_async.api import action_replies

    reply = Response(200, {}, envelope(SMALL))
    for _unused in range(number):
        _ = action_replies.read_result(ActionResult, reply).data


WORK: dict[str, Callable[[int, str], Coroutine[Any, Any, None]]] = {
    "floor": _floor,
    "call": _call,
    "batch": _batch,
    "decode": _decode,
}


if __name__ == "__main__":
    warnings.simplefilter("ignore", DeprecationWarning)
    asyncio.run(WORK[sys.argv[1]](int(sys.argv[2]), sys.argv[3]))
