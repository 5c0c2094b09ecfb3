"""Tables and consoles of rich, apart from the terminal: a command that prints none does not import it."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from datetime import datetime

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from refold_async.cli.terminal import printable

_WIDTH_OF_A_PIPE = 120


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]], *, title: str = "") -> None:
    """Print a table; see `table_of`."""
    screen = console()
    if title:  # not the table's, which rich breaks to the width of the columns
        screen.print(Text(printable(title), style="italic"), soft_wrap=True)
    screen.print(table_of(columns, rows))


def table_of(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Table:
    """Return a table; `None` is an empty cell, and empty columns are omitted."""
    kept = [index for index in range(len(columns)) if not rows or any(_cell(row[index]) for row in rows)]
    table = Table(
        *(columns[index] for index in kept),
        box=box.SIMPLE_HEAD,
        pad_edge=False,
    )
    for column in table.columns:
        column.overflow = "fold"
    for row in rows:
        table.add_row(*(Text(_cell(row[index])) for index in kept))
    return table


class _Console(Console):
    """A console that raises `BrokenPipeError`; rich would exit the process with code 1."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def console(*, err: bool = False) -> Console:
    """Return a rich console that prints text verbatim, 120 columns wide if not on a terminal."""
    made = _Console(stderr=err, markup=False, highlight=False, emoji=False)
    if not is_live(made):
        made.width = _WIDTH_OF_A_PIPE
    return made


def is_live(screen: Console) -> bool:
    """Whether a console draws on a terminal, so that lines can be overwritten.

    `FORCE_COLOR` and the like ask for colours in a log, which `Console.is_terminal` takes for a terminal.
    """
    return screen.file.isatty() and not screen.is_dumb_terminal


def _cell(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return "" if value is None else printable(str(value))
