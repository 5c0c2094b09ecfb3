"""A sandbox for the programs and commands in the documents."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from refold_async.sandbox import Sandbox, SandboxThread

from .pages import ROOT
from .programs import Program


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox(accounts=200)) as sandbox:
        yield sandbox


@pytest.fixture
def home(running: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Reset the sandbox, point the environment at it, and change to a folder with the examples."""
    running.reset()
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("REFOLD_API_KEY", running.api_key)
    monkeypatch.setenv("REFOLD_BASE_URL", running.base_url)
    monkeypatch.setenv(
        "DLT_DATA_DIR", str(tmp_path / "dlt")
    )  # it keeps the state of pipelines at home otherwise
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    return running


@pytest.fixture
def program(home: Sandbox) -> Iterator[Program]:
    with asyncio.Runner() as runner:
        program = Program(home, runner)
        yield program
        program.close()
