"""How walks end, and how many of them: outcomes, summary, progress, and the options of a fan-out."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Callable, Collection, Iterable
from typing import Any, Final

import msgspec

from refold_async._core.checks import is_number
from refold_async.batch import BatchProgress, BatchSummary
from refold_async.batch.settings import FanOutOptions
from refold_async.calls import Reason
from refold_async.errors import IncompleteWalkError, RefoldError, SettingsError
from refold_async.walks.walk import Walk, WalkPage

WalkSource = Iterable[Walk] | AsyncIterable[Walk]


class WalkFailed(msgspec.Struct, frozen=True):
    """A walk ended early.

    Attributes:
        walk: The walk.
        error: Why; an `IncompleteWalkError` if there is more that cannot be read.
        record_count: The number of records on its pages before.
        page_count: The number of those pages.
    """

    walk: Walk
    error: RefoldError
    record_count: int = 0
    page_count: int = 0


class WalkSkipped(msgspec.Struct, frozen=True):
    """A walk was not begun, or not continued.

    Attributes:
        walk: The walk.
        reason: Why; `done_before` if it is complete since an earlier start of this run.
    """

    walk: Walk
    reason: Reason


WalkItem = WalkPage[Any] | WalkFailed | WalkSkipped


class WalkSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The totals of walks. Its `str` is a short report.

    Attributes:
        pages: Pages delivered.
        records: Records on them.
        complete: Walks that were read to their end, before as well.
        done_before: Those of them that were complete before this start.
        incomplete: Walks with an `IncompleteWalkError`.
        failed: Walks that ended with another error.
        skipped: Walks that were not begun or not continued.
        restarted: Walks that began again: their cursor had expired, or their last page in files was one with
            an error behind it.
        seconds: Seconds since the start.
        calls: The totals of the calls.
    """

    pages: int
    records: int
    complete: int
    done_before: int
    incomplete: int
    failed: int
    skipped: int
    restarted: int
    seconds: float
    calls: BatchSummary

    @property
    def is_complete(self) -> bool:
        """Whether every walk was read to its end."""
        return not (self.incomplete or self.failed or self.skipped or self.calls.stopped)

    def __str__(self) -> str:
        speed = self.records / self.seconds if self.seconds else 0.0
        ends = ("complete", "incomplete", "failed", "skipped")
        lines = [
            ", ".join(f"{getattr(self, name):,} {name}" for name in ends),
            f"{self.records:,} records on {self.pages:,} pages, {self.seconds:.1f} s, {speed:,.0f} records/s",
        ]
        if self.done_before:
            lines.append(f"complete before: {self.done_before:,}")
        if self.restarted:
            lines.append(f"began again from their first page: {self.restarted:,}")
        return "\n".join(lines)


class WalkProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of walks, as passed to `on_progress`.

    Attributes:
        pages: Pages delivered.
        records: Records on them.
        complete: Walks that are complete.
        failed: Walks that failed or are incomplete.
        skipped: Walks that were skipped.
        open: Walks that have begun and not ended.
        total: The number of walks, if it is known.
        slowest: The customers whose open walks began first, with the seconds since.
        calls: The progress of the calls: what is under way, and what is held back.
    """

    pages: int
    records: int
    complete: int
    failed: int
    skipped: int
    open: int
    total: int | None
    slowest: tuple[tuple[str, float], ...]
    calls: BatchProgress


class WalkOptions(FanOutOptions, total=False):
    """The keyword settings of `Refold.walks`.

    Keys:
        concurrency, per_account, timeout, patience, on_failure, stop_at_failure_share: As in `BatchOptions`;
            a page is a call. A walk with a `timeout` of its own is refused.
        window: Maximum number of walks that have begun and not ended; default 10,000.
        state: A path to the file that makes the walks resumable; default: none.
        once: Continue the last run of the state even if it has ended, instead of beginning a new one.
        overlap: Seconds by which a mark for `since` lies before the start of its run; default 60.
        on_progress: Called with a `WalkProgress` four times a second, and at the end.
    """

    state: str | os.PathLike[str] | None
    once: bool
    overlap: float
    on_progress: Callable[[WalkProgress], object] | None


_INSTEAD: Final = {
    "journal": "pass state=PATH, which makes walks resumable",
    "settle": "walks only read, and nothing is looked up",
    "result_check": "check the records of each page",
}


def check_options(options: Collection[str]) -> None:
    """Check that options are those of walks.

    Raises:
        SettingsError: If one is not.
    """
    for name in options:
        if name not in WalkOptions.__annotations__:
            why = _INSTEAD.get(name, f"they have {', '.join(WalkOptions.__annotations__)}")
            raise SettingsError(f"walks have no setting {name}: {why}")


class WalkCounters:
    """Counts items as they are delivered."""

    def __init__(self) -> None:
        self.pages = self.records = self.complete = self.done_before = 0
        self.incomplete = self.failed = self.skipped = self.restarted = 0

    def add(self, item: WalkItem) -> None:
        """Count an item."""
        if isinstance(item, WalkPage):
            self.pages += 1
            self.records += len(item.records)
            self.restarted += item.restarted
        elif isinstance(item, WalkFailed):
            incomplete = isinstance(item.error, IncompleteWalkError)
            self.incomplete += incomplete
            self.failed += not incomplete
        elif item.reason == "done_before":
            self.done_before += 1
            self.complete += 1
        else:
            self.skipped += 1


class WalkSettings(msgspec.Struct, frozen=True, kw_only=True):
    """The settings of walks that are not the batch's; see `WalkOptions`.

    Raises:
        SettingsError: If a setting is invalid.
    """

    state: str | os.PathLike[str] | None = None
    once: bool = False
    overlap: float = 60.0
    on_progress: Callable[[WalkProgress], object] | None = None

    def __post_init__(self) -> None:
        """Validate the settings."""
        given = self.state
        if given is not None and not (isinstance(given, str | os.PathLike) and os.fspath(given)):
            raise SettingsError(f"state must be a path, not {self.state!r}")
        if not (is_number(self.overlap) and self.overlap >= 0):
            raise SettingsError(f"overlap must be a number of seconds, not {self.overlap!r}")
        if self.on_progress is not None and not callable(self.on_progress):
            raise SettingsError(f"on_progress must be callable, not {type(self.on_progress).__name__}")
