"""Where do the microseconds of a call go?"""

import asyncio
from itertools import pairwise
from typing import Any

from benchmarks.clients import FLOOR, floor
from benchmarks.clients.adapter import Adapter
from benchmarks.clients.layers import LAYERS
from benchmarks.payloads import SMALL
from benchmarks.plan import PreparedCall, compare
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Figure, Rounds, interleave_sync
from benchmarks.server import serving
from refold_async._core.observer import Observer

_ANY: Any = None


def ask(plan: PreparedCall) -> Table:
    """The layers of one execute, each measured together with those beneath it."""
    contenders: dict[str, Adapter] = {FLOOR: floor.protocol} | {n: made for n, (_, made) in LAYERS.items()}
    with serving(SMALL) as base_url:
        rounds = asyncio.run(compare(contenders, plan, base_url, in_flight=10))
    asking = _asking(plan)
    whole = rounds.cost("the plan")
    rows = [Row(FLOOR, ("", rounds.cost(FLOOR), rounds.ratio(FLOOR, FLOOR), rounds.cost(FLOOR)))]
    rows += [_row(rounds, name, below) for below, name in pairwise(contenders)]
    share = asking.median / whole.median
    rows.append(Row("of the trip: listeners", ("whether anybody listens: nobody does", asking, "", "")))
    return Table(
        "Where do the microseconds of a call go?",
        ("what it does", "µs of its own", "x floor, with those above", "µs, with those above"),
        tuple(rows),
        note="An execute with a 300-byte answer, 10 in flight; each layer goes through those above it.",
        bounds=(Bound("nobody listens: the asking, as a share of a call", share, 0.01),),
    )


def _row(rounds: Rounds, name: str, below: str) -> Row:
    own = rounds.difference(name, below)
    return Row(name, (LAYERS[name][0], own, rounds.ratio(name, FLOOR), rounds.cost(name)))


def _asking(plan: PreparedCall) -> Figure:
    """What a call without listeners does for them: asks for one, then three times whether there is one."""

    def asked() -> None:
        for _ in range(1000):
            observer = Observer.of(None, _ANY, _ANY, 0.0)
            if observer is not None or observer is not None or observer is not None:
                raise RuntimeError("somebody listens")

    def unasked() -> None:
        for _ in range(1000):
            pass

    functions = {"asked": asked, "unasked": unasked}
    rounds = interleave_sync(functions, rounds=plan.rounds, seconds=plan.seconds / 5)
    difference = rounds.difference("asked", "unasked")
    return Figure(difference.median / 1000, difference.low / 1000, difference.high / 1000)
