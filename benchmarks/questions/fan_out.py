"""What does the machinery of a fan-out cost, by its shape and the number of calls?"""

import subprocess
import sys
from dataclasses import dataclass
from statistics import median

from benchmarks.plan import Plan
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


def ask(plan: Plan) -> Table:
    """Each shape and number in a process of its own, since its peak memory is asked too."""
    by_number = {
        number: _ask(number, plan.rounds if number < _HEAVIEST else min(3, plan.rounds))
        for number in _NUMBERS
    }
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
            "Each a process of its own; three rounds of 100k and 1M, one of the shapes with a task a call. "
            "MB are of peak memory."
        ),
        bounds=_bounds(by_number),
    )


def _ask(number: int, rounds: int) -> _Measured:
    """Measure every shape in turn, round by round; those that make a task for each call but once."""
    found = {shape: [_run(_SHAPES[shape], number)] for shape in _SHAPES if _takes_part(shape, number)}
    for _ in range(rounds - 1):
        for shape, runs in found.items():
            runs.append(_run(_SHAPES[shape], number) if shape in _LEAN else runs[0])
    costs = {shape: [micros for micros, _ in runs] for shape, runs in found.items()}
    peaks = {shape: median(peak for _, peak in runs) for shape, runs in found.items()}
    return _Measured(Rounds(costs), peaks)


def _takes_part(shape: str, number: int) -> bool:
    return number <= _HEAVIEST or shape in _LEAN


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
