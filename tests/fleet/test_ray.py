"""The recipe for Ray: the job on a cluster of two workers, one of which is killed."""

import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import pytest

from refold_async.sandbox import Sandbox, SandboxThread

from .contacts import EXAMPLES, check_contacts, contacts_environment, kill_a_worker


@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")
def test_the_recipe_for_ray_survives_a_killed_worker(tmp_path: Path) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as short,  # sockets have short paths
        SandboxThread(Sandbox(accounts=100, latency=0.05)) as sandbox,
    ):
        ray = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": short, "HOME": str(tmp_path)}
        with subprocess.Popen(
            [sys.executable, str(EXAMPLES / "worker_ray.py")],
            cwd=tmp_path,
            env=contacts_environment(sandbox, **ray),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as driver:
            kill_a_worker(tmp_path, driver)
            output, _ = driver.communicate()
        assert driver.returncode == 0, output
        check_contacts(sandbox, tmp_path)
