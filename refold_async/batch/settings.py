"""The settings of a batch, checked when they are constructed."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import Literal, TypedDict

import msgspec

from refold_async._core.checks import check_count, check_timeout, check_type, is_number
from refold_async.batch.journal import Journal, journal_of
from refold_async.batch.journal.opened import OpenJournal
from refold_async.batch.summary import BatchProgress
from refold_async.errors import SettingsError
from refold_async.results import ActionResult
from refold_async.settings import RateLimit
from refold_async.settle import Settle

ResultCheck = Callable[[ActionResult], str | None]
"""Returns why a result is a failure, or `None` if it is a success."""


class PerAccount(msgspec.Struct, frozen=True, kw_only=True):
    """The limits of one customer within a batch, over all its apps.

    Args:
        concurrency: Calls under way at once for one account; default: unlimited.
        rate: Calls that may start per second for one account; default: unlimited.

    Raises:
        SettingsError: If a value is out of range.
    """

    concurrency: int | None = None
    rate: RateLimit | None = None

    def __post_init__(self) -> None:
        """Validate the limits."""
        if self.concurrency is not None:
            check_count("PerAccount: concurrency", self.concurrency)
        if self.rate is not None and not isinstance(self.rate, RateLimit):
            raise SettingsError(f"PerAccount: rate must be a RateLimit, not {type(self.rate).__name__}")


class FanOutOptions(TypedDict, total=False):
    """The keyword settings that batches, walks and jobs share; see `BatchOptions`."""

    concurrency: int
    per_account: int | RateLimit | PerAccount | None
    window: int
    timeout: float | None
    patience: float
    on_failure: Literal["collect", "stop"]
    stop_at_failure_share: float | None


class BatchOptions(FanOutOptions, total=False):
    """The keyword settings of `Refold.batch` and `Refold.run`.

    Keys:
        concurrency: Calls under way at once; default 50. At most the client's `max_connections`.
        per_account: The limits of one customer: a number of calls at once, a `RateLimit`, or a
            `PerAccount` with both; default: unlimited. Accounts always take turns.
        window: Maximum number of calls held besides those under way: read ahead past the calls of slow
            or throttled customers, or waiting for another attempt; default 10,000. Reading ahead
            stops earlier, once twice `concurrency` accounts have a call that may start.
        timeout: Seconds for the attempts of one call, not counting the time for which the batch holds
            it back (queues, rate limits, waits between attempts); default: the client's.
        patience: Seconds that one call may wait in all after Refold's own 429s before it fails; default 600.
        on_failure: `"collect"` (default) continues; `"stop"` starts nothing more after the first `Failed`.
        stop_at_failure_share: Starts nothing more once this share (0 to 1) of at least 20 ended calls
            has failed; default: never.
        journal: A path, or a `Journal`, that makes the batch resumable; default: none.
        settle: A `Settle`: how to find out what became of writes of unknown fate; default: they are reported
            as `Failed` with that fate.
        result_check: Called with each successful `ActionResult`; returns why it is a failure, or `None`. Such
            a call is `Failed` with an `ActionFailed` of fate `unknown`, since a part of it may have been
            done. Default: none is; `summary.partial` counts those whose app answered 207.
        validate: Whether to check each call's parameters against its action's schema, fetched once per app
            and action; a call that does not fit is `Failed` with an `InvalidCallError`. Default: false.
        on_progress: Called with a `BatchProgress` four times a second, and at the end.
    """

    journal: str | os.PathLike[str] | Journal | None
    settle: Settle | None
    result_check: ResultCheck | None
    validate: bool
    on_progress: Callable[[BatchProgress], object] | None


class BatchSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Validated settings; see `BatchOptions` for their meaning.

    Raises:
        SettingsError: If a setting is invalid; the message says which and why.
    """

    concurrency: int = 50
    per_account: int | RateLimit | PerAccount | None = None
    window: int = 10_000
    timeout: float | None = None
    patience: float = 600.0
    on_failure: Literal["collect", "stop"] = "collect"
    stop_at_failure_share: float | None = None
    journal: str | os.PathLike[str] | Journal | OpenJournal | None = None
    settle: Settle | None = None
    result_check: ResultCheck | None = None
    validate: bool = False
    on_progress: Callable[[BatchProgress], object] | None = None

    def __post_init__(self) -> None:
        """Validate the settings."""
        check_count("concurrency", self.concurrency)
        check_count("window", self.window)
        if self.timeout is not None:
            check_timeout(self.timeout)
        _check_patience(self.patience)
        if self.on_failure not in {"collect", "stop"}:
            raise SettingsError(f'on_failure must be "collect" or "stop", not {self.on_failure!r}')
        if self.stop_at_failure_share is not None:
            _check_share(self.stop_at_failure_share)
        _check_function("on_progress", self.on_progress)
        _check_function("result_check", self.result_check)
        check_type("validate", self.validate, bool)
        if self.journal is not None:
            journal = (
                self.journal.setting if isinstance(self.journal, OpenJournal) else journal_of(self.journal)
            )
            _check_journal(journal, settles=self.settle is not None)
        if self.settle is not None:
            check_type("settle", self.settle, Settle)
        self.account_bounds()

    def account_bounds(self) -> PerAccount:
        """Return the limits of one customer.

        Raises:
            SettingsError: If `per_account` is not a limit.
        """
        match self.per_account:
            case None:
                return PerAccount()
            case PerAccount():
                return self.per_account
            case RateLimit():
                return PerAccount(rate=self.per_account)
            case _:
                check_count("per_account", self.per_account, otherwise=" or a RateLimit or a PerAccount")
                return PerAccount(concurrency=self.per_account)


def _check_function(name: str, function: object) -> None:
    if function is not None and not callable(function):
        raise SettingsError(f"{name} must be callable, not {type(function).__name__}")
    if inspect.iscoroutinefunction(function):
        raise SettingsError(f"{name} must be a plain function, not a coroutine function")


def _check_journal(value: str | os.PathLike[str] | Journal | OpenJournal, *, settles: bool) -> None:
    journal = value.setting if isinstance(value, OpenJournal) else journal_of(value)
    if journal.retry_unknown and settles:
        raise SettingsError(
            'retry_unknown repeats unknown writes unchecked: remove it, or use Settle(absent="run") alone'
        )


def _check_patience(value: object) -> None:
    if not (is_number(value) and value >= 0):
        raise SettingsError(f"patience must be a number of seconds of at least 0, not {value!r}")


def _check_share(value: object) -> None:
    if not (is_number(value) and 0 < value <= 1):
        raise SettingsError(f"stop_at_failure_share must be above 0 and at most 1, not {value!r}")
