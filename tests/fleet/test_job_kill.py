"""Workers of a job that are killed: nothing runs twice, and nothing is lost."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from refold_async.sandbox import Sandbox, SandboxThread

PROGRAM = """
from refold_async import Call
from refold_async.fleet import Job

def calls(accounts):
    for account in accounts:
        for number in range(10):
            email = f"{account}-{number}@example.org"
            yield Call(account, "hubspot", "create_contact", {"email": email}, key=str(number))

job = Job("contacts", calls, accounts=[f"demo-user-{n}" for n in range(1, 21)], journal="job", results="out",
          shards=6)
"""


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "refold_async.cli", "job", *arguments]


def test_killed_workers_lose_and_double_nothing(tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    kill_moments = random.Random(16)
    with SandboxThread(Sandbox(accounts=20, latency=0.02)) as sandbox:
        environment = os.environ | {"REFOLD_API_KEY": sandbox.api_key, "REFOLD_BASE_URL": sandbox.base_url}

        def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
            return subprocess.run(
                _command(*arguments),
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )

        shards = [argument for shard in range(6) for argument in ("--shard", str(shard))]
        for _ in range(2):
            worker = subprocess.Popen(_command("run", "program.py", *shards), cwd=tmp_path, env=environment)
            began = sandbox.ledger.count()
            wait = began + kill_moments.randint(5, 60)
            while sandbox.ledger.count() < wait and worker.poll() is None:
                time.sleep(0.002)
            worker.send_signal(signal.SIGKILL)
            assert worker.wait() == -signal.SIGKILL
        run("run", "program.py", "--workers", "2")
        summary = json.loads(run("summary", "program.py", "--json").stdout)
        assert not sandbox.ledger.duplicates()
        lines = [
            json.loads(line)
            for part in summary["parts"]
            for line in (tmp_path / part).read_bytes().splitlines()
        ]
        found = Counter((line["linked_account_id"], line["key"]) for line in lines)
        found.update((write["linked_account_id"], write["key"]) for write in summary["unknown"])
        assert sorted(found.elements()) == sorted(
            (f"demo-user-{n}", str(key)) for n in range(1, 21) for key in range(10)
        )
