"""What a call's failure means for the other calls of its batch. No clock, no I/O."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from refold_async.batch.settings import BatchSettings
from refold_async.batch.summary import Counters
from refold_async.calls import Call, Reason
from refold_async.errors import AuthenticationError, ClosedError, RateLimitedError, RefoldError, SettingsError

_OF_THE_KEY: Final = re.compile(
    r"invalid[ _]credentials|invalid[ _]token|token[ _]missing|api[ _-]?key", re.IGNORECASE
)

FEWEST: Final = 20
"""Calls that must have ended before the share of failures counts."""


def name_call(error: RefoldError, call: Call) -> None:
    """Add the call to its error, and its names if the error was raised before they were known."""
    error.call = call
    if error.operation is None:
        error.operation = "actions.execute"
        error.linked_account_id, error.slug, error.action_id = (
            call.linked_account_id, call.slug, call.action_id,
        )  # fmt: skip


def is_key_throttled(error: RefoldError) -> bool:
    """Whether Refold itself throttled the call: all calls of the key pause."""
    return isinstance(error, RateLimitedError) and not error.by_app


def reason_to_stop(error: RefoldError, *, served: bool) -> Reason | None:
    """Return why a call's failure stops the batch (every other call would fail alike), or `None`.

    A call's `SettingsError` comes from a key source that returned no key.

    Args:
        error: The failure.
        served: Whether the key has worked for another call of the batch: a 401 whose message is not one
            about keys is then taken as that customer's alone.
    """
    if isinstance(error, AuthenticationError):
        blamed = _OF_THE_KEY.search(f"{error.error_code} {error.message}") is not None
        return "api_key_refused" if blamed or not served else None
    if isinstance(error, SettingsError):
        return "api_key_refused"
    return "client_closed" if isinstance(error, ClosedError) else None


def failure_limit(settings: BatchSettings) -> Callable[[Counters], Reason | None]:
    """Return a function that says after a failure why the batch stops, by its settings."""
    share = settings.stop_at_failure_share

    def limit(counters: Counters) -> Reason | None:
        if settings.on_failure == "stop":
            return "failed_call"
        if share is not None and counters.ended_now >= FEWEST and counters.failed_share() >= share:
            return "failure_share"
        return None

    return limit
