"""The figures of a journal's runs, as its file has them, even during a run or after one was killed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Final

import msgspec

from refold_async.batch.figures import RunFigures, decode_figures, totals_of
from refold_async.batch.journal.records import JournalOverview, read_overview, read_runs
from refold_async.batch.merged_figures import merged
from refold_async.errors import JournalError

_MOST_RUNS: Final = 100
"""The last runs that a report lists."""


def read_figures(path: str | os.PathLike[str], *, run: int | None = None) -> RunFigures:
    """Return the figures of one run of a journal, with a list of all runs.

    Args:
        path: The file.
        run: The number of the run; default: the last one that recorded figures.

    Raises:
        JournalError: If it is not a journal of this version, cannot be read, or has no such run.
    """
    rows = [each for each in read_runs(path)[-_MOST_RUNS:] if each.figures]
    overview = read_overview(path)  # after the rows, so that it has all of their runs
    known = {each.number: _decoded(path, each.figures) for each in rows}
    chosen = max(known, default=0) if run is None else run
    if chosen not in known:
        which = "no run" if run is None else f"run {run} has not"
        raise JournalError(f"{which} recorded figures in the journal {os.fspath(path)}")
    ends = {number: _end(number, overview) for number in known}
    title = overview.job or "Batch"
    return msgspec.structs.replace(
        merged(title, known[chosen]),
        killed=ends[chosen] == "killed",
        run=chosen,
        runs=tuple(totals_of(number, ends[number], merged(title, known[number])) for number in known),
        calls=dict(overview.states),
    )


def _decoded(path: str | os.PathLike[str], figures: Sequence[bytes]) -> list[RunFigures]:
    try:
        return [decode_figures(each) for each in figures]
    except msgspec.DecodeError as error:
        raise JournalError(f"the figures in {os.fspath(path)} are of another version: {error}") from error


def _end(number: int, overview: JournalOverview) -> str:
    (found,) = [each for each in overview.runs if each.number == number]
    if found.ended is not None:
        return f"{found.ended:%Y-%m-%d %H:%M:%S} UTC"
    return "running" if overview.in_use and found == overview.runs[-1] else "killed"
