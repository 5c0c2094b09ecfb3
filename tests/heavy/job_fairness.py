"""A customer with 10,000 calls among 200 with 30: `python -m tests.heavy.job_fairness --rounds 3`.

What it costs the others: the moment at which 99 in 100 of their calls are done, with it and without, in turns.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from refold_async import Call, Journal, RateLimit, Refold

from .reporter import emit
from .sandbox_process import KEY, sandbox_process

_BIG = "demo-user-1"
_OTHERS = [f"demo-user-{number}" for number in range(2, 202)]
_BIG_CALLS, _CALLS = 10_000, 30
_MOST = 1.2


def calls(accounts: Sequence[str]) -> Iterator[Call]:
    for account in accounts:
        for number in range(_BIG_CALLS if account == _BIG else _CALLS):
            yield Call(account, "hubspot", "get_contact", {"limit": "1"}, key=f"{account}/{number}")


async def p99_of_the_others(base_url: str, journal: Path, accounts: Sequence[str], window: int) -> float:
    """Return the seconds after which 99% of the others' calls were done."""
    done: list[float] = []
    async with Refold(KEY, base_url=base_url, rate_limit=RateLimit(400, burst=20)) as refold:
        began = time.monotonic()
        async with refold.batch(calls(accounts), window=window, journal=Journal(journal)) as batch:
            async for outcome in batch:
                if outcome.call.linked_account_id != _BIG:
                    done.append(time.monotonic() - began)
                if len(done) == _CALLS * len(_OTHERS):
                    break  # the rest is the big one's
    return statistics.quantiles(done, n=100)[98]


def main(rounds: int, window: int) -> bool:
    without: list[float] = []
    beside: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with sandbox_process([], folder / "ledger", options=["--accounts", "201"]) as base_url:
            for number in range(rounds):
                # The big customer's calls come first, as in a file that is sorted by customer.
                for seconds, accounts in ((without, _OTHERS), (beside, [_BIG, *_OTHERS])):
                    journal = folder / f"{number}-{len(accounts)}.sqlite"
                    seconds.append(asyncio.run(p99_of_the_others(base_url, journal, accounts, window)))
    ratio = statistics.median(beside) / statistics.median(without)
    emit(
        f"p99 of 200 customers' calls, median of {rounds}: {statistics.median(without):.2f} s alone, "
        f"{statistics.median(beside):.2f} s beside one with {_BIG_CALLS:,} calls: {ratio:.3f} x"
    )
    return ratio <= _MOST


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--window", type=int, default=20_000, help="with 10,000, the default, nobody else is read"
    )
    given = parser.parse_args()
    raise SystemExit(0 if main(given.rounds, given.window) else 1)
