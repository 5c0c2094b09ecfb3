"""The questions in printing order: each is a module with one `ask` function."""

from collections.abc import Callable

from benchmarks.options import RunOptions
from benchmarks.questions import (
    batch,
    call_cost,
    command,
    decode,
    fan_out,
    integrations,
    journal,
    large,
    layers,
    payload_size,
    rate_limit,
    sandbox,
    startup,
    tls,
    tools,
    walks,
    width,
)
from benchmarks.report import Table

QUESTIONS: dict[str, Callable[[RunOptions], Table]] = {
    "call-cost": call_cost.ask,
    "layers": layers.ask,
    "width": width.ask,
    "payload-size": payload_size.ask,
    "decode": decode.ask,
    "large": large.ask,
    "fan-out": fan_out.ask,
    "batch": batch.ask,
    "journal": journal.ask,
    "rate-limit": rate_limit.ask,
    "tls": tls.ask,
    "start-up": startup.ask,
    "command": command.ask,
    "integrations": integrations.ask,
    "walks": walks.ask,
    "tools": tools.ask,
    "sandbox": sandbox.ask,
}

WITHOUT_BOUNDS = frozenset({"payload-size", "tls"})
"""The questions that `--check` leaves out."""
