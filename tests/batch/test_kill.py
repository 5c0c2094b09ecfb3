"""A program that is killed and run again: few kills here, many in `kill_many`."""

import sys
from pathlib import Path

import pytest

from refold_async.sandbox import Sandbox

from .killing import kill_and_resume


@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")
@pytest.mark.parametrize(("seed", "command"), [(0, False), (1, False), (2, True)])
async def test_a_killed_batch_resumes(tmp_path: Path, seed: int, *, command: bool) -> None:
    async with Sandbox(latency=0.01) as sandbox:
        trial = await kill_and_resume(sandbox, tmp_path, 150, seed, kills=2, command=command)
    assert trial.under_way_at_kill <= 100
