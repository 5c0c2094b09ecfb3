"""The progress and totals of a batch."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import msgspec

from refold_async._core.pauses import in_words
from refold_async.batch.latencies import Latencies
from refold_async.calls import Absent, Done, Failed, Outcome, Reason, Skipped, Unresolved
from refold_async.errors import Fate, InterruptedRunError


class Waiting(NamedTuple):
    """What holds the calls of a batch back, and until when."""

    reason: str
    until: datetime | None


class BatchProgress(msgspec.Struct, frozen=True, kw_only=True):
    """The progress of a batch, as passed to `on_progress`.

    Attributes:
        done: Calls that succeeded.
        settled: Those of them whose fate was unknown until a look-up found what they wrote.
        failed: Calls that failed.
        absent: Those of them that no look-up found.
        unresolved: Those of them whose look-ups were inconclusive.
        skipped: Calls that were not run.
        under_way: Calls that have begun and have no outcome, including those waiting for another attempt.
        held: Calls read that wait to be started or for another attempt.
        read: Calls read from the input.
        total: The length of the input, if known.
        elapsed: Seconds since the batch began.
        rate: Calls ended per second, over the whole batch; those that earlier runs had done are not counted.
        left: Seconds until the end at this rate, if the total is known.
        ended: Whether the batch is over.
        waiting_for: What holds the calls back, in words, e.g. a 429 of Refold that pauses the key.
        waiting_until: When it ends, as far as known.
        replayed: Of those done, calls that an earlier run had done but not delivered.
        done_before: Of those skipped, calls that an earlier run had done and delivered.
    """

    done: int
    failed: int
    skipped: int
    under_way: int
    held: int
    read: int
    total: int | None
    elapsed: float
    rate: float
    left: float | None
    ended: bool
    waiting_for: str | None = None
    waiting_until: datetime | None = None
    settled: int = 0
    absent: int = 0
    unresolved: int = 0
    replayed: int = 0
    done_before: int = 0

    @property
    def from_journal(self) -> int:
        """How many calls earlier runs had done."""
        return self.replayed + self.done_before


class Connection(NamedTuple):
    """One customer's connection to one app."""

    linked_account_id: str
    slug: str


class BatchSummary(msgspec.Struct, frozen=True, kw_only=True):
    """The totals of a batch. Its `str` is a short report.

    Attributes:
        done: Calls that succeeded.
        replayed: Those of them whose results an earlier run left in the journal.
        settled: Those of them whose fate was unknown until a look-up found what they wrote.
        failed: Calls that failed.
        absent: Those of them that no look-up found.
        unresolved: Those of them whose look-ups were inconclusive.
        partial: Calls that succeeded although their app answered 207: see `result_check`.
        recorded: When earlier runs recorded what came from the journal: the first and the last time.
        skipped: Calls that were not run.
        under_way: Calls that have begun and have no outcome: running, or cancelled by leaving early.
        errors: How many calls failed with which class of error.
        fates: How many failed calls were `not_sent`, `rejected` or `unknown`.
        reasons: How many calls were skipped for which reason.
        reconnect: The connections that their customers must make again.
        stopped: Why the batch stopped early, or `None`.
        attempts: Attempts made.
        seconds: Seconds since the batch began.
        throughput: Calls run to their end a second, those skipped not counted.
        rate_wait: Seconds waited for turns by the rate limit, added up over the calls.
        key_paused: Seconds that 429s of Refold's own paused the key.
        waiting_for: What holds the calls back, or what did last, in words.
        waiting_until: When that ends, if it has not ended.
        learnt_rate: Calls per second that the service was learnt to allow, or `None` if that was not learnt.
        p50, p90, p99: Seconds within which that share of the calls ended, from their first attempt.
        longest: Seconds that the longest call took.
    """

    done: int
    replayed: int
    failed: int
    skipped: int
    under_way: int
    errors: Mapping[str, int]
    fates: Mapping[Fate, int]
    reasons: Mapping[Reason, int]
    reconnect: tuple[Connection, ...]
    stopped: Reason | None
    attempts: int
    seconds: float
    throughput: float
    rate_wait: float
    p50: float | None
    p90: float | None
    p99: float | None
    longest: float
    settled: int = 0
    absent: int = 0
    unresolved: int = 0
    partial: int = 0
    learnt_rate: float | None = None
    key_paused: float = 0.0
    waiting_for: str | None = None
    waiting_until: datetime | None = None
    recorded: tuple[datetime, datetime] | None = None

    @property
    def from_journal(self) -> int:
        """How many calls earlier runs had done: replayed now, or skipped as `done_before`."""
        return self.replayed + self.reasons.get("done_before", 0)

    @property
    def ended(self) -> int:
        """How many calls have an outcome."""
        return self.done + self.failed + self.skipped

    def __str__(self) -> str:
        return "\n".join(line for line in self._lines() if line)

    def _lines(self) -> list[str]:
        reasons = {
            _spaced(reason): number for reason, number in self.reasons.items() if reason != "done_before"
        }
        head = (
            f"{self.done - self.replayed:,} done, {self.failed:,} failed, {sum(reasons.values()):,} skipped"
        )
        if self.from_journal:
            head += f", {self.from_journal:,} done by earlier runs"
        if self.under_way:
            head += f", {self.under_way:,} under way"
        speed = f"{self.seconds:.1f} s, {self.throughput:,.1f} calls a second, {self.attempts:,} attempts"
        return [
            head,
            self._journal(),
            speed,
            self._latencies(),
            _counts_line(
                "unknown writes looked up",
                {"found": self.settled, "absent": self.absent, "unresolved": self.unresolved},
            )
            if self.settled or self.absent or self.unresolved
            else "",
            f"answered 207, perhaps done only in part: {self.partial:,}" if self.partial else "",
            f"learnt rate limit: {self.learnt_rate:,.1f} calls a second" if self.learnt_rate else "",
            self._pauses(),
            f"stopped early{stop_words(self.stopped)}" if self.stopped else "",
            _counts_line("failures", self.errors),
            _counts_line("fates", dict(self.fates)),
            _counts_line("skipped", reasons),
            _list_line("to reconnect", [f"{account} ({slug})" for account, slug in self.reconnect]),
        ]

    def _pauses(self) -> str:
        until = "" if self.waiting_until is None else f" until {in_words(self.waiting_until)}"
        paused = f", {self.key_paused:,.1f} s in all" if self.key_paused else ""
        return f"waited: {self.waiting_for}{until}{paused}" if self.waiting_for else ""

    def _journal(self) -> str:
        if not self.from_journal:
            return ""
        handed = f", {self.replayed:,} of their results delivered now" if self.replayed else ""
        return f"from the journal: {self.from_journal:,} calls{self.recorded_words}{handed}"

    @property
    def recorded_words(self) -> str:
        """When the calls that came from the journal were recorded, as words for a message."""
        if self.recorded is None:
            return ""
        first, last = (f"{time:%Y-%m-%d %H:%M:%S}" for time in self.recorded)
        return f" recorded {first} UTC" if first == last else f" recorded {first} to {last} UTC"

    def _latencies(self) -> str:
        if self.p50 is None or self.p90 is None or self.p99 is None:
            return ""
        times = (
            f"p50 {self.p50:.3f} s, p90 {self.p90:.3f} s, p99 {self.p99:.3f} s, longest {self.longest:.3f} s"
        )
        return f"{times}; waited for the rate limit {self.rate_wait:,.1f} s" if self.rate_wait else times


def stop_words(reason: Reason) -> str:
    """Return what to add to "stopped", to say why."""
    return "" if reason == "stopped" else f": {_spaced(reason)}"


def _spaced(reason: Reason) -> str:
    return reason.replace("_", " ")


def _counts_line(name: str, counts: Mapping[Any, int]) -> str:
    parts = [f"{what} {number:,}" for what, number in sorted(counts.items(), key=lambda item: -item[1])]
    return f"{name}: {', '.join(parts)}" if parts else ""


def _list_line(name: str, items: list[str], most: int = 10) -> str:
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return f"{name}: {', '.join(items[:most])}{more}" if items else ""


_PARTIAL: Final = 207


class Counters:
    """Counts outcomes as they come. Memory is bounded, except for the connections to reconnect."""

    def __init__(self) -> None:
        self.done = 0
        self.replayed = 0
        self.failed = 0
        self.skipped = 0
        self.settled = 0
        self.absent = 0
        self.unresolved = 0
        self.partial = 0
        self.left_unknown = 0
        self.attempts = 0
        self.rate_wait = 0.0
        self.latencies = Latencies()
        self.errors: Counter[str] = Counter()
        self.fates: Counter[Fate] = Counter()
        self.reasons: Counter[Reason] = Counter()
        self.reconnect: dict[Connection, None] = {}

    def add(self, outcome: Outcome) -> None:
        """Count an outcome."""
        if attempts := outcome.attempts:
            self.attempts += attempts
            self.latencies.add(outcome.elapsed)
        if type(outcome) is Done:
            self.done += 1
            if outcome.replayed:
                self.replayed += 1
            if outcome.settled:
                self.settled += 1
            if outcome.result.http_status == _PARTIAL:
                self.partial += 1
        elif type(outcome) is Failed:
            self.failed += 1
            self.left_unknown += isinstance(outcome.error, InterruptedRunError)
            self.errors[type(outcome.error).__name__] += 1
            self.fates[outcome.error.fate] += 1
            self.absent += isinstance(outcome.verdict, Absent)
            self.unresolved += isinstance(outcome.verdict, Unresolved)
        elif type(outcome) is Skipped:
            self.skipped += 1
            self.reasons[outcome.reason] += 1

    def failed_share(self) -> float:
        """Return the share of failures among the calls that ended in this run."""
        return (self.failed - self.left_unknown) / (self.ended_now or 1)

    @property
    def from_journal(self) -> int:
        """How many calls earlier runs had done; see `BatchSummary.from_journal`."""
        return self.replayed + self.reasons["done_before"]

    @property
    def ended_now(self) -> int:
        """How many calls ended in this run, so without what came from the journal."""
        return self.done - self.replayed + self.failed - self.left_unknown

    def summary(
        self,
        *,
        seconds: float,
        under_way: int,
        stopped: Reason | None,
        learnt_rate: float | None = None,
        waiting: Waiting | None = None,
        key_paused: float = 0.0,
        recorded: tuple[float, float] | None = None,
    ) -> BatchSummary:
        """Return the totals."""
        first, last = (datetime.fromtimestamp(at, UTC) for at in recorded or (0.0, 0.0))
        run = self.done + self.failed - self.replayed
        return BatchSummary(
            done=self.done,
            replayed=self.replayed,
            failed=self.failed,
            skipped=self.skipped,
            under_way=under_way,
            errors=dict(self.errors),
            fates=dict(self.fates),
            reasons=dict(self.reasons),
            reconnect=tuple(self.reconnect),
            stopped=stopped,
            attempts=self.attempts,
            seconds=seconds,
            throughput=run / seconds if seconds > 0 else 0.0,
            rate_wait=self.rate_wait,
            p50=self.latencies.percentile(0.5),
            p90=self.latencies.percentile(0.9),
            p99=self.latencies.percentile(0.99),
            longest=self.latencies.longest,
            settled=self.settled,
            absent=self.absent,
            unresolved=self.unresolved,
            partial=self.partial,
            learnt_rate=learnt_rate,
            key_paused=key_paused,
            waiting_for=None if waiting is None else waiting.reason,
            waiting_until=None if waiting is None else waiting.until,
            recorded=None if recorded is None else (first, last),
        )
