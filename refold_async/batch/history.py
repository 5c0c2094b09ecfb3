"""What happened when in a batch, within bounded memory: the figures of a report beyond the totals."""

from __future__ import annotations

import re
from collections import Counter
from operator import attrgetter
from typing import Final

import msgspec

from refold_async.calls import Done, Failed, Outcome, Skipped
from refold_async.errors import RateLimitedError, RefoldError

_MOST_PERIODS: Final = 120
_FIRST_WIDTH: Final = 0.05
_MOST_GROUPS: Final = 200
_SLOWEST: Final = 20
_LONGEST_MESSAGE: Final = 500
_PRIVATE: Final = (
    r"(?i)\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?"  # a JWT
    r"|(?<=bearer )[^\s\"',;]+"
    r"|(?<=token[=:])[^\s\"'&,;]+|(?<=token\": \")[^\"]+|(?<=token\":\")[^\"]+"
    r"|(?<=secret=)[^\s\"'&,;]+|(?<=key=)[^\s\"'&,;]+|(?<=code=)[^\s\"'&,;]+|(?<=password=)[^\s\"'&,;]+"
    r"|(?<=://)[^\s/@]+(?=@)"
)


class Period(msgspec.Struct):
    """What ended within one period of a run.

    Attributes:
        done: Calls that succeeded.
        failed: Calls that failed.
        skipped: Calls that were not run.
        attempts: Attempts that ended.
        throttled: Those of them that were answered 429, by Refold or an app.
    """

    done: int = 0
    failed: int = 0
    skipped: int = 0
    attempts: int = 0
    throttled: int = 0

    def add(self, other: Period) -> None:
        """Add the figures of another period."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class FailureGroup(msgspec.Struct):
    """The failures of one class in one app, with the first of them as an example."""

    error: str
    slug: str
    count: int
    fate: str
    linked_account_id: str
    action_id: str
    message: str


class Throttling(msgspec.Struct):
    """The 429s of Refold, or of one app.

    Attributes:
        by: `Refold`, or the app's slug.
        count: How many attempts were answered 429.
        longest: The longest wait in seconds that one of them asked for, if one did.
    """

    by: str
    count: int = 0
    longest: float | None = None


class SlowCustomer(msgspec.Struct, frozen=True):
    """The longest call of one of the slowest customers."""

    linked_account_id: str
    slug: str
    action_id: str
    seconds: float
    attempts: int
    outcome: str


class RunHistory:
    """Counts by period, failure and customer. It has no clock: callers pass seconds since the run began.

    Attributes:
        width: Seconds of a period; it doubles when there would be more than 120.
        periods: The periods from the run's start.
        attempts: How many calls took how many attempts; 10 stands for more, too.
        failed_attempts: How many attempts failed with which class of error and were made again.
    """

    def __init__(self) -> None:
        self.width = _FIRST_WIDTH
        self.periods: list[Period] = []
        self.attempts: Counter[int] = Counter()
        self.failed_attempts: Counter[str] = Counter()
        self._failures: dict[tuple[str, str], FailureGroup] = {}
        self._throttlings: dict[str, Throttling] = {}
        self._slow: dict[str, SlowCustomer] = {}
        self._slow_from = 0.0
        # The period of the last outcome: most calls end in that of the one before.
        self._period = Period()
        self._from = self._until = 0.0

    def add(self, at: float, outcome: Outcome, attempts: int = 0) -> None:
        """Count an outcome.

        Args:
            at: When.
            outcome: The outcome.
            attempts: The number of its attempts that have ended and are not counted yet.
        """
        period = self._period if self._from <= at < self._until else self._period_at(at)
        period.attempts += attempts
        if type(outcome) is Done:
            period.done += 1
        elif type(outcome) is Failed:
            period.failed += 1
            self._add_failure(outcome)
        elif type(outcome) is Skipped:
            period.skipped += 1
        if made := outcome.attempts:
            self.attempts[made if made < 10 else 10] += 1  # noqa: FURB136 - `min` would double the cost
            if outcome.elapsed > self._slow_from:
                self._add_slow(outcome)

    def add_attempts(self, at: float, number: int) -> None:
        """Count attempts that have ended."""
        self._period_at(at).attempts += number

    def add_repeat(self, error: RefoldError) -> None:
        """Count an attempt that was made since the one before it failed with an error."""
        self.failed_attempts[type(error).__name__] += 1

    def add_error(self, at: float, error: RefoldError) -> None:
        """Count what an attempt failed with."""
        if isinstance(error, RateLimitedError):
            self._period_at(at).throttled += 1
            self._add_throttling(f"the app {error.slug}" if error.by_app else "Refold", error.retry_after)

    @property
    def failures(self) -> tuple[FailureGroup, ...]:
        """The failures by class and app, most frequent first."""
        return tuple(sorted(self._failures.values(), key=attrgetter("count"), reverse=True))

    @property
    def throttlings(self) -> tuple[Throttling, ...]:
        """The 429s by who answered them, most frequent first."""
        return tuple(sorted(self._throttlings.values(), key=attrgetter("count"), reverse=True))

    @property
    def slowest(self) -> tuple[SlowCustomer, ...]:
        """The customers with the longest calls, slowest first."""
        return tuple(sorted(self._slow.values(), key=attrgetter("seconds"), reverse=True)[:_SLOWEST])

    def _period_at(self, at: float) -> Period:
        index = int(at / self.width)
        while index >= _MOST_PERIODS:
            self._halve()
            index = int(at / self.width)
        periods = self.periods
        while len(periods) <= index:
            periods.append(Period())
        self._period = periods[index]
        self._from, self._until = index * self.width, (index + 1) * self.width
        return self._period

    def _halve(self) -> None:
        """Merge each two periods, so that there is room for more."""
        for first, second in zip(self.periods[::2], self.periods[1::2], strict=False):
            first.add(second)
        self.periods = self.periods[::2]
        self.width *= 2
        self._from = self._until = 0.0

    def _add_failure(self, outcome: Failed) -> None:
        error, call = outcome.error, outcome.call
        key = (type(error).__name__, _encodable(call.slug))
        if key not in self._failures and len(self._failures) >= _MOST_GROUPS:
            key = (key[0], "(other apps)")  # bounded by the number of error classes
        group = self._failures.get(key)
        if group is None:
            examples = (call.linked_account_id, call.action_id, _without_secrets(error.message))
            account, action, message = map(_encodable, examples)
            self._failures[key] = FailureGroup(*key, 1, error.fate, account, action, message)
        else:
            group.count += 1

    def _add_throttling(self, by: str, wait: float | None) -> None:
        if by not in self._throttlings and len(self._throttlings) >= _MOST_GROUPS:
            by = "other apps"
        found = self._throttlings.setdefault(by, Throttling(by))
        found.count += 1
        if wait is not None:
            found.longest = max(found.longest or 0.0, wait)

    def _add_slow(self, outcome: Outcome) -> None:
        call = outcome.call
        known = self._slow.get(call.linked_account_id)
        if known is not None and known.seconds >= outcome.elapsed:
            return
        kind = type(outcome).__name__.lower()
        self._slow[call.linked_account_id] = SlowCustomer(
            call.linked_account_id, call.slug, call.action_id, outcome.elapsed, outcome.attempts, kind
        )
        if len(self._slow) > 2 * _SLOWEST:
            kept = self.slowest
            self._slow = {each.linked_account_id: each for each in kept}
            self._slow_from = kept[-1].seconds


def _encodable(text: object) -> str:
    """Return a text without lone surrogates: JSON may have them, and a call that was refused for them."""
    return str(text).encode("utf-8", "replace").decode()


def _without_secrets(message: str) -> str:
    """Return a message without live tokens and logins, shortened: apps write what they like in messages."""
    hidden = re.sub(_PRIVATE, "[hidden]", message)
    return hidden if len(hidden) <= _LONGEST_MESSAGE else hidden[:_LONGEST_MESSAGE] + "…"
