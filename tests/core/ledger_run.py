"""Writes under drops and server errors, held against the sandbox's ledger of what really ran.

    python -m tests.core.ledger_run --writes 10000

runs ten thousand, prints the figures, and fails if a write ran twice, or ran and was reported as not
sent or rejected.
"""

import argparse
import asyncio
import math
from collections import Counter
from dataclasses import dataclass

from refold_async import Refold, RefoldError, Retry
from refold_async.sandbox import Fault, Sandbox

WORKERS = 50
SHARE = 0.06
"""The chance of each kind of fault. With six kinds, about a third of all requests are struck."""


def faults() -> list[Fault]:
    """What goes wrong: before the action ran, while it answers, and after it ran."""
    write = {"operation": "actions.execute", "probability": SHARE}
    return [
        Fault(drop="before", **write),  # type: ignore[arg-type]
        Fault(drop="after", **write),  # type: ignore[arg-type]
        Fault(drop="during", **write),  # type: ignore[arg-type]
        Fault(status=503, when="before", **write),  # type: ignore[arg-type]
        Fault(status=502, when="after", body="html", **write),  # type: ignore[arg-type]
        Fault(status=429, when="before", **write),  # type: ignore[arg-type]
    ]


@dataclass
class Report:
    """What was reported of each write, against what ran."""

    reported: dict[str, str]
    runs: Counter[str]
    requests: int

    @property
    def twice(self) -> list[str]:
        """Writes that ran more than once."""
        return [title for title, times in self.runs.items() if times > 1]

    @property
    def denied(self) -> list[str]:
        """Writes that ran, and were reported as not sent or rejected."""
        return [title for title in self.runs if self.reported[title] not in {"done", "unknown"}]

    @property
    def imagined(self) -> list[str]:
        """Writes that were reported as done, and did not run."""
        return [title for title, fate in self.reported.items() if fate == "done" and not self.runs[title]]

    def __str__(self) -> str:
        counts = ", ".join(
            f"{count} {fate}" for fate, count in sorted(Counter(self.reported.values()).items())
        )
        return (
            f"{len(self.reported)} writes in {self.requests} requests: {counts}; {len(self.runs)} ran, "
            f"{len(self.twice)} twice, {len(self.denied)} denied, {len(self.imagined)} imagined"
        )


async def run(writes: int, seed: int = 0) -> Report:
    """Make this many writes, each with its own title."""
    reported: dict[str, str] = {}
    titles = iter(range(writes))
    async with Sandbox(seed=seed, faults=faults(), request_log=writes * 10) as sandbox:
        retry = Retry(base=0.001, cap=0.01, budget=10**9)
        async with Refold(
            sandbox.api_key,
            base_url=sandbox.base_url,
            timeout=math.inf,
            retry=retry,
            rate_limit=None,  # the 429s are random: no rate is to be learnt from them
            max_connections=WORKERS,
        ) as refold:

            async def work() -> None:
                for number in titles:
                    account = refold.account(f"demo-user-{number % 100 + 1}")
                    try:
                        await account.actions.execute("playground", "create_note", {"title": str(number)})
                    except RefoldError as error:
                        reported[str(number)] = error.fate
                    else:
                        reported[str(number)] = "done"

            async with asyncio.TaskGroup() as group:
                for _ in range(WORKERS):
                    group.create_task(work())
        runs = Counter(str(each.params["title"]) for each in sandbox.ledger.writes())
        return Report(reported, runs, len(sandbox.requests))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    report = asyncio.run(run(options.writes, options.seed))
    print(report)  # noqa: T201 - a command
    if report.twice or report.denied or report.imagined or len(report.reported) < options.writes:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
