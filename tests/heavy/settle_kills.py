"""Jobs that settle, killed at random moments and run again, compared with the ledger.

    python -m tests.heavy.settle_kills --kills 50 --writes 300

A third of the writes are lost in every way; so a kill hits writes, waits, look-ups, second runs and deliveries. Every
other job is the command `refold batch --settle --out`. In the end, no write may have run twice, be missing or be
unknown, every result must have been delivered, and `--out` must have one line for each call.
"""

import argparse
import asyncio
import json
import os
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path
from subprocess import DEVNULL, PIPE

from refold_async import Done, Failed, Journal, JournalError, Refold, Settle, Skipped
from refold_async.sandbox import Sandbox

from .reporter import emit
from .settle import LostWrites, by_email, writes

LATE, WAIT = 0.2, 0.8
KILLS_OF_A_JOB = 2
ROOT = Path(__file__).parents[2]


async def job(journal: str, number: int) -> None:
    """Run the job, and print a line for each outcome as it comes."""
    settle = Settle(by_email, after=(WAIT,), absent="run", max_runs=9)
    async with (
        Refold() as refold,
        refold.batch(writes(number), journal=journal, settle=settle, concurrency=10) as outcomes,
    ):
        async for outcome in outcomes:
            match outcome:
                case Done():
                    what = "done"
                case Failed(error=error, verdict=verdict):
                    what = f"failed {error.fate} {verdict}"
                case Skipped(reason=reason):
                    what = f"skipped {reason}"
            os.write(1, f"{outcome.call.key} {what}\n".encode())


class Job:
    """A job of some writes: its program, or the command with the same input."""

    def __init__(self, sandbox: Sandbox, folder: Path, number: int, *, command: bool) -> None:
        self.sandbox, self.number, self.command = sandbox, number, command
        self.journal, self.out = folder / "job.sqlite", folder / "out.jsonl"
        self.lines: list[str] = []
        self.arguments = [
            "-m",
            "tests.heavy.settle_kills",
            "--job",
            str(self.journal),
            "--writes",
            str(number),
        ]
        if command:
            accounts = folder / "accounts.csv"
            rows = (f"{call.linked_account_id},{(call.params or {})['email']}\n" for call in writes(number))
            accounts.write_text("linked_account_id,email\n" + "".join(rows))
            self.arguments = [
                *("-m", "refold_async.cli", "batch", "hubspot", "create_contact", "--yes", "--rate", "100000", "--concurrency", "10"),
                *("--accounts", str(accounts), "--journal", str(self.journal), "--out", str(self.out)),
                *("--settle", "search_contacts", "--lookup", "propertyName=email", "--lookup", "operator=EQ"),
                *("--lookup", "value={email}", "--match", "results[].properties.email={email}"),
                *("--after", str(WAIT), "--absent", "run"),
            ]  # fmt: skip

    async def run(self, kill_after: float | None = None) -> int | None:
        """Run the job, or kill it after some seconds; return its exit code."""
        environment = os.environ | {
            "REFOLD_API_KEY": self.sandbox.api_key,
            "REFOLD_BASE_URL": self.sandbox.base_url,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, *self.arguments, cwd=ROOT, env=environment, stdout=PIPE, stderr=DEVNULL
        )
        reading = asyncio.create_task(process.communicate())
        if kill_after is not None:
            await asyncio.wait([reading], timeout=kill_after)
            if process.returncode is None:
                process.kill()
        printed, _ = await reading
        # A killed program may have printed half of its last line.
        self.lines += [line for line in printed.decode().splitlines(keepends=True) if line.endswith("\n")]
        return process.returncode

    def check(self) -> list[str]:
        """Return what is wrong after the last run."""
        executed = Counter(run.linked_account_id for run in self.sandbox.ledger.writes())
        wrong = [f"{account} was written {times} times" for account, times in executed.items() if times > 1]
        if len(executed) != self.number:
            wrong.append(f"{self.number - len(executed)} are missing")
        states = Counter(record.state for record in Journal.read(self.journal))
        if states["done"] + states["found"] != self.number:
            wrong.append(f"states: {dict(states)}")
        if self.command:
            lines = [json.loads(line) for line in self.out.read_text().splitlines()]
            if sorted(line["index"] for line in lines) != list(range(self.number)):
                wrong.append(f"{len(lines)} lines for {self.number} calls")
            delivered = {str(line["index"]) for line in lines if line["outcome"] == "done"}
        else:
            delivered = {line.split()[0] for line in self.lines if line.split()[1] == "done"}
        if len(delivered) != self.number:
            wrong.append(f"{self.number - len(delivered)} results were not delivered")
        return wrong


def open_calls(journal: Path) -> Counter[str]:
    """Return how many calls of a killed job are in which state."""
    try:
        return Counter(record.state for record in Journal.read(journal))
    except JournalError:
        return Counter()  # killed before its tables were there


async def main(kills: int, number: int, seed: int) -> int:
    wrong: list[str] = []
    seen: Counter[str] = Counter()
    lost_writes = 0
    for trial in range(max(1, kills // KILLS_OF_A_JOB)):
        chance, command = random.Random(seed + trial), bool(trial % 2)
        sandbox = Sandbox(accounts=number, latency=0.02)
        lost = LostWrites(LATE)
        sandbox._context.faults = lost
        with tempfile.TemporaryDirectory() as folder:
            async with sandbox:
                one = await asyncio.to_thread(Job, sandbox, Path(folder), number, command=command)
                for _ in range(KILLS_OF_A_JOB):
                    await one.run(chance.uniform(0.4, 2.5))
                    seen += await asyncio.to_thread(open_calls, one.journal)
                code = await one.run()
                await asyncio.sleep(2 * LATE)
                found = await asyncio.to_thread(one.check)
        found += [f"exit code {code}"] if code != 0 else []
        lost_writes += lost.lost
        wrong += [f"job {trial} ({'command' if command else 'program'}): {each}" for each in found]
    emit(
        f"{kills} kills of jobs of {number} writes, {lost_writes} lost; at the kills {dict(seen)}; {len(wrong)} wrong"
    )
    for each in wrong:
        emit(each)
    return 1 if wrong else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--writes", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--job", metavar="JOURNAL", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        asyncio.run(job(given.job, given.writes))
    else:
        raise SystemExit(asyncio.run(main(given.kills, given.writes, given.seed)))
