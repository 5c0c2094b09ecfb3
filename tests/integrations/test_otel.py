"""Spans and metrics as OpenTelemetry's own in-memory exporters receive them."""

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from refold_async import (
    ActionFailed,
    Call,
    CallFacts,
    Hooks,
    NotFoundError,
    Options,
    RateLimit,
    Refold,
    RefoldError,
    ServerError,
)
from refold_async.integrations.otel import instrument
from refold_async.sandbox import Fault, Sandbox

from .changing import change

TEMPLATE = "/api/v2/integration-schema/{slug}/actions/{action_id}/execute"
SECRETS = ("demo-user-1", "demo-user-2", "secret@example.com", "tk_sandbox")


class Recorded:
    """What was exported."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._exporter))
        self._reader = InMemoryMetricReader()
        self.meters = MeterProvider([self._reader])

    def hooks(self, **more: Any) -> tuple[Hooks, ...]:
        return instrument(tracer_provider=self.tracers, meter_provider=self.meters, **more)

    def options(self, options: Options, **more: Any) -> Options:
        return change(options, hooks=self.hooks(**more))

    @property
    def spans(self) -> Sequence[ReadableSpan]:
        return self._exporter.get_finished_spans()

    def call(self) -> ReadableSpan:
        [span] = [span for span in self.spans if span.name.startswith("refold ")]
        return span

    def attempts(self) -> list[ReadableSpan]:
        return [span for span in self.spans if not span.name.startswith("refold ")]

    def points(self, name: str) -> list[HistogramDataPoint | NumberDataPoint]:
        data = self._reader.get_metrics_data()
        metrics = [
            metric
            for resource in (data.resource_metrics if data else ())
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]
        return [point for metric in metrics if metric.name == name for point in metric.data.data_points]  # type: ignore[misc]

    def histogram(self, name: str) -> HistogramDataPoint:
        [point] = self.points(name)
        assert isinstance(point, HistogramDataPoint)
        return point

    def everything(self) -> str:
        data = self._reader.get_metrics_data()
        return "".join(span.to_json() for span in self.spans) + (data.to_json() if data else "")


class Retries(Hooks):
    def __init__(self) -> None:
        self.number = 0
        self.three = asyncio.Event()

    def on_retry(self, call: CallFacts, attempt: int, error: RefoldError, wait: float) -> None:
        self.number += 1
        if self.number == 3:
            self.three.set()


@pytest.fixture
def recorded() -> Recorded:
    return Recorded()


def said(span: ReadableSpan) -> Mapping[str, Any]:
    return span.attributes or {}


def parent_id(span: ReadableSpan) -> int | None:
    return None if span.parent is None else span.parent.span_id


async def read(refold: Refold, account: str = "demo-user-1") -> None:
    await refold.account(account).actions.execute("hubspot", "get_contact", {"limit": "1"})


async def test_a_call_is_a_span_with_a_child_for_each_attempt(
    sandbox: Sandbox, options: Options, recorded: Recorded
) -> None:
    sandbox.faults.add(Fault(status=503, times=1))
    async with Refold(sandbox.api_key, **recorded.options(options)) as refold:
        await read(refold)
    call, (first, second) = recorded.call(), recorded.attempts()
    port = int(sandbox.base_url.rsplit(":", 1)[1])
    assert call.name == "refold actions.execute"
    assert call.kind is SpanKind.INTERNAL
    assert said(call) == {
        "refold.operation": "actions.execute",
        "refold.slug": "hubspot",
        "refold.action_id": "get_contact",
        "refold.effect": "read",
        "refold.attempts": 2,
        "server.address": "127.0.0.1",
        "server.port": port,
    }
    assert call.status.status_code is StatusCode.UNSET
    assert [event.name for event in call.events] == ["refold.retry"]
    assert (call.events[0].attributes or {})["error.type"] == "ServerError"
    request = {
        "http.request.method": "POST",
        "url.template": TEMPLATE,
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "server.port": port,
    }
    assert said(first) == {**request, "http.response.status_code": 503, "error.type": "503"}
    assert said(second) == {**request, "http.response.status_code": 200, "http.request.resend_count": 1}
    assert first.status.status_code is StatusCode.ERROR
    assert second.status.status_code is StatusCode.UNSET
    for attempt in (first, second):
        assert attempt.name == f"POST {TEMPLATE}"
        assert attempt.kind is SpanKind.CLIENT
        assert call.context is not None
        assert parent_id(attempt) == call.context.span_id
        assert call.start_time <= attempt.start_time <= attempt.end_time <= call.end_time  # type: ignore[operator]


async def test_a_call_lies_within_the_span_around_it(
    sandbox: Sandbox, options: Options, recorded: Recorded
) -> None:
    tracer = recorded.tracers.get_tracer("app")
    async with Refold(sandbox.api_key, **recorded.options(options)) as refold:
        with tracer.start_as_current_span("handler") as handler:
            await asyncio.gather(read(refold), read(refold, "demo-user-2"))
        context = handler.get_span_context()
    calls = [span for span in recorded.spans if span.name == "refold actions.execute"]
    assert [parent_id(span) for span in calls] == [context.span_id, context.span_id]
    attempts = [span for span in recorded.attempts() if span.kind is SpanKind.CLIENT]
    assert {parent_id(attempt) for attempt in attempts} == {
        span.context.span_id for span in calls if span.context
    }


async def test_a_failure_is_named_and_not_quoted(
    sandbox: Sandbox, options: Options, recorded: Recorded
) -> None:
    sandbox.faults.add(Fault(node_status="Errored", http_status=422, data={"why": "secret@example.com"}))
    async with Refold(sandbox.api_key, **recorded.options(options)) as refold:
        with pytest.raises(ActionFailed):
            await refold.account("demo-user-1").actions.execute(
                "hubspot", "create_contact", {"email": "secret@example.com"}
            )
    call, [attempt] = recorded.call(), recorded.attempts()
    assert said(call)["error.type"] == "ActionFailed"
    assert said(call)["refold.fate"] == "rejected"
    assert call.status.status_code is StatusCode.ERROR
    assert said(attempt)["http.response.status_code"] == 200
    assert said(attempt)["error.type"] == "ActionFailed"
    text = recorded.everything()
    assert not [secret for secret in SECRETS if secret in text]


async def test_no_answer_is_named_by_its_error(
    sandbox: Sandbox, options: Options, recorded: Recorded
) -> None:
    sandbox.faults.add(Fault(drop="before"))
    async with Refold(sandbox.api_key, **recorded.options(options)) as refold:
        with pytest.raises(Exception, match="lost"):
            await refold.account("demo-user-1").actions.execute("hubspot", "create_contact", {})
    [attempt] = recorded.attempts()
    assert said(attempt)["error.type"] == "ConnectionFailedError"
    assert "http.response.status_code" not in said(attempt)
    assert said(recorded.call())["refold.fate"] == "unknown"


async def test_a_cancelled_call_closes_its_spans(
    sandbox: Sandbox, options: Options, recorded: Recorded
) -> None:
    sandbox.faults.add(Fault(hang=True))
    async with Refold(sandbox.api_key, **recorded.options(options)) as refold:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await refold.account("demo-user-1").actions.execute("hubspot", "create_contact", {})
    [attempt] = recorded.attempts()
    assert said(attempt)["error.type"] == "CancelledError"
    assert said(recorded.call())["refold.fate"] == "unknown"
    assert recorded.histogram("http.client.request.duration").attributes["error.type"] == "CancelledError"  # type: ignore[index]
    for name in ("http.client.active_requests", "refold.client.active_calls"):
        [point] = recorded.points(name)
        assert isinstance(point, NumberDataPoint)
        assert point.value == 0


@pytest.mark.parametrize(
    ("chosen", "named"),
    [
        ("plain", ("refold.linked_account_id", "demo-user-1")),
        ("hash", ("refold.linked_account_id.hash", hashlib.sha256(b"demo-user-1").hexdigest()[:16])),
        (str.upper, ("refold.linked_account_id", "DEMO-USER-1")),
    ],
)
async def test_the_customer_is_named_only_as_asked(
    sandbox: Sandbox, options: Options, recorded: Recorded, chosen: Any, named: tuple[str, str]
) -> None:
    async with Refold(sandbox.api_key, **recorded.options(options, linked_account_ids=chosen)) as refold:
        await read(refold)
    assert named in said(recorded.call()).items()
    [attempt] = recorded.attempts()
    assert not [key for key in said(attempt) if "account" in key]
    if chosen != "plain":
        assert "demo-user-1" not in recorded.everything()


async def test_a_function_that_fails_loses_the_customer_alone(
    sandbox: Sandbox, options: Options, recorded: Recorded
) -> None:
    def fail(_: str) -> str:
        raise ZeroDivisionError

    async with Refold(sandbox.api_key, **recorded.options(options, linked_account_ids=fail)) as refold:
        await read(refold)
    assert said(recorded.call())["refold.attempts"] == 1


def test_what_names_no_way_of_naming_is_refused() -> None:
    with pytest.raises(ValueError, match="linked_account_ids"):
        instrument(linked_account_ids="hashed")  # type: ignore[arg-type]


async def test_the_trace_travels_only_where_asked(
    sandbox: Sandbox, options: Options, recorded: Recorded
) -> None:
    async with Refold(sandbox.api_key, **recorded.options(options)) as refold:
        await read(refold)
    async with Refold(sandbox.api_key, **recorded.options(options, propagate=True)) as refold:
        await read(refold)
    plain, carrying = ({k.lower(): v for k, v in r.headers.items()} for r in sandbox.requests)
    assert "traceparent" not in plain
    context = recorded.attempts()[1].context
    assert context is not None
    assert carrying["traceparent"].startswith(f"00-{context.trace_id:032x}-{context.span_id:016x}-")


async def test_metrics(sandbox: Sandbox, options: Options, recorded: Recorded) -> None:
    sandbox.faults.add(Fault(status=503, times=1), Fault(latency=0.01))
    limited = change(recorded.options(options), max_connections=1, rate_limit=RateLimit(1000, burst=2))
    async with Refold(sandbox.api_key, **limited) as refold:
        await asyncio.gather(*(read(refold) for _ in range(3)))
        with pytest.raises(NotFoundError):
            await refold.account("demo-user-1").actions.list("no-such-app")
    durations = {
        (point.attributes or {})["http.response.status_code"]: point
        for point in recorded.points("http.client.request.duration")
    }
    assert {status: point.count for status, point in durations.items()} == {503: 1, 200: 3, 404: 1}  # type: ignore[union-attr]
    assert durations[503].attributes["error.type"] == "503"  # type: ignore[index]
    assert durations[200].attributes["url.template"] == TEMPLATE  # type: ignore[index]
    bounds = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
    assert tuple(durations[200].explicit_bounds) == bounds  # type: ignore[union-attr]
    attempts = {
        (p.attributes or {})["refold.operation"]: p for p in recorded.points("refold.client.call.attempts")
    }
    assert attempts["actions.execute"].sum == 4  # type: ignore[union-attr]
    assert attempts["actions.list"].attributes == {
        "refold.operation": "actions.list",
        "refold.slug": "no-such-app",
    }
    calls = recorded.points("refold.client.call.duration")
    assert sorted(str((p.attributes or {}).get("error.type")) for p in calls) == ["None", "NotFoundError"]
    assert recorded.histogram("refold.client.rate_limit.wait").sum > 0
    assert recorded.histogram("refold.client.connection.wait").sum > 0
    assert all(p.value == 0 for p in recorded.points("http.client.active_requests"))  # type: ignore[union-attr]
    assert all(p.value == 0 for p in recorded.points("refold.client.active_calls"))  # type: ignore[union-attr]


async def test_outcomes_of_a_batch_are_counted(
    sandbox: Sandbox, options: Options, recorded: Recorded
) -> None:
    sandbox.expire("demo-user-2", "hubspot")
    sandbox.faults.add(Fault(linked_account_id="demo-user-3", status=404))
    ids = ["demo-user-1", "demo-user-2", "demo-user-2", "demo-user-3"]
    calls = [Call(account, "hubspot", "get_contact", {"limit": "1"}) for account in ids]
    async with Refold(sandbox.api_key, **recorded.options(options)) as refold:
        await refold.run(calls, concurrency=1)
    counted = {
        (said["refold.outcome"], said.get("error.type", said.get("refold.reason"))): point.value  # type: ignore[union-attr]
        for point in recorded.points("refold.client.batch.outcomes")
        if (said := point.attributes or {})
    }
    assert counted == {
        ("done", None): 1,
        ("failed", "ReconnectRequiredError"): 1,
        ("skipped", "reconnect"): 1,
        ("failed", "NotFoundError"): 1,
    }


async def test_a_stopped_batch_leaves_nothing_under_way(
    sandbox: Sandbox, options: Options, recorded: Recorded
) -> None:
    retries = Retries()
    sandbox.faults.add(Fault(status=503, headers={"Retry-After": "3"}))
    calls = [Call(f"demo-user-{n}", "hubspot", "get_contact", {"limit": "1"}) for n in range(1, 4)]
    async with (
        Refold(sandbox.api_key, **change(options, hooks=[*recorded.hooks(), retries])) as refold,
        refold.batch(calls, concurrency=3) as batch,
    ):
        await retries.three.wait()
        batch.stop()
        outcomes = [outcome async for outcome in batch]
    assert len(outcomes) == 3
    [active] = recorded.points("refold.client.active_calls")
    assert active.value == 0  # type: ignore[union-attr]
    assert len([span for span in recorded.spans if span.name == "refold actions.execute"]) == 3


async def test_active_counts_while_under_way(sandbox: Sandbox, options: Options, recorded: Recorded) -> None:
    sandbox.faults.add(Fault(hang=True))
    async with Refold(sandbox.api_key, **change(recorded.options(options), max_connections=2)) as refold:
        calls = [asyncio.create_task(read(refold)) for _ in range(5)]
        await asyncio.sleep(0.05)
        [requests] = recorded.points("http.client.active_requests")
        [active] = recorded.points("refold.client.active_calls")
        for call in calls:
            call.cancel()
        await asyncio.wait(calls)
    assert (requests.value, active.value) == (2, 5)  # type: ignore[union-attr]


async def test_the_global_providers_serve_by_default(sandbox: Sandbox, options: Options) -> None:
    sandbox.faults.add(Fault(status=500))
    async with Refold(sandbox.api_key, **change(options, hooks=instrument(propagate=True))) as refold:
        with pytest.raises(ServerError):
            await refold.account("demo-user-1").actions.execute("hubspot", "create_contact", {})


def test_nothing_of_it_is_imported_unasked() -> None:
    code = (
        "import sys, json, refold_async; print(json.dumps([m for m in sys.modules if 'opentelemetry' in m]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
