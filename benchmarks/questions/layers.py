"""Where does the time of a call go?"""

import asyncio
from itertools import pairwise
from typing import Any

from benchmarks.clients import FLOOR, floor
from benchmarks.clients.adapter import Adapter
from benchmarks.clients.layers import LAYERS
from benchmarks.options import RunOptions, compare
from benchmarks.payloads import SMALL
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Figure, Rounds, interleave_sync
from benchmarks.server import serving
from refold_async._core.observer import logs_success, observer_of

_ANY: Any = None


def ask(options: RunOptions) -> Table:
    """Measure the layers of one execute, each together with those beneath it."""
    contenders: dict[str, Adapter] = {FLOOR: floor.protocol} | {n: made for n, (_, made) in LAYERS.items()}
    with serving(SMALL) as base_url:
        rounds = asyncio.run(compare(contenders, options, base_url, in_flight=10))
    checking = _checking(options)
    whole = rounds.cost("preparation")
    rows = [Row(FLOOR, ("", rounds.cost(FLOOR), rounds.ratio(FLOOR, FLOOR), rounds.cost(FLOOR)))]
    rows += [_row(rounds, name, below) for below, name in pairwise(contenders)]
    share = checking.median / whole.median
    rows.append(Row("of the attempts: hooks", ("checking for hooks when there are none", checking, "", "")))
    return Table(
        "Where does the time of a call go?",
        ("what it does", "µs of its own", "x floor, cumulative", "µs, cumulative"),
        tuple(rows),
        note="An execute with a 300-byte response, 10 in flight; each layer includes those above it.",
        bounds=(Bound("checking for hooks without hooks, share of a call", share, 0.01),),
    )


def _row(rounds: Rounds, name: str, below: str) -> Row:
    own = rounds.difference(name, below)
    return Row(name, (LAYERS[name][0], own, rounds.ratio(name, FLOOR), rounds.cost(name)))


def _checking(options: RunOptions) -> Figure:
    """Measure the checks for hooks in a call without hooks: one lookup and three comparisons."""

    def checked() -> None:
        for _ in range(1000):
            observer = observer_of(None, _ANY, _ANY, 0.0) if logs_success() else None
            if observer is not None or observer is not None or observer is not None:
                raise RuntimeError("unexpected observer")

    def unchecked() -> None:
        for _ in range(1000):
            pass

    functions = {"checked": checked, "unchecked": unchecked}
    rounds = interleave_sync(functions, rounds=options.rounds, seconds=options.seconds / 5)
    difference = rounds.difference("checked", "unchecked")
    return Figure(difference.median / 1000, difference.low / 1000, difference.high / 1000)
