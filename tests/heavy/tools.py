"""A model that repeats every failed tool call five times, under every fault; made-up arguments; and the cost.

    python -m tests.heavy.tools --calls 1000 --sets 10000

Fails if a write ran twice, a call left the allow-list or its account, an answer is not JSON within its size, or a
tool call takes more than twice as long as `execute`.
"""

import argparse
import asyncio
import logging
import statistics
import time

from refold_async import KeyAccount, Refold, Retry
from refold_async.sandbox import Sandbox
from tests.agents.conftest import ACCOUNT, ALLOWED, READ
from tests.agents.model_runs import MATRIX, MODES, run_fuzz, run_matrix

from .reporter import emit

ROUNDS = 9
ROUND = 200
MOST_COST = 2.0


async def cost(account: KeyAccount) -> float:
    """Return how many times as long as `execute` a tool call of the same read takes, in rounds side by side."""
    tools = await account.tools(ALLOWED)
    params = {"limit": "10"}
    ratios = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(ROUND):
            await account.actions.execute("hubspot", "get_contact", params)
        between = time.perf_counter()
        for _ in range(ROUND):
            await tools.call(READ, params)
        ratios.append((time.perf_counter() - between) / (between - began))
    return statistics.median(ratios)


async def check(calls: int, sets: int) -> bool:
    """Run both; return whether all was well."""
    doubled = 0
    async with (
        Sandbox() as sandbox,
        Refold(sandbox.api_key, base_url=sandbox.base_url, retry=Retry(base=0.001)) as refold,
    ):
        sandbox.connect(ACCOUNT, "hubspot")
        account = refold.account(ACCOUNT)
        for name in MATRIX:
            began = time.perf_counter()
            made = await run_matrix(sandbox, account, -(-calls // len(MODES)), (name,))
            sandbox.reset()
            sandbox.connect(ACCOUNT, "hubspot")
            doubled += made["doubled"]
            emit(
                f"{name:14} {made['calls']:5} calls, {made['written']:4} contacts written,"
                f" {made['doubled']} doubled, {time.perf_counter() - began:.1f} s"
            )
        fuzzed = await run_fuzz(sandbox, account, sets)
        emit(", ".join(f"{name} {count}" for name, count in fuzzed.items()))
        ratio = await cost(account)
        emit(f"a tool call: {ratio:.2f} x execute (at most {MOST_COST:.0f})")
    return not (doubled or fuzzed["outside"] or fuzzed["crossed"] or ratio > MOST_COST)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=1000, help="tool calls under each fault")
    parser.add_argument("--sets", type=int, default=10_000, help="made-up arguments")
    arguments = parser.parse_args()
    logging.getLogger("refold_async").addHandler(logging.NullHandler())
    raise SystemExit(0 if asyncio.run(check(arguments.calls, arguments.sets)) else 1)


if __name__ == "__main__":
    main()
