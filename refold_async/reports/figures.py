"""The figures of a run's report: those of its summary, and what happened when."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from refold_async.batch.history import FailureGroup, Period, RunHistory, SlowCustomer, Throttling
from refold_async.batch.summary import BatchSummary, Connection

MOST_CONNECTIONS: Final = 1000
"""Connections to reconnect that a report lists; the file is bounded, their number is not."""


class LatencyStep(msgspec.Struct, frozen=True):
    """How many calls took up to some seconds, and longer than the step before."""

    up_to: float
    count: int


class RunFigures(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of a report. Its JSON is `report.json`.

    Attributes:
        title: What was run.
        written: When the report was written.
        ended: Whether the run was over.
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
    """

    title: str
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


def figures(
    title: str,
    summary: BatchSummary,
    history: RunHistory,
    steps: Mapping[float, int],
    *,
    written: datetime,
    ended: bool,
    rate_limit: float | None,
) -> RunFigures:
    """Return the figures of a run.

    Args:
        title: What was run.
        summary: Its totals.
        history: What happened when.
        steps: How many calls took up to how many seconds.
        written: The time.
        ended: Whether the run is over.
        rate_limit: Calls per second that the client starts at most, if known.
    """
    return RunFigures(
        title=title,
        written=written,
        ended=ended,
        summary=msgspec.structs.replace(summary, reconnect=summary.reconnect[:MOST_CONNECTIONS]),
        reconnect_count=len(summary.reconnect),
        rate_limit=rate_limit,
        period_seconds=history.width,
        periods=tuple(history.periods),
        latencies=tuple(LatencyStep(up_to, count) for up_to, count in sorted(steps.items())),
        attempts={str(number): count for number, count in sorted(history.attempts.items())},
        failed_attempts=dict(history.failed_attempts),
        failures=tuple(_without_secrets(group) for group in history.failures),
        throttlings=history.throttlings,
        slowest=history.slowest,
    )


def as_json(run: RunFigures) -> bytes:
    """Return a report as indented JSON."""
    fields: dict[str, Any] = msgspec.to_builtins(run)
    fields["summary"]["reconnect"] = [_connection(each) for each in run.summary.reconnect]
    return msgspec.json.format(msgspec.json.encode(fields), indent=2) + b"\n"


def _connection(connection: Connection) -> dict[str, str]:
    return connection._asdict()


_LONGEST_MESSAGE: Final = 500
_SECRET: Final = re.compile(
    r"(?i)\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?"  # a JWT
    r"|(?<=bearer )[^\s\"',;]+"
    r"|(?<=token[=:])[^\s\"'&,;]+|(?<=token\": \")[^\"]+|(?<=token\":\")[^\"]+"
    r"|(?<=secret=)[^\s\"'&,;]+|(?<=key=)[^\s\"'&,;]+|(?<=code=)[^\s\"'&,;]+|(?<=password=)[^\s\"'&,;]+"
    r"|(?<=://)[^\s/@]+(?=@)"
)


def _without_secrets(group: FailureGroup) -> FailureGroup:
    """Return a group whose example has no live token or login: apps write what they like in messages."""
    message = _SECRET.sub("[hidden]", group.message)
    cut = message if len(message) <= _LONGEST_MESSAGE else message[:_LONGEST_MESSAGE] + "…"
    return msgspec.structs.replace(group, message=cut)
