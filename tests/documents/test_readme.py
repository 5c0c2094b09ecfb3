"""The README's tables are complete, and the lines that other programs extract from it can be found."""

import re

from refold_async.cli.exits import Exit
from refold_async.settings import Options

from .pages import ERRORS, README, ROOT, blocks, text_of

TEXT = text_of(README)


def test_the_first_program_is_the_example() -> None:
    example = (ROOT / "examples" / "first_call.py").read_text(encoding="utf-8")
    assert blocks(README, "python")[0].code == example


def test_the_line_that_runs_the_tests_can_be_found() -> None:
    assert len(re.findall(r"^python3 -m venv .* -m pytest.*$", TEXT, re.MULTILINE)) == 1


def test_every_command_for_the_suite_has_as_many_workers() -> None:
    commands = "".join(text_of(ROOT / name) for name in ("README.md", "tests/README.md", ".ci/run"))
    assert set(re.findall(r" -m pytest\b.* -n (\d+)", commands)) == {"4"}


def test_every_error_is_in_the_table() -> None:
    named = {
        name for row in TEXT.splitlines() if row.startswith("| `") for name in re.findall(r"`(\w+)`", row)
    }
    assert set(ERRORS) - named == {"RefoldError"}


def test_every_exit_code_is_in_the_table() -> None:
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)} == {
        each.value for each in Exit
    }


def test_every_setting_is_in_the_table() -> None:
    settings = TEXT.partition("## Settings")[2].partition("## ")[0]
    rows = [line.split("|")[1] for line in settings.splitlines() if line.startswith("| `")]
    assert set(re.findall(r"`(\w+)`", "".join(rows))) == {"api_key", *Options.__annotations__}
