"""Processes that share one rate limit: how much of it they use, and how often they are refused.

    python -m tests.heavy.shared_limit            # every scenario, 3 minutes
    python -m tests.heavy.shared_limit even cut_off

Each process is a program of its own; the sandbox runs in this one and enforces the limit for all of them.
"""

import argparse
import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import refold_async.batch  # noqa: F401 - otherwise loaded by the first call, which is timed
from refold_async import Call, RateLimit, Refold
from refold_async.fleet import SharedLimit
from refold_async.sandbox import Sandbox, SandboxLimit
from tests.services import redis
from tests.services.server import Server, free_port

LIMIT = RateLimit(20, burst=5)


@dataclass
class Scenario:
    """What is run, and what it must reach.

    Attributes:
        calls: Of each process, its number of calls.
        longest: The most seconds that it may take.
        efficiency: The least share of the permitted rate.
        refused: The most 429s.
        even: The least of Jain's fairness index, if it counts.
        disturb: What happens meanwhile.
        starts_redis: Whether Redis runs at the start.
        cut_off: How many of the processes cannot reach it.
    """

    calls: Sequence[int]
    longest: float = float("inf")
    efficiency: float = 0.0
    refused: int = 1
    even: float = 0.0
    limit: RateLimit = LIMIT
    disturb: "Callable[[Run], Awaitable[None]] | None" = None
    starts_redis: bool = True
    cut_off: int = 0


@dataclass
class Run:
    """A scenario under way: its processes, its Redis, and the answers of the sandbox."""

    scenario: Scenario
    sandbox: Sandbox
    redis: Server
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)
    began: float = 0.0
    killed_at: float | None = None
    results: list[dict[str, Any]] = field(default_factory=list)

    @property
    def refused(self) -> int:
        return sum(request.status == 429 for request in self.sandbox.requests)

    async def start(self, number: int, calls: int) -> None:
        url = f"redis://127.0.0.1:{free_port()}/0" if number < self.scenario.cut_off else self.redis.url
        limit = self.scenario.limit
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.heavy.shared_limit", "--worker", self.sandbox.base_url,
            self.sandbox.api_key, url, str(calls), str(len(self.scenario.calls)), str(limit.per_second),
            str(limit.burst),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        self.processes.append(process)

    async def go(self) -> None:
        """Let all processes begin at once, and wait for those that are not killed."""
        self.began = time.monotonic()
        for process in self.processes:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
        disturbing = asyncio.create_task(self._disturb())
        for process in self.processes:
            out, _ = await process.communicate()
            if process.returncode == 0:
                self.results.append(json.loads(out))
        await disturbing

    async def _disturb(self) -> None:
        if self.scenario.disturb is not None:
            await self.scenario.disturb(self)


async def kill_process(run: Run) -> None:
    await asyncio.sleep(5)
    run.processes[0].kill()
    run.killed_at = time.monotonic()


async def kill_redis(run: Run) -> None:
    await asyncio.sleep(5)
    await asyncio.to_thread(run.redis.kill)
    await asyncio.sleep(3)
    await asyncio.to_thread(run.redis.start)


async def stop_redis(run: Run) -> None:
    await asyncio.sleep(5)
    run.redis.send(signal.SIGSTOP)
    await asyncio.sleep(5)
    run.redis.send(signal.SIGCONT)


SCENARIOS = {
    "even": Scenario([75] * 4, longest=15.3, even=0.99),
    "uneven": Scenario([240, 20, 20, 20], longest=15.5),
    "eight": Scenario([38] * 8, longest=15.5, even=0.99),
    "fast": Scenario([2500] * 4, efficiency=0.98, refused=50, limit=RateLimit(500, burst=50)),
    "process_killed": Scenario([100] * 4, disturb=kill_process),
    "redis_killed": Scenario([100] * 4, efficiency=0.95, disturb=kill_redis),
    "redis_stopped": Scenario([100] * 4, efficiency=0.95, disturb=stop_redis),
    "no_redis": Scenario([50] * 4, efficiency=0.9, starts_redis=False),
    "cut_off": Scenario([75] * 4, efficiency=0.75, refused=10**6, cut_off=1),
}


async def measure(name: str, scenario: Scenario) -> bool:
    """Run a scenario, print its figures, and return whether it reached what it must."""
    limit = SandboxLimit(per_second=scenario.limit.per_second, burst=scenario.limit.burst or 1)
    number = sum(scenario.calls)
    with redis() as server:
        if not scenario.starts_redis:
            server.kill()
        async with Sandbox(accounts=100, limit=limit, request_log=20 * number) as sandbox:
            run = Run(scenario, sandbox, server)
            await asyncio.gather(*(run.start(each, calls) for each, calls in enumerate(scenario.calls)))
            await run.go()
            return report(name, run)


def report(name: str, run: Run) -> bool:
    scenario, results = run.scenario, run.results
    done = sum(int(result["done"]) for result in results)
    failed = sum(int(result["failed"]) for result in results)
    seconds = max(result["ended"] for result in results) - run.began
    least = (sum(scenario.calls) - (scenario.limit.burst or 1)) / scenario.limit.per_second
    rates = [result["done"] / (result["ended"] - run.began) for result in results]
    jain = sum(rates) ** 2 / (len(rates) * sum(rate**2 for rate in rates))
    first = max(result["first"] for result in results) - run.began
    faults = [
        f"{failed} failed" if failed else "",
        f"took over {scenario.longest} s" if seconds > scenario.longest else "",
        f"refused over {scenario.refused}" if run.refused > scenario.refused else "",
        f"fairness under {scenario.even}" if jain < scenario.even else "",
        "first call after 1 s" if first > 1 + len(scenario.calls) / scenario.limit.per_second else "",
    ]
    line = f"{name}: {done} calls, {seconds:.2f} s (minimum {least:.2f})"
    if run.killed_at is None:
        efficiency = least / seconds
        line += f", {efficiency:.1%} of the rate"
        faults.append(
            f"under {scenario.efficiency:.0%} of the rate" if efficiency < scenario.efficiency else ""
        )
    else:
        after = rate_after(run)
        line += f", {after:.1f} calls a second from 1 s after the kill on"
        faults.append("under 19 a second" if after < 19 else "")
    line += f", {run.refused} refused, fairness {jain:.3f}, first calls within {first:.2f} s"
    tell("; ".join([line, *(f"FAILED: {fault}" for fault in faults if fault)]))
    return not any(faults)


def rate_after(run: Run) -> float:
    """Return the rate of the processes that live on, from 1 s after the kill until the first of them ends."""
    assert run.killed_at is not None
    begin, end = run.killed_at + 1, min(result["ended"] for result in run.results) - 0.2
    moments = [moment for result in run.results for moment in result["moments"]]
    number: int = sum(begin <= moment < end for moment in moments)
    return float(number / (end - begin))


async def work(base_url: str, api_key: str, calls: int, shared: SharedLimit) -> None:
    """Make the calls of one process, once the parent says so."""
    logging.disable(logging.WARNING)
    async with Refold(api_key, base_url=base_url, rate_limit=shared) as refold:
        tell("ready")
        await asyncio.to_thread(sys.stdin.readline)
        each = (Call(f"demo-user-{n % 100 + 1}", "hubspot", "get_contact") for n in range(calls))
        moments: list[float] = []
        async with refold.batch(each, concurrency=50) as batch:
            async for _ in batch:
                moments.append(time.monotonic())  # noqa: PERF401 - each its own moment
        summary = batch.summary
    figures = {"done": summary.done, "failed": summary.failed, "first": moments[0], "ended": moments[-1]}
    tell(json.dumps({**figures, "moments": moments}))


def tell(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    if arguments[:1] == ["--worker"]:
        base_url, api_key, url, calls, processes, per_second, burst = arguments[1:]
        limit = RateLimit(float(per_second), burst=int(burst))
        shared = SharedLimit(url, limit, processes=int(processes))
        asyncio.run(work(base_url, api_key, int(calls), shared))
        return 0
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help=", ".join(SCENARIOS))
    names = parser.parse_args(arguments).scenarios or list(SCENARIOS)
    reached = [asyncio.run(measure(name, SCENARIOS[name])) for name in names]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
