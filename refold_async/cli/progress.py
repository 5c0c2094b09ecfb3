"""Progress displays for a batch's `on_progress`, and the option `--progress`."""

from __future__ import annotations

from time import monotonic
from typing import Final, Literal, Self

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from refold_async._core.json_lines import json_line
from refold_async.batch.summary import BatchProgress
from refold_async.cli.tables import console, is_live
from refold_async.walks.outcomes import WalkProgress

_SECONDS_BETWEEN_LINES: Final = 5.0
_SECONDS_BETWEEN_JSON_LINES: Final = 1.0

ProgressForm = Literal["auto", "json", "none"]
progress_option: Final = click.option(
    "--progress",
    type=click.Choice(["auto", "json", "none"]),
    default="auto",
    show_default=True,
    help="What to show on stderr: a bar (lines if it is not a terminal), a JSON line per second, or nothing.",
)


class ProgressDisplay:
    """Shows a batch's progress on stderr: a bar on a terminal, otherwise a line every five seconds, or JSON.

        with ProgressDisplay() as display:
            async with refold.batch(calls, on_progress=display) as outcomes: ...

    Args:
        screen: The rich console to draw on; default: stderr.
        form: `"auto"`; `"json"` for a line of JSON a second, with the fields of the progress; or `"none"`.
    """

    def __init__(self, screen: Console | None = None, *, form: ProgressForm = "auto") -> None:
        self._screen = screen or console(err=True)
        self._form = form
        self._bars = form == "auto" and is_live(self._screen)
        self._bar = Progress(
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.description}"),
            TimeRemainingColumn(compact=True),
            console=self._screen,
            auto_refresh=False,
        )
        self._task = self._bar.add_task("", total=None)
        self._told = 0.0
        self._began = monotonic()

    def __enter__(self) -> Self:
        if self._bars:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars:
            self._bar.stop()

    def __call__(self, progress: BatchProgress) -> None:
        """Update the display."""
        ended = progress.done + progress.failed + progress.skipped
        if self._form == "auto":
            self._show(progress_line(progress), ended, progress.total, progress)
        else:
            self._write(progress, progress)

    def count(self, done: int, failed: int, total: int) -> None:
        """Update the display for calls that are counted without a batch, e.g. those that read schemas."""
        elapsed, left = monotonic() - self._began, total - done - failed
        progress = BatchProgress(
            done=done,
            failed=failed,
            skipped=0,
            under_way=left,
            held=0,
            read=total,
            total=total,
            elapsed=elapsed,
            rate=(total - left) / elapsed if elapsed else 0.0,
            left=elapsed * left / (total - left) if total > left else None,
            ended=not left,
        )
        ProgressDisplay.__call__(self, progress)

    def _show(self, line: str, completed: int, total: int | None, calls: BatchProgress) -> None:
        if self._bars:
            self._bar.update(self._task, completed=completed, total=total, description=line, refresh=True)
        elif self._is_due(calls, _SECONDS_BETWEEN_LINES):
            self._screen.print(line)

    def _write(self, progress: BatchProgress | WalkProgress, calls: BatchProgress) -> None:
        """Write a progress as a line of JSON, if that is wanted."""
        if self._form == "json" and self._is_due(calls, _SECONDS_BETWEEN_JSON_LINES):
            click.echo(json_line({"progress": progress}), err=True, nl=False)

    def _is_due(self, calls: BatchProgress, seconds: float) -> bool:
        due = calls.ended or calls.elapsed - self._told >= seconds
        if due:
            self._told = calls.elapsed
        return due


class WalkProgressDisplay(ProgressDisplay):
    """Shows the progress of walks on stderr, as `ProgressDisplay` does that of a batch."""

    def __call__(self, progress: WalkProgress) -> None:  # type: ignore[override]  # of another kind of run
        """Update the display."""
        ended = progress.complete + progress.failed + progress.skipped
        if self._form == "auto":
            self._show(walk_progress_line(progress), ended, progress.total, progress.calls)
        else:
            self._write(progress, progress.calls)


def progress_line(progress: BatchProgress) -> str:
    """Return a batch's progress as one line."""
    of = "" if progress.total is None else f" of {progress.total:,}"
    until = "" if progress.waiting_until is None else f" until {progress.waiting_until:%H:%M:%S} UTC"
    waiting = "" if progress.waiting_for is None else f"; waiting: {progress.waiting_for}{until}"
    before = f" {progress.from_journal:,} done by earlier runs," if progress.from_journal else ""
    done, skipped = progress.done - progress.replayed, progress.skipped - progress.done_before
    return (
        f"{done:,}{of} done, {progress.failed:,} failed, {skipped:,} skipped,{before}"
        f" {progress.rate:,.0f} a second{waiting}"
    )


def walk_progress_line(progress: WalkProgress) -> str:
    """Return the progress of walks as one line, with the slowest customers and what waits."""
    of = "" if progress.total is None else f" of {progress.total:,}"
    elapsed = progress.calls.elapsed or 1.0
    line = (
        f"{progress.complete:,}{of} complete, {progress.failed:,} failed, {progress.pages:,} pages,"
        f" {progress.records:,} records, {progress.records / elapsed:,.0f} a second"
    )
    slowest = ", ".join(
        f"{account} ({seconds:.0f} s)" for account, seconds in progress.slowest if seconds >= 1
    )
    if slowest:
        line += f"; slowest: {slowest}"
    return f"{line}; {progress.calls.held:,} waiting" if progress.calls.held else line
