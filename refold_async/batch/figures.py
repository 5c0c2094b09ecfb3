"""All figures of a run, those of its summary and what happened when: kept by journals, shown by reports."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

import msgspec

from refold_async.batch.history import FailureGroup, Period, RunHistory, SlowCustomer, Throttling
from refold_async.batch.summary import BatchSummary

MOST_CONNECTIONS: Final = 1000
"""Connections to reconnect that are kept; the figures are bounded, their number is not."""


class LatencyStep(msgspec.Struct, frozen=True):
    """How many calls took up to some seconds, and longer than the step before."""

    up_to: float
    count: int


class RunTotals(msgspec.Struct, frozen=True):
    """What one run of a journal did.

    Attributes:
        number: Its number, from 1.
        began: When it began.
        end: When it ended, or `running` or `killed`.
        done: Calls that it did, so without those that came from the journal.
        failed: Calls that failed.
        skipped: Calls that were not run, for other reasons than that an earlier run had done them.
        attempts: Attempts made.
    """

    number: int
    began: datetime
    end: str
    done: int
    failed: int
    skipped: int
    attempts: int


class ShardFigures(msgspec.Struct, frozen=True):
    """The state of one shard of a job; see `fleet.ShardProgress`."""

    shard: int
    state: str
    done: int
    failed: int
    unknown: int
    worker: str
    seconds: float | None


class RunFigures(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of a report. Its JSON is `report.json`.

    Attributes:
        title: What was run.
        began: When it began.
        written: When the figures were taken.
        ended: Whether the run was over.
        killed: Whether the run was killed: these are the figures that its journal had last.
        summary: The totals. `reconnect` has at most 1,000 connections.
        reconnect_count: The number of connections to reconnect.
        rate_limit: Calls per second that the client starts at most, if there is a known limit.
        period_seconds: Seconds of each period.
        periods: What ended when, from the start of the run.
        latencies: How many calls took how long.
        attempts: How many calls took how many attempts; `"10"` stands for more, too.
        failed_attempts: How many attempts failed with which class of error and were made again.
        failures: The failures by class and app, with one example each.
        throttlings: The 429s by who answered them.
        slowest: The customers with the longest calls.
        run: The number of the run in its journal.
        runs: All runs of the journal, in a report that is made of it.
        calls: How many calls of the journal are in which state, in a report that is made of it.
        shards: The shards, in the report of a job.
    """

    title: str
    began: datetime
    written: datetime
    ended: bool
    summary: BatchSummary
    reconnect_count: int
    rate_limit: float | None
    period_seconds: float
    periods: tuple[Period, ...]
    latencies: tuple[LatencyStep, ...]
    attempts: Mapping[str, int]
    failed_attempts: Mapping[str, int]
    failures: tuple[FailureGroup, ...]
    throttlings: tuple[Throttling, ...]
    slowest: tuple[SlowCustomer, ...]
    killed: bool = False
    run: int | None = None
    runs: tuple[RunTotals, ...] = ()
    calls: Mapping[str, int] = {}
    shards: tuple[ShardFigures, ...] = ()


def figures(
    title: str,
    summary: BatchSummary,
    history: RunHistory,
    steps: Mapping[float, int],
    *,
    began: datetime,
    ended: bool,
    rate_limit: float | None,
    run: int | None = None,
) -> RunFigures:
    """Return the figures of a run up to now.

    Args:
        title: What is run.
        summary: Its totals.
        history: What happened when.
        steps: How many calls took up to how many seconds.
        began: When it began.
        ended: Whether it is over.
        rate_limit: Calls per second that the client starts at most, if known.
        run: The number of the run in its journal.
    """
    return RunFigures(
        title=title,
        began=began,
        written=datetime.now(UTC),
        ended=ended,
        summary=msgspec.structs.replace(summary, reconnect=summary.reconnect[:MOST_CONNECTIONS]),
        reconnect_count=len(summary.reconnect),
        rate_limit=rate_limit,
        period_seconds=history.width,
        periods=tuple(history.periods),
        latencies=tuple(LatencyStep(up_to, count) for up_to, count in sorted(steps.items())),
        attempts={str(number): count for number, count in sorted(history.attempts.items())},
        failed_attempts=dict(history.failed_attempts),
        failures=history.failures,
        throttlings=history.throttlings,
        slowest=history.slowest,
        run=run,
    )


def encode_figures(run: RunFigures) -> bytes:
    """Return figures as a journal keeps them: without messages, which may quote what customers wrote."""
    failures = tuple(msgspec.structs.replace(group, message="") for group in run.failures)
    return msgspec.msgpack.encode(msgspec.structs.replace(run, failures=failures))


def decode_figures(encoded: bytes) -> RunFigures:
    """Return figures that a journal has kept.

    Raises:
        msgspec.DecodeError: If they are those of another version.
    """
    return msgspec.msgpack.decode(encoded, type=RunFigures)


def totals_of(number: int, end: str, run: RunFigures) -> RunTotals:
    """Return what one run did of what its figures count."""
    totals = run.summary
    skipped = totals.skipped - totals.reasons.get("done_before", 0)
    return RunTotals(
        number, run.began, end, totals.done - totals.replayed, totals.failed, skipped, totals.attempts
    )
