"""Progress displays for the shards of a job."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Final, Self

import click
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from refold_async._core.json_lines import json_line
from refold_async.cli.progress import ProgressForm
from refold_async.cli.tables import console, is_live, table_of
from refold_async.errors import JournalError
from refold_async.fleet import JobProgress, ShardProgress

COLUMNS: Final = ("shard", "state", "done", "failed", "unknown", "worker", "seconds")
_ORDER: Final = ("running", "interrupted", "incomplete", "waiting", "ended")
_SECONDS_BETWEEN: Final = {"live": 0.5, "lines": 5.0, "json": 1.0}
_LINES_AROUND: Final = 6


class JobProgressDisplay:
    """Shows the shards of a job on stderr: a live table on a terminal, else a line every five seconds.

        with JobProgressDisplay(job.progress): ...

    Args:
        read: Returns the progress; called in a thread of its own.
        form: `"auto"`; `"json"` for a line of JSON a second, with the fields of the progress; or `"none"`.
        screen: The rich console to draw on; default: stderr.
    """

    def __init__(
        self, read: Callable[[], JobProgress], *, form: ProgressForm = "auto", screen: Console | None = None
    ) -> None:
        self._read: Final = read
        self._screen: Final = screen or console(err=True)
        self._form: Final = form
        live = form == "auto" and is_live(self._screen)
        self._interval: Final = _SECONDS_BETWEEN["live" if live else "lines" if form == "auto" else "json"]
        # What is printed meanwhile goes above the table, but only if it goes to the terminal, too.
        redirect = sys.stdout.isatty()
        self._live: Final = (
            Live(console=self._screen, auto_refresh=False, redirect_stdout=redirect) if live else None
        )
        self._ended: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._follow, name="refold-progress", daemon=True)
        self._last: tuple[float, int] | None = None

    def __enter__(self) -> Self:
        if self._form != "none":
            if self._live is not None:
                self._live.start()
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._form != "none":
            self._thread.join()
            self._last = None  # what was done in the last moment says nothing at the end
            self._show()
            if self._live is not None:
                self._live.stop()

    def wait(self, until: Callable[[JobProgress], bool]) -> None:
        """Wait until the progress says something."""
        while not until(self._read()):
            self._ended.wait(self._interval)

    def _follow(self) -> None:
        while not self._ended.wait(self._interval):
            self._show()

    def _show(self) -> None:
        try:
            progress = self._read()
        except JournalError:
            return  # shown by what runs the job, which cannot use it either
        rate = self._rate(progress.done)
        if self._form == "json":
            click.echo(json_line({"progress": progress}), err=True, nl=False)
        elif self._live is not None:
            self._live.update(shard_table(progress, rate, self._screen.height - _LINES_AROUND), refresh=True)
        else:
            self._screen.print(progress_text(progress, rate))

    def _rate(self, done: int) -> float | None:
        """Return how many a second were done since the last time."""
        now, last = monotonic(), self._last
        self._last = now, done
        return None if last is None or now <= last[0] else max(0, done - last[1]) / (now - last[0])


def progress_text(progress: JobProgress, rate: float | None = None) -> str:
    """Return the progress of a job as one line."""
    return f"{progress}{'' if rate is None else f', {rate:,.0f} a second'}"


def shard_rows(shards: Sequence[ShardProgress]) -> list[tuple[object, ...]]:
    """Return the rows of a table of shards, with the names in `COLUMNS`."""
    return [
        (
            each.shard,
            each.state,
            each.done,
            each.failed,
            each.unknown,
            each.worker,
            None if each.seconds is None else round(each.seconds, 1),
        )
        for each in shards
    ]


def shard_table(progress: JobProgress, rate: float | None, most: int) -> Group:
    """Return a table of at most so many shards, those that run first, under a line with the totals."""
    shards = sorted(progress.shards, key=lambda each: (_ORDER.index(each.state), each.shard))
    shown = shards[: max(1, most)]
    more = len(shards) - len(shown)
    return Group(
        Text(progress_text(progress, rate)),
        table_of(COLUMNS, shard_rows(shown)),
        Text(f"and {more:,} more shards" if more else ""),
    )
