"""Spans and metrics as OpenTelemetry's own in-memory exporters receive them."""

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest
from opentelemetry.sdk.metrics.export import NumberDataPoint
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from refold_async import (
    ActionFailed,
    Options,
    Refold,
    ServerError,
)
from refold_async.integrations.otel import instrument
from refold_async.sandbox import Fault, Sandbox
from tests.sandbox.raw_client import until

from .changing import change
from .recorded import TEMPLATE, Recorded

SECRETS = ("demo-user-1", "demo-user-2", "secret@example.com", "tk_sandbox")


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


async def test_a_calls_span_is_a_child_of_the_current_span(
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


async def test_a_failure_is_recorded_by_class_without_its_message(
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


async def test_a_missing_response_is_recorded_by_its_error_class(
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
        execute = refold.account("demo-user-1").actions.execute("hubspot", "create_contact", {})
        call = asyncio.create_task(execute)
        await until(lambda: sandbox.requests)
        call.cancel()
        await asyncio.wait([call])
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
async def test_the_customer_is_recorded_only_as_configured(
    sandbox: Sandbox, options: Options, recorded: Recorded, chosen: Any, named: tuple[str, str]
) -> None:
    async with Refold(sandbox.api_key, **recorded.options(options, linked_account_ids=chosen)) as refold:
        await read(refold)
    assert named in said(recorded.call()).items()
    [attempt] = recorded.attempts()
    assert not [key for key in said(attempt) if "account" in key]
    if chosen != "plain":
        assert "demo-user-1" not in recorded.everything()


async def test_a_failing_function_omits_only_the_customer(
    sandbox: Sandbox, options: Options, recorded: Recorded
) -> None:
    def fail(_: str) -> str:
        raise ZeroDivisionError

    async with Refold(sandbox.api_key, **recorded.options(options, linked_account_ids=fail)) as refold:
        await read(refold)
    assert said(recorded.call())["refold.attempts"] == 1


def test_an_invalid_customer_setting_is_refused() -> None:
    with pytest.raises(ValueError, match="linked_account_ids"):
        instrument(linked_account_ids="hashed")  # type: ignore[arg-type]


async def test_the_trace_context_is_sent_only_with_propagate(
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


async def test_the_global_providers_serve_by_default(sandbox: Sandbox, options: Options) -> None:
    sandbox.faults.add(Fault(status=500))
    async with Refold(sandbox.api_key, **change(options, hooks=instrument(propagate=True))) as refold:
        with pytest.raises(ServerError):
            await refold.account("demo-user-1").actions.execute("hubspot", "create_contact", {})


def test_importing_the_package_does_not_import_opentelemetry() -> None:
    code = (
        "import sys, json, refold_async; print(json.dumps([m for m in sys.modules if 'opentelemetry' in m]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
