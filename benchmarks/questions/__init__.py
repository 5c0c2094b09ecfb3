"""The questions, in the order in which they are printed: each is a file with one `ask`."""

from collections.abc import Callable

from benchmarks.plan import Plan
from benchmarks.questions import call_cost, payload_size, tls
from benchmarks.report import Table

QUESTIONS: dict[str, Callable[[Plan], Table]] = {
    "call-cost": call_cost.ask,
    "payload-size": payload_size.ask,
    "tls": tls.ask,
}
