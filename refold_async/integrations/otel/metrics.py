"""Metrics: durations, failures and waits of calls and their attempts."""

from __future__ import annotations

import time
from typing import Final
from weakref import WeakKeyDictionary

from opentelemetry.metrics import Meter

from refold_async.calls import Outcome
from refold_async.errors import Fate, RefoldError
from refold_async.hooks import CallFacts, Hooks, WaitReason
from refold_async.integrations.otel import attributes

SECONDS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""The buckets that the semantic conventions recommend for `http.client.request.duration`."""

LONG_SECONDS: Final = (*SECONDS, 15, 30, 60)
"""The same, up to the default timeout of a call with its waits and retries."""


class Metrics(Hooks):
    """Hooks that record metrics, created by `instrument`.

    No metric has the action or the customer as an attribute: their cardinality is too high.
    """

    def __init__(self, meter: Meter) -> None:
        self._request_duration = meter.create_histogram(
            "http.client.request.duration", "s", "Duration of HTTP client requests.",
            explicit_bucket_boundaries_advisory=SECONDS,
        )  # fmt: skip
        self._active_requests = meter.create_up_down_counter(
            "http.client.active_requests", "{request}", "Number of active HTTP requests."
        )
        self._call_duration = meter.create_histogram(
            "refold.client.call.duration", "s", "Duration of calls with their waits and retries.",
            explicit_bucket_boundaries_advisory=LONG_SECONDS,
        )  # fmt: skip
        self._active_calls = meter.create_up_down_counter(
            "refold.client.active_calls", "{call}", "Number of active calls, including those waiting."
        )
        self._attempts = meter.create_histogram(
            "refold.client.call.attempts", "{attempt}", "Attempts per call.",
            explicit_bucket_boundaries_advisory=(1, 2, 3, 4, 6, 8),
        )  # fmt: skip
        self._waits = {
            reason: meter.create_histogram(
                f"refold.client.{name}.wait", "s", description,
                explicit_bucket_boundaries_advisory=LONG_SECONDS,
            )
            for reason, name, description in (
                ("rate", "rate_limit", "Time calls waited for the rate limit."),
                ("connection", "connection", "Time calls waited for a free connection."),
            )
        }  # fmt: skip
        self._outcomes = meter.create_counter(
            "refold.client.batch.outcomes", "{call}", "Batch calls that ended, by outcome."
        )
        self._sent_at: WeakKeyDictionary[CallFacts, float] = WeakKeyDictionary()

    def on_call(self, call: CallFacts) -> None:
        """Increment the active calls."""
        self._active_calls.add(1, _of(call))

    def on_wait(self, call: CallFacts, reason: WaitReason, seconds: float) -> None:
        """Record the wait."""
        self._waits[reason].record(seconds, _of(call))

    def on_request(self, call: CallFacts, attempt: int) -> None:
        """Increment the active requests."""
        self._sent_at[call] = time.perf_counter()
        self._active_requests.add(1, attributes.request_attributes(call))

    def on_response(
        self, call: CallFacts, attempt: int, status: int | None, error: RefoldError | None, seconds: float
    ) -> None:
        """Record the request's duration."""
        self._end_request(call, status, error)

    def on_done(
        self, call: CallFacts, attempts: int, error: BaseException | None, fate: Fate | None, seconds: float
    ) -> None:
        """Record the call's duration and attempts, and end a cancelled request."""
        if call in self._sent_at:
            self._end_request(call, None, error)
        values = _of(call)
        self._active_calls.add(-1, values)
        self._attempts.record(attempts, values)
        self._call_duration.record(seconds, {**values, **attributes.failure_attributes(error, fate)})

    def on_outcome(self, outcome: Outcome) -> None:
        """Count the outcome."""
        self._outcomes.add(1, attributes.outcome_attributes(outcome))

    def _end_request(self, call: CallFacts, status: int | None, error: BaseException | None) -> None:
        values = attributes.request_attributes(call)
        self._active_requests.add(-1, values)
        seconds = time.perf_counter() - self._sent_at.pop(call)
        self._request_duration.record(seconds, {**values, **attributes.response_attributes(status, error)})


def _of(call: CallFacts) -> dict[str, str | int]:
    """Return the attributes shared by a call's metrics."""
    values: dict[str, str | int] = {"refold.operation": call.operation}
    if call.slug is not None:
        values["refold.slug"] = call.slug
    return values
