"""A progress display for a batch's `on_progress`."""

from __future__ import annotations

from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from refold_async.batch.summary import BatchProgress
from refold_async.cli.terminal import console, is_live
from refold_async.walks.fan_out import WalkProgress

_SECONDS_BETWEEN_LINES: Final = 5.0


class ProgressDisplay:
    """Shows a batch's progress on stderr: a bar on a terminal, otherwise a line every five seconds.

        with ProgressDisplay() as display:
            async with refold.batch(calls, on_progress=display) as outcomes: ...

    Args:
        screen: The rich console to draw on; default: stderr.
    """

    def __init__(self, screen: Console | None = None) -> None:
        self._screen = screen or console(err=True)
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

    def __enter__(self) -> Self:
        if is_live(self._screen):
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if is_live(self._screen):
            self._bar.stop()

    def __call__(self, progress: BatchProgress) -> None:
        """Update the display."""
        ended = progress.done + progress.failed + progress.skipped
        self._show(progress_line(progress), ended, progress.total, progress)

    def _show(self, line: str, completed: int, total: int | None, calls: BatchProgress) -> None:
        if is_live(self._screen):
            self._bar.update(self._task, completed=completed, total=total, description=line, refresh=True)
        elif calls.ended or calls.elapsed - self._told >= _SECONDS_BETWEEN_LINES:
            self._told = calls.elapsed
            self._screen.print(line)


class WalkProgressDisplay(ProgressDisplay):
    """Shows the progress of walks on stderr, as `ProgressDisplay` does that of a batch."""

    def __call__(self, progress: WalkProgress) -> None:  # type: ignore[override]  # of another kind of run
        """Update the display."""
        ended = progress.complete + progress.failed + progress.skipped
        self._show(walk_progress_line(progress), ended, progress.total, progress.calls)


def progress_line(progress: BatchProgress) -> str:
    """Return a batch's progress as one line."""
    of = "" if progress.total is None else f" of {progress.total:,}"
    until = "" if progress.waiting_until is None else f" until {progress.waiting_until:%H:%M:%S} UTC"
    waiting = "" if progress.waiting_for is None else f"; waiting: {progress.waiting_for}{until}"
    return (
        f"{progress.done:,}{of} done, {progress.failed:,} failed, {progress.skipped:,} skipped,"
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
