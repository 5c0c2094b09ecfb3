"""What is the overhead of a fan-out, by shape and number of calls?"""

import subprocess
import sys
from dataclasses import dataclass
from itertools import product
from statistics import median

from benchmarks.options import RunOptions
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Rounds

_POOL, _BATCH, _SETTLE = "hand-written worker pool", "refold.batch", "refold.batch with settle"
_SHAPES = {
    _POOL: "pool",
    _BATCH: "batch",
    _SETTLE: "settle",
    "gather with a semaphore": "gather",
    "anyio task group, capacity limiter": "task-group",
}
_NUMBERS = (1_000, 10_000, 100_000, 1_000_000)
_LEAN = (_POOL, _BATCH, _SETTLE)
_MAX_TASKS = 100_000
"""The maximum number of calls for shapes that create one task per call."""


@dataclass(frozen=True, slots=True)
class _Measured:
    """Results for one number of calls: costs per call by shape and round, and the peak memory in MB."""

    costs: Rounds
    peaks: dict[str, float]


_Runs = dict[tuple[int, str], list[tuple[float, float]]]
"""The runs of each number and shape: cost per call, and peak memory in MB."""


def ask(options: RunOptions) -> Table:
    """Run each shape and number in a separate process, to measure its peak memory as well."""
    runs = _interleave(min(options.rounds, 2 if options.brief else 3), brief=options.brief)
    by_number = {number: _measured(runs, number) for number in _NUMBERS}
    return Table(
        "What is the overhead of a fan-out?",
        (
            "x worker pool, 100k",
            *(f"µs per call, {_short(number)}" for number in _NUMBERS),
            *(f"MB over 1k, {_short(number)}" for number in _NUMBERS[1:]),
        ),
        tuple(_row(shape, by_number) for shape in _SHAPES if shape in by_number[_MAX_TASKS].peaks),
        note=(
            "100 at once, against a stub in the same process that yields to the event loop once. Each run is "
            "a separate process, in 3 rounds; shapes with one task per call run one only. MB of peak memory."
        ),
        bounds=_bounds(by_number),
    )


def _interleave(rounds: int, *, brief: bool) -> _Runs:
    """Run every number in each round, so that a temporary slowdown of the machine affects all of them.

    Shapes that create one task per call run in the first round only.
    """
    found: _Runs = {}
    for round_number in range(rounds):
        for number, shape in product(_NUMBERS, _SHAPES):
            if shape in _LEAN or (round_number == 0 and number <= _MAX_TASKS and not brief):
                found.setdefault((number, shape), []).append(_run(_SHAPES[shape], number))
    return found


def _measured(runs: _Runs, number: int) -> _Measured:
    """Collect the runs of one number; a shape that ran once is compared with every round of the others."""
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
    return Row(shape, (by_number[_MAX_TASKS].costs.ratio(shape, _POOL), *costs, *absent, *peaks[1:], *absent))


def _bounds(by_number: dict[int, _Measured]) -> tuple[Bound, ...]:
    over = [
        Bound(
            f"µs per call over a worker pool, {_short(number)}",
            found.costs.difference(_BATCH, _POOL).median,
            6.0,
        )
        for number, found in by_number.items()
    ]
    settle = by_number[_MAX_TASKS].costs.difference(_SETTLE, _BATCH).median
    peak = by_number[1_000_000].peaks[_BATCH] - by_number[1_000].peaks[_BATCH]
    return (
        *over,
        Bound("µs per call of settle where nothing is unknown, 100k", settle, 1.0),
        Bound("MB at 1M calls over the peak at 1k", peak, 10.0),
    )


def _short(number: int) -> str:
    return f"{number // 1_000_000}M" if number >= 1_000_000 else f"{number // 1_000}k"
