"""One way to decode a large answer in a separate process: `python -m benchmarks.large WAY MEGABYTES`.

Prints the longest time that the event loop was held, in milliseconds of CPU time by a ticker in the same
loop; the seconds of CPU time that decoding took; and the peak memory as a multiple of the answer.
"""

import asyncio
import gc
import sys
import tempfile
import time

import msgspec

from benchmarks import machine
from refold_async import ActionResult
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


async def measure(way: str, megabytes: int) -> tuple[float, float, float]:
    """Return the longest hold in milliseconds, the seconds, and the peak over the answer's size."""
    result = answer(megabytes)
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
    await decode(result, way)
    took = time.process_time() - began
    await asyncio.sleep(0)
    ticking = False
    await ticker
    return longest * 1000, took, (machine.peak_megabytes() - before) / megabytes + 1


if __name__ == "__main__":
    machine.pin(machine.CLIENT_CORE)
    print(*asyncio.run(measure(sys.argv[1], int(sys.argv[2]))))
