"""What does startup cost: the import, and the first call of a process?"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import certificate
from benchmarks.clients import PLAIN, REFOLD
from benchmarks.options import RunOptions
from benchmarks.payloads import SMALL
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Rounds
from benchmarks.server import serving

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
    if certificate.available():
        calls = _first_calls(options)
        rows += [_row(calls, name, PLAIN, "first call: ") for name in (PLAIN, REFOLD)]
        bounds.append(Bound("first call, x aiohttp's", calls.ratio(REFOLD, PLAIN).median, 1.5))
    note = (
        "Each in a fresh process; `import refold_async` alone loads almost nothing. The first call is over "
        "TLS and includes the SSL context and the handshake."
    )
    return Table("What does startup cost?", ("x baseline", "µs"), tuple(rows), note, tuple(bounds))


def _first_calls(options: RunOptions) -> Rounds:
    with tempfile.TemporaryDirectory() as folder:
        made = certificate.make(Path(folder))
        with serving(SMALL, tls=made) as base_url:
            measures = {name: _first_call(name, base_url, made) for name in (PLAIN, REFOLD)}
            return _interleave(measures, options.rounds)


def _import(statement: str) -> Callable[[], float]:
    return lambda: _measured("-c", _TIMED.format(statement))


def _first_call(name: str, base_url: str, made: certificate.Certificate) -> Callable[[], float]:
    return lambda: _measured("-m", "benchmarks.first_call", name, base_url, str(made.authority))


def _measured(*arguments: str) -> float:
    command = [sys.executable, *arguments]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def _interleave(measures: Mapping[str, Callable[[], float]], rounds: int) -> Rounds:
    for measure in measures.values():
        measure()
    costs: dict[str, list[float]] = {name: [] for name in measures}
    for _ in range(rounds):
        for name, measure in measures.items():
            costs[name].append(measure())
    return Rounds(costs)


def _row(rounds: Rounds, name: str, bare: str, kind: str = "") -> Row:
    return Row(kind + name, (rounds.ratio(name, bare), rounds.cost(name)))
