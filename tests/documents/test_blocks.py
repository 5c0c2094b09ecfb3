"""Every block of code in the README and the docs runs: programs, tests, commands."""

import os
import re
import shlex
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from refold_async.cli.commands.mcp import mcp
from refold_async.cli.program import run
from refold_async.sandbox import Sandbox
from refold_async.sandbox.__main__ import _parser

from .pages import PAGES, Block, blocks, name_of
from .programs import Program

PYTHON = {name_of(page): blocks(page, "python") for page in PAGES}
PROGRAMS = {name: [block for block in found if not block.is_test] for name, found in PYTHON.items()}
TESTS = [block for found in PYTHON.values() for block in found if block.is_test]
SERVES = ("refold sandbox", "refold mcp")
"""Run until they are stopped, so only their arguments are parsed."""


RECIPES = ("dlt", "duckdb", "pandas", "polars")

GENERATES = "refold codegen"
"""Writes modules that the programs of its page import."""


def commands(page: Path) -> list[str]:
    """Return the lines of a document that call the command, joining continued lines."""
    text = "".join(block.code for block in blocks(page, "sh"))
    return re.findall(r"^refold .*$", re.sub(r"\\\n\s*", "", text), re.MULTILINE)


COMMANDS = {name_of(page): found for page in PAGES if (found := commands(page))}


def not_installed(name: str) -> list[str]:
    """Return the packages of the extra `recipes` that a page uses and that are not there."""
    code = "".join(block.code for block in PROGRAMS[name])
    used = [each for each in RECIPES if re.search(rf"^import {each}$", code, re.MULTILINE)]
    return [each for each in used if find_spec(each) is None]


@pytest.mark.parametrize("name", [name for name, found in PROGRAMS.items() if found])
def test_the_programs_of_a_page_run(name: str, program: Program, capsys: pytest.CaptureFixture[str]) -> None:
    if missing := not_installed(name):
        pytest.skip(f"not installed: {', '.join(missing)}")
    for command in COMMANDS.get(name, ()):
        if command.startswith(GENERATES):
            assert run(shlex.split(command)[1:]) == 0
    capsys.readouterr()
    for block in PROGRAMS[name]:
        program.run(block)
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        if block.output is not None:
            assert printed.out == block.output, f"{name}:{block.line}"


def test_the_tests_of_all_pages_pass(home: Sandbox, tmp_path: Path) -> None:
    for block in TESTS:
        _write_test(tmp_path, block)
    # With trio installed, anyio would run each test a second time on an event loop that aiohttp has no part in.
    (tmp_path / "conftest.py").write_text(
        'import pytest\n\n\n@pytest.fixture\ndef anyio_backend():\n    return "asyncio"\n', encoding="utf-8"
    )
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def _write_test(folder: Path, block: Block) -> None:
    place = re.sub(r"\W", "_", name_of(block.page))
    (folder / f"test_{place}_{block.line}.py").write_text(block.code, encoding="utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_commands_of_a_page_run(name: str, home: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    for command in COMMANDS[name]:
        arguments = shlex.split(command, comments=True)[1:]
        if command.startswith(SERVES):
            _parse(*arguments)
            continue
        if "parquet" in arguments and find_spec("pyarrow") is None:
            continue  # the extra `arrow` is not installed
        assert run(arguments) == 0, command
        assert capsys.readouterr().out, command


def _parse(name: str, *arguments: str) -> None:
    if name == "mcp":
        mcp.make_context(name, list(arguments))
    else:
        _parser("refold sandbox").parse_args(arguments)


def test_code_is_in_a_language_that_is_run_or_shown() -> None:
    shown = {"", "text", "json", "toml", "layers"}
    fences = {
        language
        for page in PAGES
        for language in re.findall(r"^ *```(\w+)$", page.read_text("utf-8"), re.MULTILINE)
    }
    assert fences <= {"python", "sh", *shown}
