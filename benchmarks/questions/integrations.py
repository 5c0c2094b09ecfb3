"""What do hooks and a web application cost on top of the client?"""

import asyncio

from benchmarks.clients import REFOLD, sdk
from benchmarks.clients.adapter import Adapter
from benchmarks.options import RunOptions, compare
from benchmarks.payloads import SMALL
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Rounds
from benchmarks.server import serving
from refold_async import Hooks

_QUESTION = "What do the integrations cost?"
_COLUMNS = ("x refold_async", "x the plain handler", "µs")
_NO_OP = "with no-op hooks"
_UNTRACED = "instrumented, no OpenTelemetry SDK"
_TRACED = "instrumented, spans and metrics recorded"
_BARE = "Starlette handler, plain client"
_INTEGRATED = "Starlette handler, integration"


def ask(options: RunOptions) -> Table:
    """Compare an execute with more and more hooks, and from within a handler."""
    try:
        from benchmarks.clients import around
    except ImportError as error:
        return Table(_QUESTION, _COLUMNS, (), note=f"Not measured: {error.name} is not installed.")
    contenders: dict[str, Adapter] = {
        REFOLD: sdk.refold,
        _NO_OP: around.with_hooks(Hooks()),
        _UNTRACED: around.untraced(),
        _TRACED: around.traced(),
        _BARE: around.in_bare_handler,
        _INTEGRATED: around.in_handler,
    }
    with serving(SMALL) as base_url:
        rounds = asyncio.run(compare(contenders, options, base_url, in_flight=10))
    return Table(
        _QUESTION,
        _COLUMNS,
        tuple(_row(rounds, name) for name in contenders),
        note="An execute with a 300-byte response, 10 in flight; the handlers are called without a server.",
        bounds=(
            Bound("no-op hooks, x no hooks", rounds.ratio(_NO_OP, REFOLD).median, 1.4),
            Bound(
                "a handler with the integration, x a plain one", rounds.ratio(_INTEGRATED, _BARE).median, 3.0
            ),
        ),
    )


def _row(rounds: Rounds, name: str) -> Row:
    handler = rounds.ratio(name, _BARE) if name in {_BARE, _INTEGRATED} else None
    return Row(name, (rounds.ratio(name, REFOLD), handler, rounds.cost(name)))
