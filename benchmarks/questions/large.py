"""How long does a large answer hold the event loop?"""

import subprocess
import sys
from statistics import median

from benchmarks.options import RunOptions
from benchmarks.report import Bound, Cell, Row, Table
from benchmarks.rounds import Figure

_EXECUTE, _INTO, _RECORDS = "execute, data not decoded", "result.into", "result.records"
_WAYS = {_EXECUTE: "execute", "result.data": "data", _INTO: "into", _RECORDS: "records"}
_SIZES = (10, 50)
_HELD_BY_EXECUTE = {10: 20.0, 50: 80.0}
_HELD_BY_RECORDS = {10: 20.0, 50: 40.0}

_Measured = dict[tuple[str, int], list[tuple[float, float, float]]]


def ask(options: RunOptions) -> Table:
    """Run each way and size in a separate process, in interleaved rounds."""
    found: _Measured = {}
    for _ in range(min(options.rounds, 2 if options.brief else 3)):  # a run of 50 MB takes seconds
        for size in _SIZES:
            for name, way in _WAYS.items():
                found.setdefault((name, size), []).append(_run(way, size))
    return Table(
        "How long does a large answer hold the event loop?",
        tuple(f"{what}, {size} MB" for size in _SIZES for what in ("ms held", "x into", "peak x answer")),
        tuple(_row(found, name) for name in _WAYS),
        note=(
            "`execute` receives the answer over a socket; the others decode every contact (110 bytes each) "
            "of one that is in memory. A ticker in the same event loop measures the longest time in which "
            "nothing else ran, in CPU time. The answer itself counts once in the peak."
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


def _cells(found: _Measured, name: str, size: int) -> tuple[Cell, ...]:
    runs = found[name, size]
    held = Figure.of([held for held, *_ in runs])
    if name == _EXECUTE:
        return held, None, None
    return held, _ratio(found, name, size), Figure.of([peak for *_, peak in runs])


def _ratio(found: _Measured, name: str, size: int) -> Figure:
    pairs = zip(found[name, size], found[_INTO, size], strict=True)
    return Figure.of([mine / whole for (_, mine, _), (_, whole, _) in pairs])


def _bounds(found: _Measured, size: int) -> tuple[Bound, ...]:
    received, decoded = found[_EXECUTE, size], found[_RECORDS, size]
    return (
        Bound(
            f"ms held by execute of {size} MB", median(each[0] for each in received), _HELD_BY_EXECUTE[size]
        ),
        Bound(
            f"ms held by records of {size} MB", median(each[0] for each in decoded), _HELD_BY_RECORDS[size]
        ),
        Bound(f"time of records of {size} MB, x into", _ratio(found, _RECORDS, size).median, 1.2),
        Bound(f"peak of records of {size} MB, x answer", median(each[2] for each in decoded), 4.0),
    )
