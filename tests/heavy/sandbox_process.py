"""A sandbox in a separate process, so that resources measured in this one belong to the client."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from refold_async.sandbox import Fault

KEY = "tk_sandbox"


@contextmanager
def sandbox_process(
    faults: Sequence[Fault], ledger: Path, *, seed: int = 0, options: Sequence[str] = ()
) -> Iterator[str]:
    """Run a sandbox with faults and a ledger file; yield its base URL."""
    arguments = ["--api-key", KEY, "--seed", str(seed), "--ledger", str(ledger), *options]
    for fault in faults:
        arguments += ["--fault", msgspec.json.encode(fault).decode()]
    command = [sys.executable, "-m", "refold_async.sandbox", *arguments]
    # aiohttp's server logs every client that disconnects early, which these runs provoke.
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        try:
            assert process.stdout is not None
            base_url = process.stdout.readline().strip()
            assert base_url, "the sandbox did not start"
            yield base_url
        finally:
            process.terminate()
