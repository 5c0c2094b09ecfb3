"""What OpenTelemetry's own in-memory exporters received."""

from collections.abc import Sequence
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from refold_async import Hooks, Options
from refold_async.integrations.otel import instrument

from .changing import change

TEMPLATE = "/api/v2/integration-schema/{slug}/actions/{action_id}/execute"
"""The path of an execute."""


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
