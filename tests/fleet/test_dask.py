"""The example of a job on Dask's own workers, one of which is killed."""

import subprocess
import sys
from pathlib import Path

import pytest

from refold_async.sandbox import Sandbox, SandboxThread

from .contacts import EXAMPLES, check_contacts, contacts_environment, kill_a_worker


def test_a_killed_dask_worker_loses_and_doubles_nothing(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    with SandboxThread(Sandbox(accounts=100, latency=0.05)) as sandbox:
        command = [sys.executable, str(EXAMPLES / "worker_dask.py")]
        with subprocess.Popen(
            command,
            cwd=tmp_path,
            env=contacts_environment(sandbox),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as driver:
            kill_a_worker(tmp_path, driver)
            output, errors = driver.communicate()
        assert driver.returncode == 0, output + errors
        check_contacts(sandbox, tmp_path)
