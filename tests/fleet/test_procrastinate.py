"""The example of a job on procrastinate and a real PostgreSQL; a worker is killed."""

import subprocess
import sys
from pathlib import Path

import pytest

from refold_async.sandbox import Sandbox, SandboxThread
from tests.services import needs, postgres

from .contacts import EXAMPLES, check_contacts, contacts_environment, kill_a_worker


@needs("postgres")
def test_a_killed_procrastinate_worker_loses_and_doubles_nothing(tmp_path: Path) -> None:
    pytest.importorskip("procrastinate")
    with postgres() as server, SandboxThread(Sandbox(accounts=100, latency=0.05)) as sandbox:
        more = {"DATABASE_URL": server.url, "STALLED_AFTER": "2", "GRACE": "1"}
        with subprocess.Popen(
            [sys.executable, str(EXAMPLES / "worker_procrastinate.py")],
            cwd=tmp_path,
            env=contacts_environment(sandbox, **more),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as supervisor:
            kill_a_worker(tmp_path, supervisor)
            output, errors = supervisor.communicate()
        assert supervisor.returncode == 0, output + errors
        check_contacts(sandbox, tmp_path)
