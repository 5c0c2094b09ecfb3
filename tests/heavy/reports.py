"""Reports of a million calls, and of 2,000 customers with faults: `python -m tests.heavy.reports`.

The second ones, of a batch and of a pull, are compared with the summary, the ledger, the journal and the files.
"""

import asyncio
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from refold_async import Call, Done, Failed, Outcome, RateLimitedError
from refold_async.batch.figures import figures
from refold_async.batch.history import RunHistory
from refold_async.batch.summary import Connection, Counters
from refold_async.reports import as_html, as_json
from refold_async.results import ActionResult
from tests.reports.comparison import check_batch, check_pull

CALLS = 1_000_000
CUSTOMERS = 2_000


def main() -> None:
    history, counters, result = RunHistory(), Counters(), ActionResult("success", 200, msgspec.Raw(b"{}"))
    outcomes: list[Outcome] = []
    for number in range(CALLS):
        call = Call(f"customer-{number:06}", f"app-{number % 300}", "get_contact")
        if number % 10:
            outcomes.append(Done(call, result, attempts=1, elapsed=0.1 + number % 977 / 1000))
        else:
            error = RateLimitedError("m" * 2000, fate="rejected")
            outcomes.append(Failed(call, error, attempts=3, elapsed=0.5))
    began = time.perf_counter()
    for number, outcome in enumerate(outcomes):
        history.add(number / 50, outcome)
    say(f"counting: {(time.perf_counter() - began) / CALLS * 1e6:.2f} µs a call")
    for outcome in outcomes:
        counters.add(outcome)
    counters.reconnect.update({Connection(f"customer-{number}", "slack"): None for number in range(100_000)})
    summary = counters.summary(seconds=CALLS / 50, under_way=0, stopped=None)
    for form in (as_html, as_json):
        began = time.perf_counter()
        run = figures(
            "A million", summary, history, counters.latencies.steps(),
            began=datetime.now(UTC), ended=True, rate_limit=50.0,
        )  # fmt: skip
        written = form(run)
        say(f"{form.__name__}: {len(written) / 1000:,.0f} kB in {time.perf_counter() - began:.3f} s")


def compare() -> None:
    for check in (check_batch, check_pull):
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(check(CUSTOMERS, Path(folder)))
        say(
            f"{check.__name__}, {CUSTOMERS:,} customers: all figures agree, {time.perf_counter() - began:.1f} s"
        )


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


main()
compare()
