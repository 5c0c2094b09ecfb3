"""A reader that has seen enough: `refold … | head -1`."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from refold_async.cli.exits import Exit


@contextmanager
def quiet_without_reader() -> Iterator[None]:
    """End the program quietly, with the code that shells have for it, where nobody reads its output."""
    try:
        yield
    except BrokenPipeError:
        forget_stdout()
        raise click.exceptions.Exit(Exit.PIPE) from None


def forget_stdout() -> None:
    """Send stdout nowhere from now on: what is left in its buffer would fail again at the program's end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
