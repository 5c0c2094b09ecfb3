"""Soak test: a worker under random faults, watched for leaks and wrong reports.

    python -m tests.heavy.soak --minutes 20

Prints, after each round, the memory, sockets, files, tasks and threads of the process, and whether the reported
outcomes agree with the ledger of the sandbox, which runs in a separate process. Fails if anything grew after the
warm-up, or if a write was executed twice or executed but reported as not done. `REFOLD_TRANSPORT=public`
selects the other transport.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from pathlib import Path

from .ledger_check import LedgerCheck
from .random_faults import any_faults
from .reporter import emit
from .resource_usage import MIB, ResourceUsage, growth
from .sandbox_process import sandbox_process
from .worker import CONNECTIONS, Worker, client

SHARE = 0.02
"""The probability of each kind of fault; with 17 kinds, about every fourth request fails."""
MIN_ROUNDS = 6
"""Minimum number of rounds: two for each third of the samples."""
EVENT_LOOP_SOCKETS = 4
"""Sockets of the event loop itself: its wake-up pair and its signal pair."""


async def soak(options: argparse.Namespace, folder: Path) -> list[str]:
    """Work in rounds for as long as asked; return descriptions of what went wrong."""
    ledger = folder / "ledger.jsonl"
    loop = asyncio.get_running_loop()
    with sandbox_process(any_faults(SHARE), ledger, seed=options.seed) as base_url:
        check = LedgerCheck(ledger)
        worker = Worker(base_url, options.timeout, check, folder, random.Random(options.seed))
        began, samples = loop.time(), list[ResourceUsage]()
        async with client(base_url, options.timeout) as refold:
            while loop.time() - began < options.minutes * 60 or len(samples) < MIN_ROUNDS:
                calls, cpu = worker.calls, time.process_time()
                await worker.round(refold, options.round)
                each = (time.process_time() - cpu) / max(1, worker.calls - calls) * 1e3
                check.close_round()
                samples.append(ResourceUsage.read(loop.time() - began))
                emit(
                    f"{samples[-1]}  {each:.2f} ms CPU per call  {worker.calls:8} calls, {worker.failed:7} failed; "
                    f"{check.writes:8} writes, {check.executed:8} executed, {len(check.mismatches)} mismatches",
                )
        check.close_round()
    return check.mismatches[:20] + growth(
        samples, idle_sockets=CONNECTIONS + EVENT_LOOP_SOCKETS, slack=options.slack * MIB
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--round", type=float, default=10.0, metavar="SECONDS", help="duration of one round")
    parser.add_argument(
        "--timeout", type=float, default=2.0, metavar="SECONDS", help="of a call; a round waits for its last"
    )
    parser.add_argument("--slack", type=int, default=4, metavar="MIB", help="tolerated memory growth")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    emit(f"transport: {os.environ.get('REFOLD_TRANSPORT', 'direct')}, Python {sys.version.split()[0]}")
    with tempfile.TemporaryDirectory(prefix="refold-soak-") as folder:
        wrong = asyncio.run(soak(options, Path(folder)))
    emit("\n".join(wrong) or "no growth after the warm-up, no mismatches")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
