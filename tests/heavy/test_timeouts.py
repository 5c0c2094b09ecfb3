"""A test that hangs fails, shows where it waits, and does not block the others."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONFTEST = """
from tests import timeouts
from tests.conftest import anyio_backend
from tests.timeouts import *

timeouts.GRACE = 0.5
"""
TESTS = """
import asyncio
import pytest

async def pages():
    yield 1
    await asyncio.get_running_loop().create_future()

@pytest.fixture
async def never_closed():
    yield
    await asyncio.get_running_loop().create_future()

async def test_a_walk():
    async for _ in pages():
        pass

@pytest.mark.timeout(0.5)
async def test_an_end(never_closed):
    pass

async def test_another():
    pass
"""


def test_a_hanging_test_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text("[pytest]\nanyio_mode = auto\ntimeout = 1\n")
    (tmp_path / "conftest.py").write_text(CONFTEST)
    (tmp_path / "test_stuck.py").write_text(TESTS)
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:asyncio", "-p", "no:randomly", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 failed, 2 passed, 1 error" in ended.stdout, ended.stdout + ended.stderr
    assert "FAILED test_stuck.py::test_a_walk" in ended.stdout
    assert "ERROR test_stuck.py::test_an_end" in ended.stdout
    assert all(f"in {waiting}\n" in ended.stdout for waiting in ("pages", "never_closed"))
