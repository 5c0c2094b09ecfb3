"""A job on Dask's own workers, one of which is killed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from refold_async.sandbox import Sandbox, SandboxThread

PROGRAM = """
import os, signal, time
from distributed import Client
from refold_async import Call
from refold_async.fleet import Job

def calls(accounts):
    for account in accounts:
        for number in range(5):
            email = f"{account}-{number}@example.org"
            yield Call(account, "hubspot", "create_contact", {"email": email}, key=str(number))

folder = os.path.dirname(os.path.abspath(__file__))
job = Job("contacts", calls, accounts=[f"demo-user-{n}" for n in range(1, 41)], journal=folder + "/job",
          results=folder + "/out", shards=8)
if __name__ == "__main__":
    with Client(n_workers=2, threads_per_worker=1, dashboard_address=None) as dask:
        futures = dask.map(job.run_sync, job.shards(), pure=False, retries=5)
        while not job.progress().done:
            time.sleep(0.01)
        os.kill(next(iter(dask.run(os.getpid).values())), signal.SIGKILL)
        for future in futures:
            future.result()
"""


def test_a_killed_worker_doubles_nothing(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    (tmp_path / "program.py").write_text(PROGRAM)
    with SandboxThread(Sandbox(accounts=40, latency=0.02)) as sandbox:
        environment = os.environ | {"REFOLD_API_KEY": sandbox.api_key, "REFOLD_BASE_URL": sandbox.base_url}

        def run(*arguments: str) -> "subprocess.CompletedProcess[bytes]":
            return subprocess.run(
                [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, check=False
            )

        ended = run("program.py")
        assert ended.returncode == 0, ended.stderr
        summary = json.loads(run("-m", "refold_async.cli", "job", "summary", "program.py", "--json").stdout)
        assert not sandbox.ledger.duplicates()
    lines = [line for part in summary["parts"] for line in (tmp_path / part).read_bytes().splitlines()]
    rows = [(row["linked_account_id"], row["key"]) for row in map(json.loads, lines)]
    rows += [(write["linked_account_id"], write["key"]) for write in summary["unknown"]]
    assert sorted(rows) == sorted((f"demo-user-{n}", str(key)) for n in range(1, 41) for key in range(5))
