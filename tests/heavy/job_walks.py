"""Workers of a job over walks that are killed: `python -m tests.heavy.job_walks --kills 10`."""

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
from typing import Any

from refold_async.row_files import FileFormat
from refold_async.row_files.rewriting import read_fields
from refold_async.sandbox import Sandbox, SandboxThread

_ACCOUNTS = 40
_RECORDS = 27
_SHARDS = 3
_FORMATS: tuple[FileFormat, ...] = ("jsonl", "jsonl.gz", "csv", "parquet")
# Parts of 30 rows, so that a kill comes between any two of them.
_PROGRAM = """
import os
from refold_async import Walk
from refold_async.fleet import Job
from refold_async.walks.files import PartFolder

PartFolder.__init__.__kwdefaults__["rows"] = 30

def client(account):
    return {{"api_key": "tk_other" if int(account[-1]) % 2 else os.environ["REFOLD_API_KEY"]}}

def walks(accounts):
    for account in accounts:
        yield Walk(account, "hubspot", "get_contact", {{"limit": "5"}})

accounts = [f"demo-user-{{number}}" for number in range(1, {accounts} + 1)]
job = Job("contacts", walks, accounts=accounts, journal="job", results="out", shards={shards}, concurrency=3,
          client=client, results_format="{form}")
"""


class _Run:
    def __init__(self, folder: Path, sandbox: Sandbox, form: FileFormat) -> None:
        self.folder = folder
        self.form: FileFormat = form
        program = _PROGRAM.format(accounts=_ACCOUNTS, shards=_SHARDS, form=form)
        (folder / "program.py").write_text(program)
        self.environment = os.environ | {
            "REFOLD_API_KEY": sandbox.api_key,
            "REFOLD_BASE_URL": sandbox.base_url,
        }

    def start(self, *arguments: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "refold_async.cli", "job", *arguments]
        return subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE)

    def summary(self) -> dict[str, Any]:
        return json.loads(self.start("summary", "program.py", "--json").communicate()[0])  # type: ignore[no-any-return]

    def rows(self) -> Counter[str]:
        return Counter(
            account
            for part in self.summary()["parts"]
            for (account,) in read_fields(self.form, self.folder / part, ("linked_account_id",))
        )


def main(form: FileFormat, kills: int, seed: int) -> None:
    moments, began, killed = random.Random(seed), time.monotonic(), 0
    sandbox = Sandbox(accounts=_ACCOUNTS, records=_RECORDS, latency=0.01)
    with tempfile.TemporaryDirectory() as name, SandboxThread(sandbox):
        sandbox.add_api_key("tk_other")
        run = _Run(Path(name), sandbox, form)
        for _ in range(kills):
            shards = [str(moments.randrange(_SHARDS)) for _ in range(2)]
            chosen = [word for shard in shards for word in ("--shard", shard)]
            worker = run.start("run", "program.py", "--progress", "none", *chosen)
            wait = len(sandbox.requests) + moments.randint(5, 60)
            while len(sandbox.requests) < wait and worker.poll() is None:
                time.sleep(0.001)
            worker.send_signal(signal.SIGKILL)
            worker.communicate()
            killed += worker.returncode == -signal.SIGKILL
            assert all(number <= _RECORDS for number in run.rows().values())
        run.start("run", "program.py", "--progress", "none", "--workers", "2").communicate()
        assert run.summary()["complete"]
        assert run.rows() == {f"demo-user-{number}": _RECORDS for number in range(1, _ACCOUNTS + 1)}
        print(  # noqa: T201
            f"{form}: {killed} kills, {_ACCOUNTS * _RECORDS:,} records of two keys in {_SHARDS} shards,"
            f" {time.monotonic() - began:.0f} s: each in one row, in every summary between, too"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    for each in _FORMATS:
        main(each, given.kills, given.seed)
