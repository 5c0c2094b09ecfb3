"""What goes wrong in the heavy runs: each kind of fault, by chance."""

from typing import Any

from refold_async.sandbox import Fault


def write_faults(share: float) -> list[Fault]:
    """Faults of executes, each kind at a chance: before the action ran, while it answers, after it ran."""
    struck: dict[str, Any] = {"operation": "actions.execute", "probability": share}
    return [
        Fault(drop="before", **struck),
        Fault(drop="during", **struck),
        Fault(drop="after", **struck),
        Fault(status=503, when="before", **struck),
        Fault(status=502, when="after", body="html", **struck),
        Fault(status=500, when="after", **struck),
        Fault(status=429, headers={"Retry-After": "0.01"}, **struck),
        Fault(truncate=0.5, **struck),
        Fault(garbage=True, **struck),
        Fault(latency=(0.0, 0.05), **struck),
    ]


def any_faults(share: float) -> list[Fault]:
    """Faults of every operation, those included that let a call wait for ever."""
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
