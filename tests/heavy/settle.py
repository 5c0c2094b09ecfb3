"""Many writes, a third of them lost in every way, settled by look-ups, and compared with the ledger.

    python -m tests.heavy.settle --calls 10000

Three runs: waits past the lateness of writes; a search that lags, with waits past the lag; a search that lags,
with waits shorter than that, with absent calls only reported. Fails if a write was executed twice, is
missing or still unknown where it must not be, or was looked up more than once per loss and wait.
"""

import argparse
import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, Literal

from refold_async import Absent, Call, Done, Failed, Lookup, Refold, Settle
from refold_async.sandbox import Fault, Sandbox
from refold_async.sandbox.faults import NO_INJECTION, FaultBook, FaultTarget, Injection

from .reporter import emit

CONCURRENCY = 100
FIRST, LATER = 0.35, 0.1
"""The share of first runs of a write that are lost, and of later ones."""


class LostWrites(FaultBook):
    """Loses writes by whether they are the first of their customer, who has only one."""

    def __init__(self, late: float) -> None:
        super().__init__()
        self._chance = random.Random(7)
        self._kinds = [
            Fault(drop="before"),
            Fault(drop="after"),
            Fault(status=503),
            Fault(status=502, when="after"),
            Fault(drop="before", late=late),
            Fault(status=504, late=late),
        ]
        self.runs: Counter[str | None] = Counter()
        self.lost = 0

    def __len__(self) -> int:
        return len(self._kinds)

    def inject(self, target: FaultTarget) -> Injection:
        if target.effect != "write":
            return NO_INJECTION
        self.runs[target.linked_account_id] += 1
        share = FIRST if self.runs[target.linked_account_id] == 1 else LATER
        if self._chance.random() >= share:
            return NO_INJECTION
        self.lost += 1
        return Injection(0.0, 0.0, self._chance.choice(self._kinds))


def writes(number: int) -> Iterator[Call]:
    for place in range(1, number + 1):
        params = {"email": f"p{place}@example.com"}
        yield Call(f"demo-user-{place}", "hubspot", "create_contact", params, key=f"p{place}")


def by_email(call: Call) -> Lookup:
    assert call.params is not None
    email = call.params["email"]

    def found(data: Any) -> list[Any]:
        return [record for record in data["results"] if record["properties"].get("email") == email]

    params = {"propertyName": "email", "operator": "EQ", "value": email}
    return Lookup("search_contacts", params, found=found)


async def run(
    name: str,
    calls: int,
    *,
    late: float,
    lag: float,
    after: tuple[float, ...],
    absent: Literal["report", "run"],
) -> list[str]:
    """Run a batch that settles, print its figures, and return what is wrong."""
    settle = Settle(by_email, after=after, absent=absent, max_runs=6)
    sandbox = Sandbox(accounts=calls, search_lag=lag)
    lost = LostWrites(late)
    sandbox._context.faults = lost
    began, kinds = time.monotonic(), Counter[str]()
    async with sandbox, Refold(sandbox.api_key, base_url=sandbox.base_url) as refold:
        async with refold.batch(writes(calls), concurrency=CONCURRENCY, settle=settle) as outcomes:
            async for outcome in outcomes:
                match outcome:
                    case Done(settled=settled):
                        kinds["found" if settled else "done"] += 1
                    case Failed(verdict=Absent()):
                        kinds["absent"] += 1
                    case _:
                        kinds["unknown"] += 1
        await asyncio.sleep(late + 0.5)  # a late write of the last moment
        ledger = sandbox.ledger
        executed = Counter(write.linked_account_id for write in ledger.writes())
        looks = len(ledger.reads())
    doubled = sum(times > 1 for times in executed.values())
    missing = calls - len(executed)
    emit(
        f"{name}: {calls} writes, {lost.lost} lost; {dict(kinds)}; {doubled} doubled, {missing} missing, "
        f"{kinds['unknown']} unknown; {looks} look-ups; {time.monotonic() - began:.1f} s"
    )
    wrong = [f"{name}: {doubled} doubled"] if doubled else []
    wrong += [f"{name}: {kinds['unknown']} unknown"] if kinds["unknown"] else []
    wrong += [f"{name}: {looks} look-ups"] if looks > lost.lost * len(after) else []
    if absent == "run" and (missing or kinds["absent"]):
        wrong.append(f"{name}: {missing} missing, {kinds['absent']} absent")
    if absent == "report" and sum(kinds.values()) != calls:
        wrong.append(f"{name}: {sum(kinds.values())} outcomes")
    return wrong


async def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--late", type=float, default=1.5, help="seconds that a late write is late")
    parser.add_argument("--lag", type=float, default=10.0, help="seconds that the search lags; 0: not at all")
    options = parser.parse_args()
    calls, late, lag = options.calls, options.late, options.lag
    wrong = await run("late writes", calls, late=late, lag=0.0, after=(2 * late,), absent="run")
    if lag:
        wrong += await run("search lag", calls, late=late, lag=lag, after=(1.5 * lag,), absent="run")
        wrong += await run("too early", calls, late=late, lag=lag, after=(lag / 10, lag / 3), absent="report")
    for line in wrong:
        emit(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
