"""Processes of their own that share a limit: a short version of `python -m tests.heavy.shared_limit`."""

import asyncio

import pytest

from refold_async import RateLimit
from refold_async.sandbox import Sandbox, SandboxLimit
from tests.heavy.shared_limit import Run, Scenario
from tests.services import needs, redis

LIMIT = RateLimit(50, burst=5)


async def kill_one(run: Run) -> None:
    while len(run.sandbox.requests) < 20:  # noqa: ASYNC110 - another process makes them
        await asyncio.sleep(0.01)
    run.processes[0].kill()


@needs("redis")
@pytest.mark.parametrize("disturb", [None, kill_one])
async def test_every_call_is_made_and_hardly_any_is_refused(disturb: object) -> None:
    scenario = Scenario([40, 20], limit=LIMIT, disturb=disturb)  # type: ignore[arg-type]
    limit = SandboxLimit(per_second=LIMIT.per_second, burst=5)
    with redis() as server:
        async with Sandbox(accounts=100, limit=limit, request_log=1000) as sandbox:
            run = Run(scenario, sandbox, server)
            for number, calls in enumerate(scenario.calls):
                await run.start(number, calls)
            await run.go()
            assert [result["done"] for result in run.results] == ([40, 20] if disturb is None else [20])
            assert [result["failed"] for result in run.results] == [0] * len(run.results)
            assert run.refused <= 3  # of a machine so busy that calls are late
