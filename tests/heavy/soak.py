"""A worker that runs for long under random faults, and what its process holds meanwhile.

    python -m tests.heavy.soak --minutes 20

prints, round by round, the process's memory, sockets, files, tasks and threads, and whether the ledger of
the sandbox (in a process of its own) agrees with what was reported. It fails where anything grew after the
warm-up, a write ran twice, or ran and was reported as not done. `REFOLD_TRANSPORT=public` takes the other
transport.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from .agreement import Judge
from .faulted import any_faults
from .gauges import MIB, Gauges, growth
from .reporter import tell
from .served import served
from .worker import CONNECTIONS, Labour, client

SHARE = 0.02
"""The chance of each kind of fault; with seventeen kinds, about every fourth request is struck."""
FEWEST = 6
"""Rounds at least: two for the warm-up, two before, two after."""
LOOPS_OWN = 4
"""Sockets of the event loop itself: the pair by which it is woken, and that of its signals."""


async def soak(minutes: float, seconds: float, seed: int, slack: int, folder: Path) -> list[str]:
    """Work for some minutes in rounds of some seconds; gives what went wrong, in words."""
    ledger = folder / "ledger.jsonl"
    loop = asyncio.get_running_loop()
    with served(any_faults(SHARE), ledger, seed=seed) as base_url:
        judge = Judge(ledger)
        labour = Labour(base_url, judge, folder, random.Random(seed))
        began, readings = loop.time(), list[Gauges]()
        async with client(base_url) as refold:
            while loop.time() - began < minutes * 60 or len(readings) < FEWEST:
                calls, cpu = labour.calls, time.process_time()
                await labour.round(refold, seconds)
                each = (time.process_time() - cpu) / max(1, labour.calls - calls) * 1e3
                judge.close_round()
                readings.append(Gauges.read(loop.time() - began))
                tell(
                    f"{readings[-1]}  {each:.2f} ms CPU a call  {labour.calls:8} calls, {labour.failed:7} failed; "
                    f"{judge.writes:8} writes, {judge.ran:8} ran, {len(judge.complaints)} disagree",
                )
        judge.close_round()
    return judge.complaints[:20] + growth(readings, idle_sockets=CONNECTIONS + LOOPS_OWN, slack=slack * MIB)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--round", type=float, default=10.0, metavar="SECONDS", help="of one round of work")
    parser.add_argument("--slack", type=int, default=4, metavar="MIB", help="by which memory may differ")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    tell(f"transport: {os.environ.get('REFOLD_TRANSPORT', 'direct')}, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory(prefix="refold-soak-") as folder:
        wrong = asyncio.run(soak(options.minutes, options.round, options.seed, options.slack, Path(folder)))
    tell("\n".join(wrong) or "flat after the warm-up, and the ledger agrees")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
