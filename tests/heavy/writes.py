"""Many writes through `refold.batch` under faults, held against the ledger of what really ran.

    python -m tests.heavy.writes --calls 100000

makes half of them without a journal; and half with one, where the batch is left early again and again, and
resumed. It fails where a write ran twice, where one has no outcome, or where one ran and was not reported
as done or unknown.
"""

import argparse
import asyncio
import math
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from refold_async import Call, Done, Failed, Outcome, Refold, Retry, Skipped

from .agreement import Judge, Verdict
from .faulted import write_faults
from .reporter import tell
from .served import KEY, served

CONCURRENCY = 50
ACCOUNTS = 500
SHARE = 0.05
"""The chance of each kind of fault. With ten kinds, two in five requests are struck."""
CUTS = 5
"""How often a batch with a journal is left early."""


class Report:
    """What was told of each write, by its title: of a resumed batch, by all its runs together."""

    def __init__(self) -> None:
        self.verdicts: dict[str, Verdict] = {}
        self.contradictions: list[str] = []

    def hear(self, outcome: Outcome) -> None:
        title = str((outcome.call.params or {})["title"])
        known, verdict = self.verdicts.get(title), _verdict(outcome)
        if known is not None and known != verdict and known in {"done", "unknown"}:
            self.contradictions.append(f"{title}: told {known}, then {verdict}")
        self.verdicts[title] = verdict


def _verdict(outcome: Outcome) -> Verdict:
    match outcome:
        case Done() | Skipped(reason="done_before"):
            return "done"
        case Skipped(reason="unknown_before"):
            return "unknown"
        case Failed(error=error):
            return error.fate
        case Skipped(reason=reason):
            raise AssertionError(f"skipped for {reason}")


def inputs(prefix: str, number: int) -> Iterator[Call]:
    for place in range(number):
        title = f"{prefix}{place}"
        yield Call(
            f"demo-user-{place % ACCOUNTS + 1}", "playground", "create_note", {"title": title}, key=title
        )


async def run(refold: Refold, prefix: str, calls: int, journal: Path | None, report: Report) -> Counter[str]:
    """Run a batch to its end; one with a journal is left early and resumed some times before."""
    errors: Counter[str] = Counter()
    for cut in range(CUTS if journal else 0, -1, -1):
        leave_after = calls // (CUTS + 1) if cut else math.inf
        heard = 0
        source = inputs(prefix, calls)
        async with refold.batch(source, concurrency=CONCURRENCY, journal=journal) as outcomes:
            async for outcome in outcomes:
                report.hear(outcome)
                if isinstance(outcome, Failed):
                    errors[type(outcome.error).__name__] += 1
                heard += outcome.attempts > 0
                if heard >= leave_after:
                    break
    return errors


async def writes(calls: int, seed: int, folder: Path) -> list[str]:
    """Make so many writes; gives what went wrong, in words."""
    ledger = folder / "ledger.jsonl"
    judge, report, wrong = Judge(ledger), Report(), list[str]()
    with served(write_faults(SHARE), ledger, seed=seed) as base_url:
        retry = Retry(base=0.002, cap=0.05, budget=10**9)
        async with Refold(KEY, base_url=base_url, timeout=60, retry=retry) as refold:
            for prefix, journal, number in (
                ("plain-", None, calls // 2),
                ("kept-", folder / "journal", calls - calls // 2),
            ):
                began = time.perf_counter()
                errors = await run(refold, prefix, number, journal, report)
                took = time.perf_counter() - began
                tell(f"{number} writes, journal {'on' if journal else 'off'}: {took:.0f} s, {dict(errors)}")
                lost = number - sum(title.startswith(prefix) for title in report.verdicts)
                wrong += [f"{lost} outcomes lost"] * bool(lost)
    for title, verdict in report.verdicts.items():
        judge.report(title, verdict)
    judge.close_round()
    wrong += judge.complaints + report.contradictions
    tell(f"{judge.writes} writes: {dict(judge.verdicts)}; {judge.ran} ran; {len(wrong)} wrong")
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
    tell("\n".join(wrong[:20]))
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
