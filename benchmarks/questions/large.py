"""How long does decoding a large answer hold the event loop?"""

import subprocess
import sys
from statistics import median

from benchmarks.options import RunOptions
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Figure

_WAYS = {"result.data": "data", "result.into": "into", "result.records": "records"}
_SIZES = (10, 50)
_MOST_HELD = {10: 20.0, 50: 40.0}

_Measured = dict[tuple[str, int], list[tuple[float, float, float]]]


def ask(options: RunOptions) -> Table:
    """Run each way and size in a separate process, in interleaved rounds."""
    found: _Measured = {}
    for _ in range(options.rounds):
        for size in _SIZES:
            for name, way in _WAYS.items():
                found.setdefault((name, size), []).append(_run(way, size))
    return Table(
        "How long does decoding a large answer hold the event loop?",
        tuple(f"{what}, {size} MB" for size in _SIZES for what in ("ms held", "x into", "peak x answer")),
        tuple(_row(found, name) for name in _WAYS),
        note=(
            "Contacts of 110 bytes, each decoded; a ticker in the same event loop measures the longest "
            "time in which nothing else ran, in CPU time. The answer itself counts once in the peak."
        ),
        bounds=tuple(bound for size in _SIZES for bound in _bounds(found, size)),
    )


def _run(way: str, size: int) -> tuple[float, float, float]:
    command = [sys.executable, "-m", "benchmarks.large", way, str(size)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    held, seconds, peak = map(float, printed.split())
    return held, seconds, peak


def _row(found: _Measured, name: str) -> Row:
    return Row(name, tuple(cell for size in _SIZES for cell in _cells(found, name, size)))


def _cells(found: _Measured, name: str, size: int) -> tuple[Figure, Figure, Figure]:
    runs = found[name, size]
    return (
        Figure.of([held for held, *_ in runs]),
        _ratio(found, name, size),
        Figure.of([peak for *_, peak in runs]),
    )


def _ratio(found: _Measured, name: str, size: int) -> Figure:
    pairs = zip(found[name, size], found["result.into", size], strict=True)
    return Figure.of([mine / whole for (_, mine, _), (_, whole, _) in pairs])


def _bounds(found: _Measured, size: int) -> tuple[Bound, ...]:
    runs = found["result.records", size]
    return (
        Bound(f"ms held by records of {size} MB", median(held for held, *_ in runs), _MOST_HELD[size]),
        Bound(f"time of records of {size} MB, x into", _ratio(found, "result.records", size).median, 1.2),
        Bound(f"peak of records of {size} MB, x answer", median(peak for *_, peak in runs), 4.0),
    )
