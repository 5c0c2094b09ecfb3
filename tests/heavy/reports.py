"""A report of a million calls: `python -m tests.heavy.reports`."""

import sys
import time
from datetime import UTC, datetime

import msgspec

from refold_async import Call, Done, Failed, Outcome, RateLimitedError
from refold_async.batch.figures import figures
from refold_async.batch.history import RunHistory
from refold_async.batch.summary import Connection, Counters
from refold_async.reports import as_html, as_json
from refold_async.results import ActionResult

CALLS = 1_000_000


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


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


main()
