"""Workers of a job that are killed at random moments: `python -m tests.heavy.jobs --kills 10`."""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from refold_async.sandbox import Sandbox, SandboxThread

_ACCOUNTS = 200
_SHARDS = 16
_PROGRAM = f"""
from refold_async import Call
from refold_async.fleet import Job

def calls(accounts):
    for account in accounts:
        for number in range(25):
            yield Call(account, "hubspot", "get_contact", {{"limit": "1"}}, key=f"read-{{number}}")
        for number in range(5):
            email = f"{{account}}-{{number}}@example.org"
            yield Call(account, "hubspot", "create_contact", {{"email": email}}, key=f"write-{{number}}")

accounts = [f"demo-user-{{number}}" for number in range(1, {_ACCOUNTS} + 1)]
job = Job("kills", calls, accounts=accounts, journal="job", results="out", shards={_SHARDS})
"""
_KEYS = [*(f"read-{number}" for number in range(25)), *(f"write-{number}" for number in range(5))]


def main(kills: int, seed: int) -> None:
    moments, began = random.Random(seed), time.monotonic()
    with (
        tempfile.TemporaryDirectory() as name,
        SandboxThread(Sandbox(accounts=_ACCOUNTS, latency=0.02)) as sandbox,
    ):
        folder = Path(name)
        (folder / "program.py").write_text(_PROGRAM)
        environment = os.environ | {"REFOLD_API_KEY": sandbox.api_key, "REFOLD_BASE_URL": sandbox.base_url}

        def start(*arguments: str) -> "subprocess.Popen[bytes]":
            command = [sys.executable, "-m", "refold_async.cli", "job", *arguments]
            return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE)

        killed = 0
        for number in range(kills):
            shards = [str(shard) for shard in range(number % 2, _SHARDS, 2)]
            worker = start("run", "program.py", *(part for shard in shards for part in ("--shard", shard)))
            until = sandbox.ledger.count() + moments.randint(5, 500)
            while sandbox.ledger.count() < until and worker.poll() is None:
                time.sleep(0.002)
            worker.kill()
            worker.communicate()
            killed += worker.returncode == -signal.SIGKILL
        start("run", "program.py", "--workers", "2").communicate()
        summary = json.loads(start("summary", "program.py", "--json").communicate()[0])
        rows = Counter(
            (row["linked_account_id"], row["key"])
            for part in summary["parts"]
            for row in map(json.loads, (folder / part).read_bytes().splitlines())
        )
        unknown = [(write["linked_account_id"], write["key"]) for write in summary["unknown"]]
        rows.update(unknown)
        expected = [(f"demo-user-{n}", key) for n in range(1, _ACCOUNTS + 1) for key in _KEYS]
        assert not sandbox.ledger.duplicates()
        assert sorted(rows.elements()) == sorted(expected)
        print(  # noqa: T201
            f"{killed} kills, {len(expected):,} calls in {_SHARDS} shards, {time.monotonic() - began:.0f} s: "
            f"none doubled, none missing, {len(unknown)} unknown writes named"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    main(given.kills, given.seed)
