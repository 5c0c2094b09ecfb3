"""What does a call cost over TLS?"""

import tempfile
from pathlib import Path

from benchmarks import certificate
from benchmarks.clients import FLOOR, PLAIN
from benchmarks.options import RunOptions
from benchmarks.payloads import SMALL
from benchmarks.report import Row, Table
from benchmarks.server import serving

_QUESTION = "What does a call cost over TLS?"
_COLUMNS = ("x floor", f"x {PLAIN}", "µs")


def ask(options: RunOptions) -> Table:
    """Compare an execute with a 300-byte response over pooled TLS connections, 10 in flight."""
    if not certificate.available():
        return Table(_QUESTION, _COLUMNS, (), note="Not measured: trustme is not installed.")
    with tempfile.TemporaryDirectory() as folder:
        made = certificate.make(Path(folder))
        with serving(SMALL, tls=made) as base_url:
            rounds = options.compare(base_url, in_flight=10, tls=certificate.client_context(made))
    names = sorted(rounds.costs, key=lambda name: rounds.cost(name).median)
    rows = (Row(n, (rounds.ratio(n, FLOOR), rounds.ratio(n, PLAIN), rounds.cost(n))) for n in names)
    return Table(_QUESTION, _COLUMNS, tuple(rows), note="300 bytes, 10 in flight, pooled connections.")
