"""Shell completion: the scripts, and the accounts, apps and actions that are completed."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from refold_async.cli.program import run
from refold_async.sandbox import Fault, Sandbox
from tests.services import needs

from .conftest import KEY, Command

Complete = Callable[[str], list[str]]
SHELLS = ("bash", "zsh", "fish")


@pytest.fixture
def complete(
    refold: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Complete:
    """Complete the last word of a line, as bash asks for it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("_REFOLD_COMPLETE", "bash_complete")

    def completed(line: str) -> list[str]:
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
        with pytest.raises(SystemExit):
            run([])
        return [each.partition(",")[2] for each in capsys.readouterr().out.split()]

    return completed


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("refold execute hub", "hubspot"),
        ("refold batch hubspot create_c", "create_contact"),
        ("refold pull hubspot get_c", "get_contact"),
        ("refold schema hubspot get_contact --account demo-user-1", "demo-user-1"),
        ("refold actions hub", "hubspot"),
        ("refold codegen hub", "hubspot"),
        ("refold accounts get demo-user-2", "demo-user-2"),
        ("refold compl", "completion"),
    ],
)
def test_names_are_completed(complete: Complete, line: str, expected: str) -> None:
    assert expected in complete(line)
    assert all(name.startswith(line.rsplit(" ", maxsplit=1)[-1]) for name in complete(line))


def test_completions_are_cached(complete: Complete, sandbox: Sandbox, tmp_path: Path) -> None:
    first = complete("refold execute hubspot ")
    asked = len(sandbox.requests)
    assert complete("refold execute hubspot ") == first
    assert complete("refold execute hub") == ["hubspot"]
    assert len(sandbox.requests) == asked
    (cache,) = (tmp_path / "cache" / "refold").iterdir()
    assert stat.S_IMODE(cache.stat().st_mode) == 0o600
    assert KEY.encode() not in cache.read_bytes()
    cache.write_bytes(b"{broken")
    assert complete("refold execute hubspot ") == first


def test_a_failing_service_completes_nothing_and_says_nothing(
    complete: Complete, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.faults.add(Fault(status=500))
    assert complete("refold execute hub") == []
    assert capsys.readouterr().err == ""


def test_nothing_is_fetched_without_a_key(
    complete: Complete, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REFOLD_API_KEY")
    asked = len(sandbox.requests)
    assert complete("refold execute hub") == []
    assert len(sandbox.requests) == asked


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_a_script(refold: Command, shell: str) -> None:
    assert "_REFOLD_COMPLETE" in refold("completion", shell).out


@pytest.mark.parametrize("shell", [pytest.param(shell, marks=needs(shell)) for shell in SHELLS])
def test_each_shell_can_read_its_script(refold: Command, shell: str) -> None:
    script = refold("completion", shell).out
    subprocess.run([shell, "-n"], input=script, text=True, check=True, timeout=60)


@needs("fish")
def test_fish_completes_with_the_script(refold: Command, tmp_path: Path) -> None:
    program = tmp_path / "refold"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m refold_async.cli "$@"\n', encoding="utf-8")
    program.chmod(0o700)
    words = f"set PATH {tmp_path} $PATH\n{refold('completion', 'fish').out}\ncomplete -C 'refold exec'\n"
    environment = {**os.environ, "HOME": str(tmp_path)}
    ended = subprocess.run(
        ["fish", "--no-config"],
        input=words, env=environment, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    names = [line.partition("\t")[0] for line in ended.stdout.splitlines()]
    assert names == ["execute", "executions"], ended.stderr


def test_bash_completes_with_the_script(refold: Command, tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed")
    program = tmp_path / "refold"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m refold_async.cli "$@"\n', encoding="utf-8")
    program.chmod(0o700)
    words = f"""{refold("completion", "bash").out}
COMP_WORDS=(refold exec) COMP_CWORD=1
_refold_completion {program} exec refold
echo "${{COMPREPLY[@]}}"
"""
    ended = subprocess.run([bash], input=words, capture_output=True, text=True, check=False, timeout=60)
    assert ended.stdout.split() == ["execute", "executions"], ended.stderr


def test_names_are_completed_where_they_cannot_be_kept(
    complete: Complete, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    assert complete("refold actions hub") == ["hubspot"]
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", Path("~nobody-of-this-name").expanduser)  # raises RuntimeError
    assert complete("refold actions hub") == ["hubspot"]


def test_the_shell_completes_the_files_of_accounts(complete: Complete) -> None:
    for command in ("batch", "pull"):
        assert complete(f"refold {command} hubspot get_contact --accounts ex") == ["ex"]  # of type "file"
