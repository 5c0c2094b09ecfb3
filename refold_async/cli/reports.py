"""The option `--report` of commands that run a batch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import click

from refold_async import reports
from refold_async.batch import Batch
from refold_async.batch.figures import RunFigures
from refold_async.errors import SettingsError

report_option: Final = click.option(
    "--report",
    "reports",
    type=click.Path(dir_okay=False),
    multiple=True,
    metavar="FILE",
    help="Write a report of the run, a page (.html) or its figures (.json); repeatable.",
)


def check_reports(paths: Sequence[str]) -> None:
    """Check that reports can be written, before anything is sent.

    Raises:
        click.UsageError: If a path is not one of a report, or its folder does not exist.
    """
    for path in paths:
        try:
            reports.form_of(path)
        except SettingsError as error:
            raise click.UsageError(f"--report: {error.message}") from error
        if not Path(path).absolute().parent.is_dir():
            raise click.UsageError(f"--report: the folder of {path} does not exist")


@asynccontextmanager
async def writing_reports(batch: Batch, paths: Sequence[str], title: str) -> AsyncIterator[None]:
    """Write the reports of a batch at the end of the block, however it ended, if the batch was entered."""
    try:
        yield
    finally:
        if batch.entered:
            for path in paths:
                await _write(batch, path, title)


def write_figures(run: RunFigures, paths: Sequence[str]) -> None:
    """Write reports of figures.

    Raises:
        click.UsageError: If one cannot be written.
    """
    for path in paths:
        try:
            reports.write(path, reports.form_of(path)(run))
        except OSError as error:
            raise click.UsageError(f"--report: {path}: {error.strerror}") from error
        click.echo(f"report: {path}", err=True)


async def _write(batch: Batch, path: str, title: str) -> None:
    try:
        await batch.write_report(path, title=title)
    except OSError as error:  # the run itself stands: its results and exit code matter more
        click.echo(f"Error: {path}: {error.strerror}; no report was written", err=True)
    else:
        click.echo(f"report: {path}", err=True)
