"""The worker examples, each in its own process: every job is done, returned to the queue, or reported."""

import json
import signal
from collections import Counter
from pathlib import Path

import pytest

from refold_async.sandbox import Fault, Sandbox

from .processes import EXAMPLES, example

WORKERS = ["worker_asyncio.py", "worker_taskiq.py"]


def write_jobs(folder: Path, number: int) -> Path:
    path = folder / "jobs.jsonl"
    jobs = [
        {
            "id": f"job-{n}",
            "linked_account_id": f"demo-user-{n % 7 + 1}",
            "slug": "hubspot",
            "action_id": "create_contact",
            "params": {"email": f"{n}@example.com"},
        }
        for n in range(number)
    ]
    path.write_text("".join(json.dumps(job) + "\n" for job in jobs))
    return path


def reported(output: bytes) -> dict[str, str]:
    lines = [line.split("\t") for line in output.decode().splitlines()]
    outcomes = dict(lines)
    assert len(outcomes) == len(lines), "a job was reported of twice"
    return outcomes


def written(sandbox: Sandbox) -> set[str]:
    return {f"job-{str(run.params['email']).split('@')[0]}" for run in sandbox.ledger.writes()}


@pytest.mark.parametrize("worker", WORKERS)
async def test_all_jobs_are_done_once(sandbox: Sandbox, tmp_path: Path, worker: str) -> None:
    sandbox.expire("demo-user-7", "hubspot")
    sandbox.faults.add(Fault(status=429, headers={"Retry-After": "0"}, times=3))
    async with example(
        sandbox, str(EXAMPLES / worker), str(write_jobs(tmp_path, 70)), cwd=tmp_path
    ) as process:
        output, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
    outcomes = reported(output)
    assert Counter(outcomes.values()) == {"done": 60, "failed": 10}
    assert written(sandbox) == {job for job, outcome in outcomes.items() if outcome == "done"}
    assert not sandbox.ledger.duplicates()


@pytest.mark.parametrize("worker", WORKERS)
async def test_sigterm_finishes_running_jobs_and_returns_the_rest(
    sandbox: Sandbox, tmp_path: Path, worker: str
) -> None:
    sandbox.faults.add(Fault(latency=0.15, effect="write"))
    async with example(
        sandbox, str(EXAMPLES / worker), str(write_jobs(tmp_path, 60)), cwd=tmp_path
    ) as process:
        assert process.stdout is not None
        first = await process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        output, errors = await process.communicate()
    assert (process.returncode, errors) == (0, b"")
    outcomes = reported(first + output)
    assert len(outcomes) == 60
    assert set(outcomes.values()) == {"done", "given back"}
    assert written(sandbox) == {job for job, outcome in outcomes.items() if outcome == "done"}
    assert 8 <= len(written(sandbox)) < 30


@pytest.mark.parametrize("worker", WORKERS)
async def test_calls_that_may_have_run_are_looked_up(sandbox: Sandbox, tmp_path: Path, worker: str) -> None:
    sandbox.faults.add(Fault(drop="after", times=2), Fault(drop="before", times=1))
    async with example(
        sandbox, str(EXAMPLES / worker), str(write_jobs(tmp_path, 20)), cwd=tmp_path
    ) as process:
        output, _ = await process.communicate()
    outcomes = reported(output)
    assert Counter(outcomes.values()) == {"done": 19, "given back": 1}
    assert written(sandbox) == {job for job, outcome in outcomes.items() if outcome == "done"}
    assert not sandbox.ledger.duplicates()
