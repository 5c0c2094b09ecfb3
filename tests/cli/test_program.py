import importlib
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import refold_async
from refold_async.cli.exits import Exit
from refold_async.cli.program import COMMANDS, run

from .conftest import Command

PAGE = Path(__file__).parents[2] / "docs" / "command.md"


def test_the_help_names_every_command_and_every_exit_code(refold: Command) -> None:
    ended = refold("--help")
    assert ended.code == 0
    for name, entry in COMMANDS.items():
        assert f"  {name} " in ended.out
        assert entry.help in " ".join(ended.out.split())
    listed = ended.out.partition("Exit codes:")[2].split("\n")
    assert {int(line.split()[0]) for line in listed if line.strip()} == {each.value for each in Exit}


def test_the_page_words_the_exit_codes_as_the_help_does(refold: Command) -> None:
    _, _, listed = refold("--help").out.partition("Exit codes:")
    in_help = [line.split(maxsplit=1) for line in listed.splitlines() if line.strip()]
    in_page = re.findall(r"^\| (\d+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [(code, words) for code, words in in_help] == in_page


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_loads_by_the_name_in_the_table(name: str) -> None:
    command = getattr(importlib.import_module(f"refold_async.cli.commands.{COMMANDS[name].module}"), name)
    assert isinstance(command, click.Command)
    assert command.name == name
    assert command.help


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - {"sandbox"}))
def test_each_command_has_help(refold: Command, name: str) -> None:
    ended = refold(name, "--help")
    assert ended.code == 0
    assert f"Usage: refold {name}" in ended.out


def test_the_version_is_the_packages(refold: Command) -> None:
    assert refold("--version").out == f"refold, version {refold_async.__version__}\n"


def test_a_shell_completes_the_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in {
        "_REFOLD_COMPLETE": "bash_complete",
        "COMP_WORDS": "refold exec",
        "COMP_CWORD": "1",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        run([])
    assert capsys.readouterr().out == "plain,execute\nplain,executions\n"


def fresh(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False
    )


def test_the_help_loads_no_more_than_it_needs() -> None:
    code = (
        "import sys; from refold_async.cli.program import run; run(['--help']);"
        "print(sorted(m for m in sys.modules if m in {'rich', 'aiohttp', 'msgspec', 'refold_async.sandbox', 'refold_async.batch'}))"
    )
    assert fresh(code).stdout.splitlines()[-1] == "[]"


def test_a_command_without_a_table_does_not_load_rich() -> None:
    code = (
        "import importlib, sys;"
        "importlib.import_module('refold_async.cli.commands.actions'); import refold_async.client;"
        "print('rich' in sys.modules, 'refold_async.api.workflows' in sys.modules)"
    )
    assert fresh(code).stdout == "False False\n"


@pytest.mark.parametrize("absent", ["click", "rich"])
def test_a_missing_extra_is_one_line_that_says_what_to_install(absent: str) -> None:
    code = (
        "import importlib.util as u, sys; real = u.find_spec;"
        f"u.find_spec = lambda name, *rest: None if name == '{absent}' else real(name, *rest);"
        "from refold_async.cli import main; sys.exit(main())"
    )
    ended = fresh(code)
    assert ended.returncode == 2
    assert ended.stderr == f"refold: {absent} not installed; run: pip install 'refold-async[cli]'\n"


def test_importing_the_package_loads_no_extra() -> None:
    ended = fresh(
        "import sys, refold_async; print(sorted({'click', 'rich', 'refold_async.cli'} & set(sys.modules)))"
    )
    assert ended.stdout == "[]\n"


@pytest.mark.parametrize(
    ("line", "nearest"),
    [
        ("acounts", "accounts"),
        ("bacth", "batch"),
        ("exec", "execute"),
        ("accounts lst", "list"),
        ("workflows rnu", "run"),
        ("executions stpo", "stop"),
        ("zzz", None),
        ("accounts zzz", None),
    ],
)
def test_a_misspelt_command_is_answered_with_the_nearest(
    refold: Command, line: str, nearest: str | None
) -> None:
    ended = refold(*line.split())
    assert (ended.code, ended.out) == (2, "")
    assert ("did you mean" in ended.err.lower()) is (nearest is not None)
    if nearest is not None:
        assert f"no such command {line.rsplit(maxsplit=1)[-1]!r}; did you mean {nearest!r}?" in ended.err


def test_a_crash_does_not_say_that_nothing_was_done(refold: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise LookupError("a bug")

    monkeypatch.setattr("refold_async.cli.commands.actions.read_params", crash)
    ended = refold("execute", "hubspot", "get_contact", "--account", "demo-user-1")
    assert ended.code == Exit.UNKNOWN
    assert "LookupError: a bug" in ended.err


@pytest.mark.parametrize(("variable", "coloured"), [("NO_COLOR", False), ("FORCE_COLOR", True)])
def test_errors_are_coloured_as_the_environment_says(
    refold: Command, monkeypatch: pytest.MonkeyPatch, variable: str, *, coloured: bool
) -> None:
    monkeypatch.setenv(variable, "1")
    err = refold("execute", "hubspot", "no_such_action", "--account", "demo-user-1").err
    assert ("\x1b[31merror: 404" in err) is coloured
    assert ("\x1b" in err) is coloured
