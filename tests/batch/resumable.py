"""A program that writes with a journal, to be killed: `python -m tests.batch.resumable JOURNAL WRITES`.

It prints a line for each outcome as it gets it, and nothing is kept back when it dies.
"""

import asyncio
import os
import sys

from refold_async import Call, Done, Failed, Outcome, Refold, Skipped


def line_of(outcome: Outcome) -> str:
    match outcome:
        case Done():
            return f"{outcome.index} done"
        case Failed(_, error):
            return f"{outcome.index} failed {error.fate}"
        case Skipped(_, reason):
            return f"{outcome.index} skipped {reason}"


async def main(journal: str, writes: int) -> None:
    calls = (
        Call(f"demo-user-{place % 100 + 1}", "hubspot", "create_contact", {"email": f"{place}@example.org"})
        for place in range(writes)
    )
    async with Refold() as refold, refold.batch(calls, journal=journal) as batch:
        async for outcome in batch:
            os.write(1, f"{line_of(outcome)}\n".encode())
            if outcome.index % 8 == 0:
                await asyncio.sleep(0.002)  # so that kills find outcomes that wait to be delivered


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
