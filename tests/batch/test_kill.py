"""A program that is killed and run again: few kills here, many in `kill_many`."""

import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import pytest

from refold_async.sandbox import Sandbox

from .killing import Command, kill_and_resume

needs_arrow = partial(
    pytest.param, marks=pytest.mark.skipif(find_spec("pyarrow") is None, reason="pyarrow is not installed")
)


@pytest.mark.skipif(sys.platform == "win32", reason="kills as POSIX does")
@pytest.mark.parametrize(("seed", "command"), [(0, None), (1, None), (2, "file"), needs_arrow(4, "parquet")])
async def test_a_killed_batch_resumes(tmp_path: Path, seed: int, command: Command) -> None:
    async with Sandbox(latency=0.01) as sandbox:
        trial = await kill_and_resume(sandbox, tmp_path, 150, seed, kills=2, command=command)
    assert trial.under_way_at_kill <= 100
