"""Runs of `examples/contacts_job.py` on an engine: their environment, a killed worker, and what must hold."""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from refold_async.fleet.folder import JobFolder
from refold_async.sandbox import Sandbox

EXAMPLES = Path(__file__).parents[2] / "examples"
CUSTOMERS = [f"demo-user-{number}" for number in range(1, 101)]
SHARDS = 16


def contacts_environment(sandbox: Sandbox, **more: str) -> Mapping[str, str]:
    """Return the environment of a run by two workers against a sandbox."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(("REFOLD", "JOB_"))}
    ours = {"REFOLD_BASE_URL": sandbox.base_url, "REFOLD_API_KEY": sandbox.api_key}
    return {**known, **ours, "JOB_RATE": "100", "JOB_WORKERS": "2", "LOOK_AFTER": "0.2", **more}


def kill_a_worker(folder: Path, driver: "subprocess.Popen[str]") -> None:
    """Kill the worker that is in the middle of a shard, with SIGKILL."""
    journals = JobFolder(folder / "contacts-job")
    while driver.poll() is None:
        time.sleep(0.005)
        for shard in journals.progress(SHARDS):
            if shard.state == "running" and shard.done and shard.worker is not None:
                os.kill(int(shard.worker.rpartition(":")[2]), signal.SIGKILL)
                return


def check_contacts(sandbox: Sandbox, folder: Path) -> None:
    """Check that each customer has one contact, and one row in the results."""
    written = Counter(run.linked_account_id for run in sandbox.ledger.writes())
    rows = Counter(
        json.loads(line)["linked_account_id"]
        for part in (folder / "contacts-out").glob("shard-*/part-*.jsonl")
        for line in part.read_bytes().splitlines()
    )
    assert written == rows == Counter(CUSTOMERS)
    assert all(shard.state == "ended" for shard in JobFolder(folder / "contacts-job").progress(SHARDS))
