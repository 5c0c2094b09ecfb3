"""What does the machinery of a fan-out cost, by its shape and the number of calls?"""

import subprocess
import sys
from dataclasses import dataclass
from itertools import product
from statistics import median

from benchmarks.plan import PreparedCall
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Rounds

_POOL, _BATCH = "a bare worker pool, a callback", "refold.batch"
_SHAPES = {
    _POOL: "pool",
    _BATCH: "batch",
    "gather with a semaphore": "gather",
    "anyio task group, capacity limiter": "task-group",
}
_NUMBERS = (1_000, 10_000, 100_000, 1_000_000)
_LEAN = (_POOL, _BATCH)
_HEAVIEST = 100_000
"""A shape that makes a task for each call is asked no further than this."""


@dataclass(frozen=True, slots=True)
class _Measured:
    """One number of calls: what a call cost by shape, round by round, and the peak memory in MB."""

    costs: Rounds
    peaks: dict[str, float]


_Runs = dict[tuple[int, str], list[tuple[float, float]]]
"""The runs of each number and shape: what a call cost, and the peak memory in MB."""


def ask(plan: PreparedCall) -> Table:
    """Each shape and number in a process of its own, since its peak memory is asked too."""
    runs = _interleave(plan.rounds)
    by_number = {number: _measured(runs, number) for number in _NUMBERS}
    return Table(
        "What does the machinery of a fan-out cost?",
        (
            "x bare pool, 100k",
            *(f"µs a call, {_short(number)}" for number in _NUMBERS),
            *(f"MB above 1k, {_short(number)}" for number in _NUMBERS[1:]),
        ),
        tuple(_row(shape, by_number) for shape in _SHAPES),
        note=(
            "100 at once, against a stub in the same process that lets the others go on once. "
            "Each a process of its own; one round of the shapes with a task a call. MB are of peak memory."
        ),
        bounds=_bounds(by_number),
    )


def _interleave(rounds: int) -> _Runs:
    """Give every number its turn in each round, so that no slow spell of the machine strikes only one.

    The shapes that make a task for each call run in the first round alone.
    """
    found: _Runs = {}
    for turn in range(rounds):
        for number, shape in product(_NUMBERS, _SHAPES):
            if shape in _LEAN or (turn == 0 and number <= _HEAVIEST):
                found.setdefault((number, shape), []).append(_run(_SHAPES[shape], number))
    return found


def _measured(runs: _Runs, number: int) -> _Measured:
    """Sort out one number's runs; what ran once stands against every round of the others."""
    rounds = len(runs[number, _POOL])
    of_number = {
        shape: (runs[number, shape] * rounds)[:rounds] for shape in _SHAPES if (number, shape) in runs
    }
    costs = {shape: [micros for micros, _ in found] for shape, found in of_number.items()}
    peaks = {shape: median(peak for _, peak in found) for shape, found in of_number.items()}
    return _Measured(Rounds(costs), peaks)


def _run(shape: str, number: int) -> tuple[float, float]:
    command = [sys.executable, "-m", "benchmarks.fan_out", shape, str(number)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    micros, peak = map(float, printed.split())
    return micros, peak


def _row(shape: str, by_number: dict[int, _Measured]) -> Row:
    measured = {number: found for number, found in by_number.items() if shape in found.peaks}
    costs = [found.costs.cost(shape) for found in measured.values()]
    peaks = [f"{found.peaks[shape] - by_number[1_000].peaks[shape]:.1f}" for found in measured.values()]
    absent = [None] * (len(_NUMBERS) - len(measured))
    return Row(shape, (by_number[_HEAVIEST].costs.ratio(shape, _POOL), *costs, *absent, *peaks[1:], *absent))


def _bounds(by_number: dict[int, _Measured]) -> tuple[Bound, ...]:
    over = [
        Bound(
            f"µs a call over a bare pool, {_short(number)}",
            found.costs.difference(_BATCH, _POOL).median,
            6.0,
        )
        for number, found in by_number.items()
    ]
    peak = by_number[1_000_000].peaks[_BATCH] - by_number[1_000].peaks[_BATCH]
    return (*over, Bound("MB at 1M calls above the peak of 1k", peak, 10.0))


def _short(number: int) -> str:
    return f"{number // 1_000_000}M" if number >= 1_000_000 else f"{number // 1_000}k"
