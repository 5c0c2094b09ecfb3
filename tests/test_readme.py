"""The README runs: its programs, its tests, its commands; and its tables are whole."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from refold_async import errors
from refold_async.cli.exits import Exit
from refold_async.cli.program import run
from refold_async.sandbox import Sandbox, SandboxThread
from refold_async.settings import Options

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


PROGRAMS = [block for block in blocks("python") if "def test_" not in block]
TESTS = [block for block in blocks("python") if "def test_" in block]
COMMANDS = [
    line
    for block in blocks("sh")
    for line in block.splitlines()
    if line.startswith("refold ") and line != "refold sandbox"
]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with SandboxThread(Sandbox(accounts=200)) as running:
        yield running


def python(*arguments: str, sandbox: Sandbox, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env={
            **os.environ,
            "REFOLD_API_KEY": sandbox.api_key,
            "REFOLD_BASE_URL": sandbox.base_url,
            "PYTEST_ADDOPTS": "",
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("program", PROGRAMS, ids=range(len(PROGRAMS)))
def test_each_program_runs(program: str, sandbox: Sandbox, tmp_path: Path) -> None:
    ended = python("-W", "error", "-c", program, sandbox=sandbox, cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout


@pytest.mark.parametrize("test", TESTS, ids=range(len(TESTS)))
def test_each_test_passes(test: str, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(test, encoding="utf-8")
    ended = python("-m", "pytest", "-q", sandbox=sandbox, cwd=tmp_path)
    assert ended.returncode == 0, ended.stdout + ended.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_runs(
    command: str,
    sandbox: Sandbox,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REFOLD_API_KEY", sandbox.api_key)
    monkeypatch.setenv("REFOLD_BASE_URL", sandbox.base_url)
    assert run(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out


def test_the_first_program_is_the_example() -> None:
    assert blocks("python")[0] == (ROOT / "examples" / "first_call.py").read_text(encoding="utf-8")


def test_every_error_is_in_the_table() -> None:
    named = {
        name for row in README.splitlines() if row.startswith("| `") for name in re.findall(r"`(\w+)`", row)
    }
    known = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.RefoldError)
    }
    assert known - named == {"RefoldError"}


def test_every_exit_code_is_in_the_table() -> None:
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", README, re.MULTILINE)} == {
        each.value for each in Exit
    }


def test_every_setting_is_in_the_table() -> None:
    settings = README.partition("## Settings")[2].partition("## ")[0]
    named = set(
        re.findall(
            r"`(\w+)`",
            "".join(line.split("|")[1] for line in settings.splitlines() if line.startswith("| `")),
        )
    )
    assert named == {"api_key", *Options.__annotations__}
