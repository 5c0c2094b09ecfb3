"""Traces: a span per logical call, with a child span per attempt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from weakref import WeakKeyDictionary

from opentelemetry import propagate as propagation
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context

from refold_async.errors import Fate, RefoldError
from refold_async.hooks import CallFacts, Hooks, WaitReason
from refold_async.integrations.otel import attributes
from refold_async.integrations.otel.attributes import AccountAttribute


class _CallSpans:
    """The open spans of one active call."""

    __slots__ = ("attempt", "call", "inside")

    def __init__(self, call: Span) -> None:
        self.call: Final = call
        self.inside: Final[Context] = set_span_in_context(call)
        self.attempt: Span | None = None


class Spans(Hooks):
    """Hooks that record spans, created by `instrument`."""

    def __init__(self, tracer: Tracer, account: AccountAttribute, *, propagate: bool) -> None:
        self._tracer = tracer
        self._account = account
        self._propagate = propagate
        self._spans: WeakKeyDictionary[CallFacts, _CallSpans] = WeakKeyDictionary()

    def on_call(self, call: CallFacts) -> None:
        """Start the call's span as a child of the caller's current span."""
        values = attributes.call_attributes(call)
        spans = _CallSpans(self._tracer.start_span(f"refold {call.operation}", attributes=values))
        self._spans[call] = spans
        spans.call.set_attributes(self._account(call))

    def on_wait(self, call: CallFacts, reason: WaitReason, seconds: float) -> None:
        """Add an event for the wait to the call's span."""
        self._spans[call].call.add_event(
            "refold.wait", {"refold.wait.reason": reason, "refold.wait.duration": seconds}
        )

    def on_request(self, call: CallFacts, attempt: int) -> Mapping[str, str] | None:
        """Start the attempt's span."""
        spans = self._spans[call]
        values = attributes.request_attributes(call)
        if attempt > 1:
            values["http.request.resend_count"] = attempt - 1
        spans.attempt = self._tracer.start_span(
            f"{call.method} {call.path}", context=spans.inside, kind=SpanKind.CLIENT, attributes=values
        )
        return self._context_of(spans.attempt) if self._propagate else None

    def on_response(
        self, call: CallFacts, attempt: int, status: int | None, error: RefoldError | None, seconds: float
    ) -> None:
        """End the attempt's span."""
        self._close_attempt(self._spans[call], status, error)

    def on_retry(self, call: CallFacts, attempt: int, error: RefoldError, wait: float) -> None:
        """Add an event for the retry to the call's span."""
        self._spans[call].call.add_event(
            "refold.retry", {"error.type": type(error).__name__, "refold.wait.duration": wait}
        )

    def on_done(
        self, call: CallFacts, attempts: int, error: BaseException | None, fate: Fate | None, seconds: float
    ) -> None:
        """End the call's span, and the span of a cancelled attempt."""
        spans = self._spans.pop(call)
        self._close_attempt(spans, None, error)
        spans.call.set_attribute("refold.attempts", attempts)
        _close(spans.call, attributes.failure_attributes(error, fate), error)

    def _close_attempt(self, spans: _CallSpans, status: int | None, error: BaseException | None) -> None:
        span, spans.attempt = spans.attempt, None
        if span is not None:
            _close(span, attributes.response_attributes(status, error), error)

    def _context_of(self, span: Span) -> Mapping[str, str]:
        headers: dict[str, str] = {}
        propagation.inject(headers, context=set_span_in_context(span))
        return headers


def _close(span: Span, values: Mapping[str, str | int], error: BaseException | None) -> None:
    span.set_attributes(values)
    if error is not None:
        span.set_status(Status(StatusCode.ERROR))
    span.end()
