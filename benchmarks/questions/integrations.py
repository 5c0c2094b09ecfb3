"""What do listeners and a web application's surroundings cost, over the bare client?"""

import asyncio

from benchmarks.clients import REFOLD, sdk
from benchmarks.clients.adapter import Adapter
from benchmarks.payloads import SMALL
from benchmarks.plan import PreparedCall, compare
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Rounds
from benchmarks.server import serving
from refold_async import Hooks

_QUESTION = "What do the integrations cost?"
_COLUMNS = ("x refold_async", "x the bare handler", "µs")
_SILENT = "with hooks that do nothing"
_UNTRACED = "instrumented, without OpenTelemetry's SDK"
_TRACED = "instrumented, spans and metrics made"
_BARE = "Starlette handler, bare client"
_HOME = "Starlette handler, the integration"


def ask(plan: PreparedCall) -> Table:
    """An execute, heard by more and more, and from within a handler."""
    try:
        from benchmarks.clients import around
    except ImportError as error:
        return Table(_QUESTION, _COLUMNS, (), note=f"Not measured: {error.name} is not installed.")
    contenders: dict[str, Adapter] = {
        REFOLD: sdk.refold,
        _SILENT: around.heard(Hooks()),
        _UNTRACED: around.untraced(),
        _TRACED: around.traced(),
        _BARE: around.in_bare_handler,
        _HOME: around.in_handler,
    }
    with serving(SMALL) as base_url:
        rounds = asyncio.run(compare(contenders, plan, base_url, in_flight=10))
    return Table(
        _QUESTION,
        _COLUMNS,
        tuple(_row(rounds, name) for name in contenders),
        note="An execute with a 300-byte answer, 10 in flight; the handlers are called without a server.",
        bounds=(
            Bound("hooks that do nothing, x none", rounds.ratio(_SILENT, REFOLD).median, 1.4),
            Bound("a handler with the integration, x a bare one", rounds.ratio(_HOME, _BARE).median, 3.0),
        ),
    )


def _row(rounds: Rounds, name: str) -> Row:
    handler = rounds.ratio(name, _BARE) if name in {_BARE, _HOME} else None
    return Row(name, (rounds.ratio(name, REFOLD), handler, rounds.cost(name)))
