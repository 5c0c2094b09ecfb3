"""The questions, in the order in which they are printed: each is a file with one `ask`."""

from collections.abc import Callable

from benchmarks.plan import Plan
from benchmarks.questions import call_cost, decode, integrations, payload_size, rate_limit, startup, tls
from benchmarks.report import Table

QUESTIONS: dict[str, Callable[[Plan], Table]] = {
    "call-cost": call_cost.ask,
    "payload-size": payload_size.ask,
    "decode": decode.ask,
    "rate-limit": rate_limit.ask,
    "tls": tls.ask,
    "start-up": startup.ask,
    "integrations": integrations.ask,
}
