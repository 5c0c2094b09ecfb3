"""Many calls in flight at once in a separate process: `python -m benchmarks.width CALLS`.

The server answers none of them until all have arrived. Prints the kB of peak memory and the open files per
call, over the client with one connection.
"""

import asyncio
import sys
from pathlib import Path

from benchmarks import machine
from benchmarks.payloads import ACCOUNT, ACTION, API_KEY, PARAMS, SLUG
from benchmarks.server import serving
from refold_async import Refold


async def _measure(number: int) -> tuple[float, float]:
    with serving(300) as small, serving(300, hold=number) as held:
        await _calls(1, small)
        memory, files = machine.peak_megabytes(), _open_files()
        most = await _calls(number, held)
    return (machine.peak_megabytes() - memory) * 1000 / number, (most - files) / number


async def _calls(number: int, base_url: str) -> int:
    """Run calls at once; return the most open files."""
    async with Refold(API_KEY, base_url=base_url, max_connections=number) as client:
        account = client.account(ACCOUNT)

        async def call() -> None:
            await account.actions.execute(SLUG, ACTION, PARAMS)  # the result is dropped

        most, running = 0, list[asyncio.Task[None]]()
        while len(running) < number:
            running += [asyncio.create_task(call()) for _ in range(min(50, number))]
            await asyncio.sleep(0.005)  # what opening a connection takes besides is not measured
            most = max(most, _open_files())
        await asyncio.gather(*running)
        return most


def _open_files() -> int:
    return len(list(Path("/dev/fd").iterdir()))


if __name__ == "__main__":
    machine.allow_descriptors()
    machine.settle_allocator()
    print(*asyncio.run(_measure(int(sys.argv[1]))))
