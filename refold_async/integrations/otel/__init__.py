"""OpenTelemetry: traces and metrics of every call. Needs the extra `otel`.

```python
from refold_async import Refold
from refold_async.integrations.otel import instrument

refold = Refold(hooks=instrument())
```

A logical call is one span, `refold actions.execute`, and each of its attempts is a child of it, an
HTTP client span by OpenTelemetry's semantic conventions. `url.full` alone is left out: it would
hold raw ids, where `url.template` holds none. No span, event or metric carries a key, a body, or a
message of the service.
"""

from __future__ import annotations

from typing import Final

from refold_async.hooks import Hooks
from refold_async.integrations import missing_extra

try:
    from opentelemetry.metrics import MeterProvider, get_meter
    from opentelemetry.trace import TracerProvider, get_tracer
except ModuleNotFoundError as error:
    raise missing_extra(error, "otel") from error

from refold_async.integrations.otel.attributes import AccountIds, account_attribute
from refold_async.integrations.otel.metrics import Metrics
from refold_async.integrations.otel.spans import Spans

__all__ = ["AccountIds", "Metrics", "Spans", "instrument"]

SCOPE: Final = "refold_async"


def instrument(
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    linked_account_ids: AccountIds = None,
    propagate: bool = False,
) -> tuple[Hooks, ...]:
    """Give the hooks that trace and measure calls, for the setting `hooks`.

    To combine them with your own: `hooks=[*instrument(), mine]`.

    Args:
        tracer_provider: Where spans go; default: the global one.
        meter_provider: Where metrics go; default: the global one.
        linked_account_ids: Whether spans say for which customer a call was made: `"plain"`;
            `"hash"`, 16 hexadecimal digits of its SHA-256, which are the same for the same customer,
            and which whoever can guess an id can check; a function from id to text; or `None`
            (default): not at all. Metrics never do.
        propagate: Whether requests carry the trace's context to the service, by the global
            propagator; default no, since it is another company's.

    Raises:
        ValueError: `linked_account_ids` is none of these.
    """
    tracer = get_tracer(SCOPE, tracer_provider=tracer_provider)
    meter = get_meter(SCOPE, meter_provider=meter_provider)
    return Spans(tracer, account_attribute(linked_account_ids), propagate=propagate), Metrics(meter)
