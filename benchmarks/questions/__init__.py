"""The questions, in the order in which they are printed: each is a file with one `ask`."""

from collections.abc import Callable

from benchmarks.plan import PreparedCall
from benchmarks.questions import (
    call_cost,
    decode,
    fan_out,
    integrations,
    layers,
    payload_size,
    rate_limit,
    startup,
    tls,
)
from benchmarks.report import Table

QUESTIONS: dict[str, Callable[[PreparedCall], Table]] = {
    "call-cost": call_cost.ask,
    "layers": layers.ask,
    "payload-size": payload_size.ask,
    "decode": decode.ask,
    "fan-out": fan_out.ask,
    "rate-limit": rate_limit.ask,
    "tls": tls.ask,
    "start-up": startup.ask,
    "integrations": integrations.ask,
}
