"""What a command writes: tables for people, one JSON document for pipes, errors for both."""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime

import click
import msgspec
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from refold_async.api.workflow_models import WorkflowFailed
from refold_async.cli.error_messages import error_lines
from refold_async.cli.exits import Exit
from refold_async.errors import RefoldError

_WIDTH_OF_A_PIPE = 120


class Terminal:
    """Where a command writes.

    Args:
        as_json: Whether stdout takes JSON; all else then goes to stderr.
    """

    def __init__(self, *, as_json: bool = False) -> None:
        self.as_json = as_json

    def put(self, value: object) -> None:
        """Write a value as one line of JSON to stdout."""
        click.echo(msgspec.json.encode(value))

    def data(self, value: object) -> None:
        """Write JSON for people: indented, over many lines."""
        click.echo(printable(json.dumps(value, indent=2, ensure_ascii=False), keep="\n"))

    def listing(
        self, values: Sequence[object], columns: Sequence[str], rows: Sequence[Sequence[object]], title: str
    ) -> None:
        """Write what was listed: the values where stdout takes JSON, else a table with a row for each."""
        if self.as_json:
            self.put(values)
        else:
            self.table(columns, rows, title=title)

    def report(self, value: object, words: str) -> None:
        """Write what came of a call: the value where stdout takes JSON, else words."""
        if self.as_json:
            self.put(value)
        else:
            self.say(words)

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
        """Write a table for people; `None` is an empty cell, and an empty column is left out."""
        kept = [index for index in range(len(columns)) if not rows or any(row[index] for row in rows)]
        table = Table(
            *(columns[index] for index in kept),
            title=title or None,
            title_justify="left",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
        )
        for column in table.columns:
            column.overflow = "fold"
        for row in rows:
            table.add_row(*(Text(_cell(row[index])) for index in kept))
        console().print(table)

    def record(self, fields: Mapping[str, object]) -> None:
        """Write the fields of one thing for people; those that hold nothing are left out."""
        rows = [(name, value) for name, value in fields.items() if value is not None and value != ""]
        self.table(("field", "value"), rows)

    def say(self, text: str, *, err: bool = False) -> None:
        """Write lines for people: to stdout, or to stderr where stdout takes JSON or `err` says so."""
        click.echo(printable(text, keep="\n"), err=err or self.as_json)

    def fail(self, error: RefoldError) -> None:
        """Write what failed to stderr, and in JSON to stdout where that takes it."""
        for line in error_lines(error):
            click.secho(printable(line), err=True, fg="red" if line.startswith("error") else None)
        if self.as_json:
            self.put({"error": error_fields(error)})


class _Console(Console):
    """A console that tells of a reader who left as every other stream does."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def console(*, err: bool = False) -> Console:
    """Give a rich console that takes every text as it is, and wraps late where nobody watches."""
    made = _Console(stderr=err, markup=False, highlight=False, emoji=False)
    if not made.is_terminal:
        made.width = _WIDTH_OF_A_PIPE
    return made


def _cell(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "" if value is None else printable(str(value))


def printable(text: str, keep: str = "") -> str:
    """Give a text in which nothing can steer a terminal."""
    return "".join(
        char if char.isprintable() or char in keep else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def error_fields(error: RefoldError) -> dict[str, object]:
    """Give an error as JSON has it."""
    facts: dict[str, object] = {"class": type(error).__name__, "needs_reconnect": error.needs_reconnect}
    names = (
        "message", "fate", "status", "error_type", "error_code", "request_id", "retry_after",
        "effect", "operation", "slug", "action_id", "linked_account_id", "ids", "attempts", "elapsed",
    )  # fmt: skip
    if isinstance(error, WorkflowFailed):
        facts["execution"] = error.execution
    return facts | {name: getattr(error, name) for name in names}


def confirm(what: str, *, instead: str = "say --yes", can_ask: bool = True) -> None:
    """Go on only where a person says so.

    Args:
        what: What is about to be done.
        instead: What to do where nobody can be asked.
        can_ask: Whether stdin is free to ask on, if it is a terminal.

    Raises:
        click.UsageError: Nobody can be asked.
        click.exceptions.Exit: The person said no.
    """
    if not (can_ask and sys.stdin.isatty()):
        raise click.UsageError(f"{what}; {instead}")
    if not click.confirm(f"{what}. Go on?", err=True):
        raise click.exceptions.Exit(Exit.INTERRUPTED)
