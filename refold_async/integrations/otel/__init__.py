"""OpenTelemetry traces and metrics of every call. Requires the extra `otel`.

```python
from refold_async import Refold
from refold_async.integrations.otel import instrument

refold = Refold(hooks=instrument())
```

A logical call is one span, e.g. `refold actions.execute`. Each attempt is a child span that follows
OpenTelemetry's semantic conventions for HTTP clients, except that `url.full` is omitted because it
would contain raw ids; `url.template` does not. No span, event or metric contains a key, a body or a
message from the service.
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
    """Return hooks that trace and measure calls, for the `hooks` setting.

    To combine them with your own: `hooks=[*instrument(), mine]`.

    Args:
        tracer_provider: The provider for spans; default: the global one.
        meter_provider: The provider for metrics; default: the global one.
        linked_account_ids: How spans identify the customer: `"plain"`; `"hash"`, the first 16
            hexadecimal digits of the id's SHA-256, which anyone who can guess the id can verify; a
            function from id to string; or `None` (default), not at all. Metrics never do.
        propagate: Whether to send the trace context to the service with the global propagator; off by
            default because the service belongs to another company.

    Raises:
        ValueError: If `linked_account_ids` is anything else.
    """
    tracer = get_tracer(SCOPE, tracer_provider=tracer_provider)
    meter = get_meter(SCOPE, meter_provider=meter_provider)
    return Spans(tracer, account_attribute(linked_account_ids), propagate=propagate), Metrics(meter)
