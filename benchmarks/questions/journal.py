"""What does a journal add to a call of a batch, delivery included?"""

import subprocess
import sys

from benchmarks.options import RunOptions
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Rounds

_CALLS = 20_000
_LIMITS = {"read": 35.0, "write": 50.0}
"""Microseconds that a journal may add to a call."""


def ask(options: RunOptions) -> Table:
    """Run each shape in a separate process, in turn, so that a slowdown of the machine affects all."""
    shapes = [f"{kind}{journal}" for kind in _LIMITS for journal in ("", "-journal")]
    runs = [{shape: _run(shape) for shape in shapes} for _ in range(min(options.rounds, 3))]
    costs = Rounds({shape: [run[shape][0] for run in runs] for shape in shapes})
    added = {kind: costs.difference(f"{kind}-journal", kind) for kind in _LIMITS}
    rows: list[Row] = []
    for kind in _LIMITS:
        journaled = f"{kind}-journal"
        _, commits, size = runs[-1][journaled]
        rows += [
            Row(f"{kind}, no journal", (costs.cost(kind), None, None, None)),
            Row(
                f"{kind}, with a journal",
                (costs.cost(journaled), added[kind], f"{commits:.1f}", f"{size:.0f}"),
            ),
        ]
    return Table(
        "What does a journal add?",
        ("µs per call", "µs added", "fsyncs per 1,000 calls", "bytes on disk per call"),
        tuple(rows),
        note=(
            "100 at once, against a stub in the same process that yields to the event loop once and returns "
            "57 bytes; calls have keys; outcomes are taken one by one. CPU of all threads. On a disk with a "
            "slow fsync there are fewer of them, each for more calls."
        ),
        bounds=tuple(
            Bound(f"µs that a journal adds to a {kind}", added[kind].median, limit)
            for kind, limit in _LIMITS.items()
        ),
    )


def _run(shape: str) -> tuple[float, float, float]:
    command = [sys.executable, "-m", "benchmarks.journal", shape, str(_CALLS)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    micros, commits, size = map(float, ended.stdout.split())
    return micros, commits, size
