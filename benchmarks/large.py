"""A large answer, received or decoded in a separate process: `python -m benchmarks.large WAY MEGABYTES`.

Prints the longest time that the event loop was held, in milliseconds of CPU time by a ticker in the same
loop; the seconds of CPU time that it took; and the peak memory as a multiple of the answer.
"""

import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import Coroutine
from typing import Any

import msgspec

from benchmarks import machine
from benchmarks.payloads import ACCOUNT, ACTION, API_KEY, PARAMS, SLUG
from benchmarks.server import serving
from refold_async import ActionResult, Refold
from refold_async.results import restored


class Person(msgspec.Struct):
    """A contact's own fields."""

    email: str
    firstname: str
    lastname: str


class LargeContact(msgspec.Struct):
    """One contact."""

    id: str
    properties: Person
    archived: bool


class LargeContacts(msgspec.Struct):
    """All of them."""

    results: list[LargeContact]


def answer(megabytes: int) -> ActionResult:
    """Return a result of this size, its contacts all different."""
    properties = b'{"email":"%09d@example.com","firstname":"Ada","lastname":"L"}'
    contact = b'{"id":"%09d","properties":' + properties + b',"archived":false}'
    number = megabytes * 1_000_000 // len(contact % (0, 0))
    # By a file: what assembling takes in memory would hide what decoding takes.
    with tempfile.TemporaryFile() as file:
        file.write(b'{"results":[')
        for each in range(number):
            file.write(contact % (each, each) + (b"," if each < number - 1 else b"]}"))
        file.seek(0)
        return restored("Success", 200, file.read())


async def decode(result: ActionResult, way: str) -> None:
    """Decode every contact."""
    if way == "data":
        assert result.data["results"]
    elif way == "into":
        assert result.into(LargeContacts).results
    else:
        async for contact in result.records("results", into=LargeContact):
            assert isinstance(contact, LargeContact)


async def receive(base_url: str) -> None:
    """Execute an action that returns the answer, without decoding its data."""
    async with Refold(API_KEY, base_url=base_url) as refold:
        assert (await refold.account(ACCOUNT).actions.execute(SLUG, ACTION, PARAMS)).raw


async def measure(way: str, megabytes: int) -> tuple[float, float, float]:
    """Return the longest hold in milliseconds, the seconds, and the peak over the answer's size."""
    if way == "execute":
        with serving(300) as base_url:
            await receive(base_url)  # what the first call of a process does besides
        with serving(megabytes * 1_000_000) as base_url:
            held, seconds, peak = await _watched(receive(base_url))
            return held, seconds, peak / megabytes
    held, seconds, peak = await _watched(decode(answer(megabytes), way))
    return held, seconds, peak / megabytes + 1  # the answer itself


async def _watched(work: Coroutine[Any, Any, None]) -> tuple[float, float, float]:
    gc.collect()
    before = machine.peak_megabytes()
    longest, ticking = 0.0, True

    async def tick() -> None:
        nonlocal longest
        last = time.process_time()
        while ticking:
            await asyncio.sleep(0)
            now = time.process_time()
            longest, last = max(longest, now - last), now

    ticker = asyncio.create_task(tick())
    await asyncio.sleep(0.01)
    longest = 0.0
    began = time.process_time()
    await work
    took = time.process_time() - began
    await asyncio.sleep(0)
    ticking = False
    await ticker
    return longest * 1000, took, machine.peak_megabytes() - before


if __name__ == "__main__":
    machine.pin(machine.CLIENT_CORE)
    print(*asyncio.run(measure(sys.argv[1], int(sys.argv[2]))))
