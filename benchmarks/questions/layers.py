"""Where do the microseconds of a call go?"""

import asyncio
from itertools import pairwise

from benchmarks.clients import FLOOR, floor
from benchmarks.clients.adapter import Adapter
from benchmarks.clients.layers import LAYERS
from benchmarks.payloads import SMALL
from benchmarks.plan import Plan, compare
from benchmarks.report import Row, Table
from benchmarks.rounds import Rounds
from benchmarks.server import serving


def ask(plan: Plan) -> Table:
    """The layers of one execute, each measured together with those beneath it."""
    contenders: dict[str, Adapter] = {FLOOR: floor.protocol} | {n: made for n, (_, made) in LAYERS.items()}
    with serving(SMALL) as base_url:
        rounds = asyncio.run(compare(contenders, plan, base_url, in_flight=10))
    rows = [Row(FLOOR, ("", rounds.cost(FLOOR), rounds.ratio(FLOOR, FLOOR), rounds.cost(FLOOR)))]
    rows += [_row(rounds, name, below) for below, name in pairwise(contenders)]
    return Table(
        "Where do the microseconds of a call go?",
        ("what it does", "µs of its own", "x floor, with those above", "µs, with those above"),
        tuple(rows),
        note="An execute with a 300-byte answer, 10 in flight; each line goes through the lines above it.",
    )


def _row(rounds: Rounds, name: str, below: str) -> Row:
    own = rounds.difference(name, below)
    return Row(name, (LAYERS[name][0], own, rounds.ratio(name, FLOOR), rounds.cost(name)))
