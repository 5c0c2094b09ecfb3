"""Many writes through `refold.batch` under faults, compared with the ledger of executed writes.

    python -m tests.heavy.writes --calls 100000

Half of the writes run without a journal; the other half with one, in a batch that is repeatedly left early and
resumed. Fails if a write was executed twice, has no outcome, or was executed but not reported as done or
unknown.
"""

import argparse
import asyncio
import math
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from refold_async import Call, Done, Failed, Outcome, RateLimit, Refold, Retry, Skipped

from .ledger_check import LedgerCheck, Reported
from .random_faults import write_faults
from .reporter import emit
from .sandbox_process import KEY, sandbox_process

CONCURRENCY = 50
ACCOUNTS = 500
SHARE = 0.05
"""The probability of each kind of fault; with ten kinds, two in five requests fail."""
CUTS = 5
"""The number of times that a batch with a journal is left early."""


class Report:
    """The reported outcome of each write by title, merged over all runs of a resumed batch."""

    def __init__(self) -> None:
        self.outcomes: dict[str, Reported] = {}
        self.contradictions: list[str] = []

    def add(self, outcome: Outcome) -> None:
        title = str((outcome.call.params or {})["title"])
        known, reported = self.outcomes.get(title), _reported(outcome)
        if known is not None and known != reported and known in {"done", "unknown"}:
            self.contradictions.append(f"{title}: reported as {known}, then as {reported}")
        self.outcomes[title] = reported


def _reported(outcome: Outcome) -> Reported:
    match outcome:
        case Done() | Skipped(reason="done_before"):
            return "done"
        case Failed(error=error):
            return error.fate
        case Skipped(reason=reason):
            raise AssertionError(f"unexpected skip reason: {reason}")


def inputs(prefix: str, number: int) -> Iterator[Call]:
    for place in range(number):
        title = f"{prefix}{place}"
        yield Call(
            f"demo-user-{place % ACCOUNTS + 1}", "playground", "create_note", {"title": title}, key=title
        )


async def run(refold: Refold, prefix: str, calls: int, journal: Path | None, report: Report) -> Counter[str]:
    """Run a batch to its end; with a journal, leave it early and resume it several times first."""
    errors: Counter[str] = Counter()
    for cut in range(CUTS if journal else 0, -1, -1):
        leave_after = calls // (CUTS + 1) if cut else math.inf
        received = 0
        source = inputs(prefix, calls)
        async with refold.batch(source, concurrency=CONCURRENCY, journal=journal) as outcomes:
            async for outcome in outcomes:
                report.add(outcome)
                if isinstance(outcome, Failed):
                    errors[type(outcome.error).__name__] += 1
                received += outcome.attempts > 0
                if received >= leave_after:
                    break
    return errors


async def writes(calls: int, seed: int, folder: Path) -> list[str]:
    """Make this many writes; return descriptions of what went wrong."""
    ledger = folder / "ledger.jsonl"
    check, report, wrong = LedgerCheck(ledger), Report(), list[str]()
    with sandbox_process(write_faults(SHARE), ledger, seed=seed) as base_url:
        retry = Retry(base=0.002, cap=0.05, budget=10**9)
        # A limit, since one that is learnt from random 429s would make the run wait for nothing.
        limit = RateLimit(5000, burst=100)
        async with Refold(KEY, base_url=base_url, timeout=60, retry=retry, rate_limit=limit) as refold:
            for prefix, journal, number in (
                ("plain-", None, calls // 2),
                ("kept-", folder / "journal", calls - calls // 2),
            ):
                began = time.perf_counter()
                errors = await run(refold, prefix, number, journal, report)
                took = time.perf_counter() - began
                emit(f"{number} writes, journal {'on' if journal else 'off'}: {took:.0f} s, {dict(errors)}")
                lost = number - sum(title.startswith(prefix) for title in report.outcomes)
                wrong += [f"{lost} outcomes lost"] * bool(lost)
    for title, reported in report.outcomes.items():
        check.report(title, reported)
    check.close_round()
    wrong += check.mismatches + report.contradictions
    emit(f"{check.writes} writes: {dict(check.outcomes)}; {check.executed} executed; {len(wrong)} wrong")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="refold-writes-") as folder:
        wrong = asyncio.run(writes(options.calls, options.seed, Path(folder)))
    emit("\n".join(wrong[:20]))
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
