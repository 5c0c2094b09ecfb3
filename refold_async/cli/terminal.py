"""Terminal output: tables for people, one JSON document with `--json`; and confirmation prompts."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Mapping, Sequence
from typing import Final, TextIO

import click

from refold_async._core.json_lines import json_line
from refold_async.cli.exits import Exit
from refold_async.cli.signals import interruptible
from refold_async.errors import RefoldError


class Terminal:
    """Prints a command's output.

    Args:
        as_json: Whether to print JSON to stdout and everything else to stderr.
        stdout: Where JSON goes instead of what is `sys.stdout` then.
    """

    def __init__(self, *, as_json: bool = False, stdout: TextIO | None = None) -> None:
        self.as_json = as_json
        self._stdout = stdout

    def put(self, value: object) -> None:
        """Print a value as one line of JSON to stdout."""
        click.echo(json_line(value), file=self._stdout, nl=False)

    def data(self, value: object) -> None:
        """Print a value as indented JSON."""
        text = json.dumps(value, indent=2, ensure_ascii=not _can_print_all())
        # Escaped as JSON allows, so that nothing is lost.
        click.echo(_STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text))

    def listing(
        self, values: Sequence[object], columns: Sequence[str], rows: Sequence[Sequence[object]], title: str
    ) -> None:
        """Print a list: its values in JSON mode, otherwise a table."""
        if self.as_json:
            self.put(values)
        else:
            self.table(columns, rows, title=title)

    def report(self, value: object, words: str) -> None:
        """Print a result: the value in JSON mode, otherwise the words."""
        if self.as_json:
            self.put(value)
        else:
            self.say(words)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
        """Print a table; `None` is an empty cell, and empty columns are omitted."""
        from refold_async.cli.tables import print_table  # noqa: PLC0415 - rich takes longer than most commands

        print_table(columns, rows, title=title)

    def record(self, fields: Mapping[str, object]) -> None:
        """Print the fields of one object as a table, omitting empty ones."""
        rows = [(name, value) for name, value in fields.items() if value is not None and value != ""]
        self.table(("field", "value"), rows)

    def say(self, text: str, *, err: bool = False) -> None:
        """Print text to stdout, or to stderr in JSON mode or if `err` is set."""
        click.echo(printable(text, lines=True), err=err or self.as_json)

    def fail(self, error: RefoldError) -> None:
        """Print an error to stderr, and in JSON mode also to stdout."""
        from refold_async.cli.error_messages import error_lines  # noqa: PLC0415 - imports models of workflows

        for line in error_lines(error):
            styled = click.style(printable(line), fg="red") if line.startswith("error") else printable(line)
            click.echo(styled, err=True, color=_color())
        if self.as_json:
            self.put({"error": error_fields(error)})


def _can_print_all() -> bool:
    """Whether stdout takes any character; if it does not, JSON has escapes for the others."""
    return (getattr(sys.stdout, "encoding", None) or "utf-8").lower().startswith("utf")


def _color() -> bool | None:
    """Return whether to colour text by the variables that rich respects too; `None`: on a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    return True if os.environ.get("FORCE_COLOR") else None


_STEERING: Final = re.compile(
    "[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\\x7f-\\x9f\\u202a-\\u202e\\u2066-\\u2069\\ud800-\\udfff]|\\r(?!\\n)"
)
"""What steers a terminal: control characters, changes of the writing direction, and lone surrogates, which
cannot be written. Spaces, joiners and the like are text."""


def printable(text: str, *, lines: bool = False) -> str:
    """Replace the characters that could steer the terminal, e.g. escape sequences, and nothing else.

    Args:
        text: The text.
        lines: Whether it may have several lines, and tabs.
    """
    text = _STEERING.sub("\N{REPLACEMENT CHARACTER}", text)
    return text if lines else re.sub(r"[\r\n\t]", "\N{REPLACEMENT CHARACTER}", text)


def error_fields(error: RefoldError) -> dict[str, object]:
    """Return an error as the fields of its JSON object."""
    facts: dict[str, object] = {"class": type(error).__name__, "needs_reconnect": error.needs_reconnect}
    names = (
        "message", "fate", "status", "error_type", "error_code", "request_id", "retry_after",
        "effect", "operation", "slug", "action_id", "linked_account_id", "ids", "attempts", "elapsed",
    )  # fmt: skip
    from refold_async.api.workflow_models import WorkflowFailed  # noqa: PLC0415 - imports much, for errors only

    if isinstance(error, WorkflowFailed):
        facts["execution"] = error.execution
    return facts | {name: getattr(error, name) for name in names}


def confirm(what: str, *, instead: str = "pass --yes to confirm", can_ask: bool = True) -> None:
    """Ask for confirmation, and exit if it is declined.

    Args:
        what: What is about to happen.
        instead: What to do if stdin is not a terminal.
        can_ask: Whether stdin may be used; it may not if it holds the input.

    Raises:
        click.UsageError: If stdin is not a terminal.
        click.exceptions.Exit: If the answer is no.
    """
    if not (can_ask and sys.stdin.isatty()):
        raise click.UsageError(f"{what}; {instead}")
    with interruptible():
        confirmed = click.confirm(f"{what}. Continue?", err=True)
    if not confirmed:
        raise click.exceptions.Exit(Exit.INTERRUPTED)
