"""What do the imports cost?"""

import subprocess
import sys
from collections.abc import Callable, Mapping

from benchmarks.machine import cached_modules
from benchmarks.options import RunOptions
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Rounds

_PACKAGES = "import aiohttp, msgspec, anyio, backoff"
_OURS = "import refold_async"
_CLIENT = "from refold_async import Refold"
_BATCH = "from refold_async import Refold, Call, Done, Failed"
_TIMED = "import time; t = time.process_time(); {}; print((time.process_time() - t) * 1e6)"


def ask(options: RunOptions) -> Table:
    """Measure each in fresh processes."""
    statements = (_PACKAGES, _OURS, _CLIENT, _BATCH)
    imports = _interleave({name: _import(name) for name in statements}, 2 * options.rounds)
    rows = [_row(imports, name, _PACKAGES) for name in statements]
    bounds = [
        Bound(f"{name}, x its four packages", imports.ratio(name, _PACKAGES).median, limit)
        for name, limit in ((_OURS, 1.25), (_CLIENT, 1.4))
    ]
    note = "Each in a fresh process; `import refold_async` alone loads almost nothing."
    return Table("What do the imports cost?", ("x baseline", "µs"), tuple(rows), note, tuple(bounds))


def _import(statement: str) -> Callable[[], float]:
    return lambda: _measured("-c", _TIMED.format(statement))


def _measured(*arguments: str) -> float:
    command = [sys.executable, *arguments]
    ended = subprocess.run(command, check=True, capture_output=True, text=True, env=cached_modules())
    return float(ended.stdout)


def _interleave(measures: Mapping[str, Callable[[], float]], rounds: int) -> Rounds:
    for measure in measures.values():
        measure()
    costs: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            costs[name].append(measure())
    return Rounds(costs)


def _row(rounds: Rounds, name: str, bare: str) -> Row:
    return Row(name, (rounds.ratio(name, bare), rounds.cost(name)))
