"""The random faults of the long runs."""

from typing import Any

from refold_async.sandbox import Fault


def write_faults(share: float) -> list[Fault]:
    """Return faults of executes, each with the given probability: before, during and after the action."""
    execute: dict[str, Any] = {"operation": "actions.execute", "probability": share}
    return [
        Fault(drop="before", **execute),
        Fault(drop="during", **execute),
        Fault(drop="after", **execute),
        Fault(status=503, when="before", **execute),
        Fault(status=502, when="after", body="html", **execute),
        Fault(status=500, when="after", **execute),
        Fault(status=429, headers={"Retry-After": "0.01"}, **execute),
        Fault(truncate=0.5, **execute),
        Fault(garbage=True, **execute),
        Fault(latency=(0.0, 0.05), **execute),
    ]


def any_faults(share: float) -> list[Fault]:
    """Return faults of every operation, including those that make a call hang."""
    rare: dict[str, Any] = {"probability": share / 8}
    return [
        *write_faults(share),
        Fault(status=503, body="empty", probability=share),
        Fault(drop="during", probability=share),
        Fault(node_status="Errored", http_status=422, operation="actions.execute", probability=share),
        Fault(latency=(0.0, 0.2), probability=share),
        Fault(hang=True, **rare),
        Fault(hang=True, when="after", **rare),
        Fault(stall=True, **rare),
    ]
