"""Pulls into files that are killed again and again: every row is there exactly once.

    python -m tests.heavy.pulls --kills 50                     # JSON lines, 1,000 accounts of 50 pages
    python -m tests.heavy.pulls --kills 10 --format parquet --accounts 200
    python -m tests.heavy.pulls --memory --format parquet      # a million records, and the memory they take

One in a hundred requests fails. Fails if a row is missing or in the files twice.
"""

import argparse
import asyncio
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from refold_async import Refold, Retry
from refold_async.sandbox import Fault
from refold_async.walks import WalkProgress
from tests.walks.folders import manifest, rows_in

from .reporter import emit
from .sandbox_process import KEY, sandbox_process

PAGE = 10
FAULTS = (Fault(operation="actions.execute", status=503, probability=0.01),)


async def pull(base_url: str, folder: Path, form: str, accounts: int, limit: int) -> None:
    """Pull once, as the process that is killed does; print the memory now and then."""
    ids = [f"demo-user-{each}" for each in range(1, accounts + 1)]
    told = 0

    def show(progress: WalkProgress) -> None:
        nonlocal told
        if progress.records >= told or progress.calls.ended:
            told += 100_000
            emit(f"{progress.records} records, {memory_now():.1f} MiB")

    retry = Retry(base=0.01, budget=10**9)
    async with Refold(KEY, base_url=base_url, retry=retry, rate_limit=None) as refold:
        summary = await refold.pull(
            "catalog",
            "list_products",
            ids,
            folder,
            params={"limit": str(limit)},
            format=form,  # type: ignore[arg-type]  # an argument of this program
            once=True,
            part_rows=20_000,
            part_seconds=0.3,
            on_progress=show,
        )
    assert summary.is_complete, summary
    emit(
        f"{summary.records} records, {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.1f} MiB at most"
    )


def memory_now() -> float:
    """Return the resident memory of this process, in MiB."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 2**20


def worker(
    base_url: str, folder: Path, form: str, accounts: int, limit: int = PAGE
) -> "subprocess.Popen[str]":
    numbers = ["--worker", base_url, "--accounts", str(accounts), "--limit", str(limit)]
    command = [sys.executable, "-m", "tests.heavy.pulls", *numbers, "--out", str(folder), "--format", form]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def kill_and_resume(
    base_url: str, folder: Path, form: str, *, accounts: int, kills: int, longest: float, seed: int = 0
) -> int:
    """Kill a pull at random moments, let it end, and return how often it was killed."""
    moments = random.Random(seed)
    for number in range(kills):
        with worker(base_url, folder, form, accounts) as process:
            try:
                process.wait(timeout=moments.uniform(0.4, longest))
                return number
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
    with worker(base_url, folder, form, accounts) as process:
        assert process.wait() == 0
    return kills


def check(folder: Path, accounts: int, records: int) -> list[str]:
    """Return what is wrong with the files."""
    rows, told = rows_in(folder), manifest(folder)
    wrong = [f"{accounts * records - len(rows)} rows are missing"] * (len(rows) != accounts * records)
    wrong += [f"{rows.total() - len(rows)} rows are there twice"] * (rows.total() != len(rows))
    listed = {each["name"] for each in told["files"]}
    wrong += [f"{each.name} is not listed" for each in folder.glob("*part-*") if each.name not in listed]
    return wrong + ["the manifest says incomplete"] * (not told["is_complete"])


def measure_memory(base_url: str, folder: Path, form: str, accounts: int) -> None:
    with worker(base_url, folder, form, accounts, limit=100) as process:
        assert process.stdout is not None
        for line in process.stdout:
            emit(line.rstrip())


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--format", default="jsonl")
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--pages", type=int, default=50)
    parser.add_argument("--longest", type=float, default=4.0, help="seconds before a kill, at most")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--worker")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--limit", type=int, default=PAGE)
    given = parser.parse_args()
    if given.worker:
        asyncio.run(pull(given.worker, given.out, given.format, given.accounts, given.limit))
        return 0
    accounts, records = (100, 10_000) if given.memory else (given.accounts, given.pages * PAGE)
    wrong: list[str] = []
    with tempfile.TemporaryDirectory(prefix="refold-pulls-") as kept:
        out, ledger = Path(kept) / "out", Path(kept) / "ledger"
        options = ("--records", str(records), "--accounts", str(accounts))
        with sandbox_process(FAULTS, ledger, seed=given.seed, options=options) as base_url:
            began = time.monotonic()
            if given.memory:
                measure_memory(base_url, out, given.format, accounts)
            else:
                kills = kill_and_resume(
                    base_url,
                    out,
                    given.format,
                    accounts=accounts,
                    kills=given.kills,
                    longest=given.longest,
                    seed=given.seed,
                )
                emit(f"{kills} kills, {given.format}, {time.monotonic() - began:.0f} s")
        wrong += check(out, accounts, records)
        state = (out / "state.sqlite").stat().st_size
        emit(
            f"{accounts * records} rows of {accounts} accounts, state {state / 1024:.0f} KiB; wrong: {wrong or 'nothing'}"
        )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
