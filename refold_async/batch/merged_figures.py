"""The figures of several batches as those of one: of the batches of a run, or of the shards of a job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any, Final

import msgspec

from refold_async.batch.figures import MOST_CONNECTIONS, LatencyStep, RunFigures
from refold_async.batch.history import FailureGroup, Period, SlowCustomer, Throttling
from refold_async.batch.summary import BatchSummary

_MOST_PERIODS: Final = 120
_MOST_GROUPS: Final = 200
_SLOWEST: Final = 20


def merged(title: str, parts: Sequence[RunFigures]) -> RunFigures:
    """Return the figures of some batches, at least one, as those of one run.

    Sums are exact; a percentile is within a tenth of the exact one.

    Args:
        title: What was run.
        parts: Their figures.
    """
    if len(parts) == 1:
        return msgspec.structs.replace(parts[0], title=title)
    began = min(part.began for part in parts)
    latencies: Counter[float] = Counter()
    for part in parts:
        latencies.update({step.up_to: step.count for step in part.latencies})
    steps = tuple(LatencyStep(up_to, count) for up_to, count in sorted(latencies.items()))
    width, periods = _periods(parts, began)
    attempts = _added(part.attempts for part in parts)
    return RunFigures(
        title=title,
        began=began,
        written=max(part.written for part in parts),
        ended=all(part.ended for part in parts),
        killed=any(part.killed for part in parts),
        summary=_summary(parts, steps, began),
        reconnect_count=sum(part.reconnect_count for part in parts),
        rate_limit=parts[0].rate_limit,
        period_seconds=width,
        periods=tuple(periods),
        latencies=steps,
        attempts={number: attempts[number] for number in sorted(attempts, key=int)},
        failed_attempts=_added(part.failed_attempts for part in parts),
        failures=_failures(parts),
        throttlings=_throttlings(parts),
        slowest=_slowest(parts),
        run=parts[0].run,
    )


def _summary(parts: Sequence[RunFigures], steps: Sequence[LatencyStep], began: datetime) -> BatchSummary:
    totals = [part.summary for part in parts]
    sums: Any = {
        name: sum(getattr(each, name) for each in totals)
        for name in (
            "done", "replayed", "settled", "failed", "absent", "unresolved", "partial", "skipped",
            "under_way", "attempts", "rate_wait", "key_paused",
        )
    }  # fmt: skip
    end = max(part.began + timedelta(seconds=part.summary.seconds) for part in parts)
    seconds = (end - began).total_seconds()
    longest = max(each.longest for each in totals)
    recorded = [time for each in totals for time in each.recorded or ()]
    connections = dict.fromkeys(each for total in totals for each in total.reconnect)
    waiting = max(totals, key=lambda each: (each.waiting_for is not None, str(each.waiting_until or "")))
    return BatchSummary(
        **sums,
        errors=_added(each.errors for each in totals),
        fates=_added(each.fates for each in totals),
        reasons=_added(each.reasons for each in totals),
        reconnect=tuple(connections)[:MOST_CONNECTIONS],
        stopped=next((each.stopped for each in totals if each.stopped), None),
        seconds=seconds,
        throughput=(sums["done"] + sums["failed"] - sums["replayed"]) / (seconds or 1.0),
        p50=_percentile(0.5, steps, longest),
        p90=_percentile(0.9, steps, longest),
        p99=_percentile(0.99, steps, longest),
        longest=longest,
        learnt_rate=next((each.learnt_rate for each in totals if each.learnt_rate), None),
        waiting_for=waiting.waiting_for,
        waiting_until=waiting.waiting_until,
        recorded=(min(recorded), max(recorded)) if recorded else None,
    )


def _percentile(share: float, steps: Sequence[LatencyStep], longest: float) -> float | None:
    left = share * sum(step.count for step in steps)
    for step in steps:
        left -= step.count
        if left <= 0:
            return min(longest, step.up_to / 2**0.125)  # the middle of a quarter of a doubling
    return None


def _periods(parts: Sequence[RunFigures], began: datetime) -> tuple[float, list[Period]]:
    placed = [
        ((part.began - began).total_seconds() + (place + 0.5) * part.period_seconds, period)
        for part in parts
        for place, period in enumerate(part.periods)
    ]
    width = max(part.period_seconds for part in parts)
    last = max((at for at, _ in placed), default=0.0)
    while last >= width * _MOST_PERIODS:
        width *= 2
    periods = [Period() for _ in range(int(last / width) + 1)] if placed else []
    for at, period in placed:
        periods[int(at / width)].add(period)
    return width, periods


def _failures(parts: Iterable[RunFigures]) -> tuple[FailureGroup, ...]:
    found: dict[tuple[str, str], FailureGroup] = {}
    for group in _most_first(each for part in parts for each in part.failures):
        key = (group.error, group.slug)
        if key not in found and len(found) >= _MOST_GROUPS:
            key = (group.error, "(other apps)")
        known = found.get(key)
        count = group.count + (0 if known is None else known.count)
        found[key] = msgspec.structs.replace(known or group, slug=key[1], count=count)
    return tuple(_most_first(found.values()))


def _throttlings(parts: Iterable[RunFigures]) -> tuple[Throttling, ...]:
    found: dict[str, Throttling] = {}
    for each in _most_first(each for part in parts for each in part.throttlings):
        by = each.by if each.by in found or len(found) < _MOST_GROUPS else "other apps"
        known = found.setdefault(by, Throttling(by))
        known.count += each.count
        known.longest = max(known.longest or 0.0, each.longest or 0.0) or None
    return tuple(_most_first(found.values()))


def _slowest(parts: Iterable[RunFigures]) -> tuple[SlowCustomer, ...]:
    found: dict[str, SlowCustomer] = {}
    for each in sorted((each for part in parts for each in part.slowest), key=attrgetter("seconds")):
        found[each.linked_account_id] = each
    return tuple(sorted(found.values(), key=attrgetter("seconds"), reverse=True)[:_SLOWEST])


def _most_first(groups: Iterable[Any]) -> Iterator[Any]:
    return iter(sorted(groups, key=attrgetter("count"), reverse=True))


def _added(each: Iterable[Mapping[Any, int]]) -> Any:
    counts: Counter[Any] = Counter()
    for mapping in each:
        counts.update(mapping)
    return dict(counts)
