"""Memory and progress of a large job: `python -m tests.heavy.job_size --calls 1000000`.

Two plain processes run it in 64 shards against a server that answers every request alike. The memory of a worker
must not grow with the calls it has made, and `progress()` must take 50 ms of a processor at most; how long it waits for
one while the workers run depends on the machine.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.server import serving
from refold_async.fleet.folder import JobFolder
from tests.heavy.reporter import emit
from tests.heavy.resource_usage import MIB

_SHARDS = 64
_WORKERS = 2
_ACCOUNTS = 2_000
_GROWTH = 8 * MIB
_LONGEST = 0.05
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PROGRAM = """
from refold_async import Call
from refold_async.fleet import Job

def calls(accounts):
    for account in accounts:
        for number in range({calls}):
            yield Call(account, "hubspot", "get_contact", {{"limit": "1"}}, key=str(number))

accounts = [f"customer-{{number}}" for number in range({accounts})]
job = Job("size", calls, accounts=accounts, journal="journal", results="results", shards={shards})
"""


def _resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE


def main(calls: int) -> bool:
    with tempfile.TemporaryDirectory() as name, serving(300) as base_url:
        folder = Path(name)
        program = _PROGRAM.format(calls=calls // _ACCOUNTS, accounts=_ACCOUNTS, shards=_SHARDS)
        (folder / "program.py").write_text(program, encoding="utf-8")
        store = JobFolder(folder / "journal")
        began = time.monotonic()
        workers = [_worker(folder, base_url, first) for first in range(_WORKERS)]
        samples: list[tuple[float, list[int]]] = []
        took: list[float] = []
        cpu: list[float] = []
        while all(worker.poll() is None for worker in workers):
            asked, used = time.perf_counter(), time.thread_time()
            done = sum(shard.done for shard in store.progress(_SHARDS))
            took.append(time.perf_counter() - asked)
            cpu.append(time.thread_time() - used)
            samples.append((done / calls, [_resident(worker.pid) for worker in workers]))
            time.sleep(1)
        for worker in workers:
            assert worker.wait() == 0
        seconds = time.monotonic() - began
        assert sum(shard.done for shard in store.progress(_SHARDS)) == calls // _ACCOUNTS * _ACCOUNTS
    warm = [max(sizes) for share, sizes in samples if 0.1 <= share < 0.3]
    late = [max(sizes) for share, sizes in samples if share >= 0.7]
    grown = statistics.median(late) - statistics.median(warm)
    emit(
        f"{calls:,} calls in {_SHARDS} shards, {_WORKERS} processes, {seconds:.0f} s: a worker has "
        f"{statistics.median(warm) / MIB:.1f} MiB from 10% to 30% of the calls, {statistics.median(late) / MIB:.1f} "
        f"from 70% on, {max(max(sizes) for _, sizes in samples) / MIB:.1f} at most; progress() takes "
        f"{statistics.median(took) * 1000:.0f} ms in the median of {len(took)}, {max(took) * 1000:.0f} at most, "
        f"and {statistics.median(cpu) * 1000:.0f} ms of a processor"
    )
    return grown <= _GROWTH and statistics.median(cpu) <= _LONGEST


def _worker(folder: Path, base_url: str, first: int) -> "subprocess.Popen[bytes]":
    shards = [part for shard in range(first, _SHARDS, _WORKERS) for part in ("--shard", str(shard))]
    return subprocess.Popen(
        [sys.executable, "-m", "refold_async.cli", "job", "run", "program.py", *shards],
        cwd=folder,
        env=os.environ | {"REFOLD_API_KEY": "key", "REFOLD_BASE_URL": base_url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=1_000_000)
    raise SystemExit(0 if main(parser.parse_args().calls) else 1)
