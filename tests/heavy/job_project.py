"""A folder with a job of 5,000 reads and 1,000 writes in 16 shards, the examples' workers, and what must hold."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from refold_async.fleet import JobProgress
from refold_async.sandbox import Sandbox

ACCOUNTS = 200
SHARDS = 16
READS, WRITES = 25, 5
EXAMPLES = Path(__file__).parents[2] / "examples"
_PROGRAM = f"""
import contextlib, os
from refold_async import Call, Lookup, RefoldError, Settle
from refold_async.fleet import Job

WORKERS = int(os.environ.get("JOB_WORKERS", "4"))

def calls(accounts):
    for account in accounts:
        for number in range({READS}):
            yield Call(account, "hubspot", "get_contact", {{"limit": "1"}}, key=f"read-{{number}}")
        for number in range({WRITES}):
            email = f"{{account}}-{{number}}@example.org"
            yield Call(account, "hubspot", "create_contact", {{"email": email}}, key=f"write-{{number}}")

def by_email(call):
    email = call.params["email"]
    def found(data):
        return [each for each in data["results"] if each["properties"].get("email") == email]
    return Lookup("search_contacts", {{"propertyName": "email", "operator": "EQ", "value": email}}, found=found)

settles = {{"settle": Settle(by_email, after=[0.5], absent="run")}} if os.environ.get("JOB_SETTLES") else {{}}
accounts = [f"demo-user-{{number}}" for number in range(1, {ACCOUNTS} + 1)]
folder = os.path.dirname(os.path.abspath(__file__))
job = Job("contacts", calls, accounts=accounts, journal=os.environ.get("JOB_JOURNAL", folder + "/journal"),
          results=os.environ.get("JOB_RESULTS", folder + "/results"), shards={SHARDS}, **settles)

def complete(report):
    if not report.complete:
        raise RefoldError(f"shard {{report.shard}}: {{report.failed}} failed, {{report.skipped}} skipped")
    return report

def run_shard(shard):
    return complete(job.run_sync(shard))

service = contextlib.nullcontext
"""
KEYS = [*(f"read-{number}" for number in range(READS)), *(f"write-{number}" for number in range(WRITES))]
CALLS = ACCOUNTS * len(KEYS)


class JobProject:
    """The job's program, and the examples' workers beside it: they import it in place of their own.

    Args:
        folder: An empty folder.
        base_url: The service.
        api_key: Its key.
        more: What else is in the workers' environment.
    """

    def __init__(self, folder: Path, base_url: str, api_key: str, more: Mapping[str, str]) -> None:
        self.folder = folder
        known = {name: value for name, value in os.environ.items() if not name.startswith(("REFOLD", "JOB_"))}
        self._environment = {**known, "REFOLD_BASE_URL": base_url, "REFOLD_API_KEY": api_key, **more}
        (folder / "contacts_job.py").write_text(_PROGRAM, encoding="utf-8")
        for name in ("worker_dask.py", "worker_procrastinate.py", "contacts_tasks.py"):
            shutil.copy(EXAMPLES / name, folder)

    def start(self, *arguments: str, **more: str) -> "subprocess.Popen[bytes]":
        """Start a Python program of the folder, in a process group and perhaps with an environment of its own."""
        with (self.folder / "errors.log").open("ab") as log:  # a pipe that nobody reads would fill up
            return subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.folder,
                env={**self._environment, **more},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,
            )

    def start_job(self, *arguments: str, **more: str) -> "subprocess.Popen[bytes]":
        """Start `refold job`."""
        return self.start("-m", "refold_async.cli", "job", *arguments, **more)

    def read(self, command: str) -> dict[str, object]:
        """Return what `refold job summary` or `progress` prints."""
        output, _ = self.start_job(command, "contacts_job.py", "--json").communicate()
        found: dict[str, object] = json.loads(output)
        return found


def end_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a program with all that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def workers_of(progress: JobProgress) -> Iterator[int]:
    """Yield the process ids of the workers that run a shard."""
    for shard in progress.shards:
        if shard.state == "running" and shard.worker is not None:
            yield int(shard.worker.rpartition(":")[2])


def check_calls(sandbox: Sandbox, folder: Path, summary: Mapping[str, object], *, settled: bool) -> int:
    """Check that no call was doubled and that each has a row or is named as unknown; return how many are."""
    parts, unknown = summary["parts"], summary["unknown"]
    assert isinstance(parts, Sequence)
    assert isinstance(unknown, Sequence)
    rows = Counter(
        (row["linked_account_id"], row["key"])
        for part in parts
        for row in map(json.loads, (folder / part).read_bytes().splitlines())
    )
    rows.update((write["linked_account_id"], write["key"]) for write in unknown)
    assert rows == Counter((f"demo-user-{n}", key) for n in range(1, ACCOUNTS + 1) for key in KEYS)
    assert not sandbox.ledger.duplicates()
    if settled:
        assert not unknown
        assert len(sandbox.ledger.writes()) == ACCOUNTS * WRITES
    return len(unknown)
