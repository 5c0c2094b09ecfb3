"""What do the imports cost?"""

import sys
from collections.abc import Callable

from benchmarks.machine import printed_figure
from benchmarks.options import RunOptions
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Rounds, interleave_processes

_PACKAGES = "import aiohttp, msgspec, anyio, backoff"
_OURS = "import refold_async"
_CLIENT = "from refold_async import Refold"
_BATCH = "from refold_async import Refold, Call, Done, Failed"
_TIMED = "import time; t = time.process_time(); {}; print((time.process_time() - t) * 1e6)"


def ask(options: RunOptions) -> Table:
    """Measure each in fresh processes."""
    statements = (_PACKAGES, _OURS, _CLIENT, _BATCH)
    imports = interleave_processes({name: _import(name) for name in statements}, 2 * options.rounds)
    rows = [_row(imports, name, _PACKAGES) for name in statements]
    bounds = [
        Bound(f"{name}, x its four packages", imports.ratio(name, _PACKAGES).median, limit)
        for name, limit in ((_OURS, 1.25), (_CLIENT, 1.4))
    ]
    note = "Each in a fresh process; `import refold_async` alone loads almost nothing."
    return Table("What do the imports cost?", ("x baseline", "µs"), tuple(rows), note, tuple(bounds))


def _import(statement: str) -> Callable[[], float]:
    return lambda: printed_figure([sys.executable, "-c", _TIMED.format(statement)])


def _row(rounds: Rounds, name: str, bare: str) -> Row:
    return Row(name, (rounds.ratio(name, bare), rounds.cost(name)))
