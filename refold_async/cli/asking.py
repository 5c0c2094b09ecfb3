"""Asking a person before what cannot be taken back."""

from __future__ import annotations

import sys

import click

from refold_async.cli.exits import Exit


def ask(what: str, *, instead: str = "say --yes", can_ask: bool = True) -> None:
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
