"""The example of a nightly job, run as its own process: once, and once more."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

from refold_async.sandbox import Fault, Sandbox

EXAMPLE = Path(__file__).parents[2] / "examples" / "nightly_sync.py"


async def nightly(journal: Path, **environment: str) -> tuple[int | None, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REFOLD_")}
    program = await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLE), str(journal),
        env=kept | environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await program.communicate()
    return program.returncode, said.decode()


async def test_the_nightly_job_resumes(sandbox: Sandbox, tmp_path: Path) -> None:
    environment = {
        "REFOLD_BASE_URL": sandbox.base_url,
        "REFOLD_API_KEY": sandbox.api_key,
        "ACCOUNTS": ",".join(f"demo-user-{number}" for number in range(1, 41)),
    }
    code, said = await nightly(tmp_path / "job.sqlite", **environment)
    assert (code, said.splitlines()[0]) == (0, "40 done, 0 failed, 0 skipped")
    code, said = await nightly(tmp_path / "job.sqlite", **environment)
    assert (code, said.splitlines()[0]) == (0, "0 done, 0 failed, 0 skipped, 40 done by earlier runs")
    assert not sandbox.ledger.duplicates()


async def test_the_nightly_job_ends_without_an_unknown_write(sandbox: Sandbox, tmp_path: Path) -> None:
    for drop in ("before", "after"):
        sandbox.faults.add(Fault(drop=drop, effect="write", times=4))
    environment = {
        "REFOLD_BASE_URL": sandbox.base_url,
        "REFOLD_API_KEY": sandbox.api_key,
        "ACCOUNTS": ",".join(f"demo-user-{number}" for number in range(1, 41)),
        "LOOK_AFTER": "0.1",
    }
    code, said = await nightly(tmp_path / "job.sqlite", **environment)
    assert (code, said.splitlines()[0]) == (0, "40 done, 0 failed, 0 skipped")
    assert "unknown writes looked up: found 4" in said
    assert len(sandbox.ledger.writes()) == 40
    assert not sandbox.ledger.duplicates()


async def test_the_nightly_job_runs_without_a_refold(tmp_path: Path) -> None:
    code, said = await nightly(tmp_path / "job.sqlite")
    assert code == 1
    assert "299 done, 1 failed, 0 skipped" in said
    assert "to reconnect: demo-user-7 (hubspot)" in said
