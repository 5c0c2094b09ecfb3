"""What does a call cost by response size?"""

from benchmarks.clients import FLOOR, PLAIN
from benchmarks.options import RunOptions
from benchmarks.payloads import LARGE, MEDIUM, SMALL
from benchmarks.report import Row, Table
from benchmarks.rounds import Rounds
from benchmarks.server import serving

_SIZES = {"300 B": SMALL, "104 KB": MEDIUM, "1 MB": LARGE}


def ask(options: RunOptions) -> Table:
    """Compare the clients by response size, 10 in flight."""
    by_size = {label: _compare(options, size) for label, size in _SIZES.items()}
    names = sorted(by_size["104 KB"].costs, key=lambda name: by_size["104 KB"].cost(name).median)
    return Table(
        "What does a call cost by response size?",
        (
            *(f"x floor, {label}" for label in _SIZES),
            f"x {PLAIN}, 104 KB",
            *(f"µs, {label}" for label in _SIZES),
        ),
        tuple(_row(name, by_size) for name in names),
        note="10 in flight. Every client decodes the complete `data`.",
    )


def _compare(options: RunOptions, size: int) -> Rounds:
    with serving(size) as base_url:
        return options.compare(base_url, in_flight=10)


def _row(name: str, by_size: dict[str, Rounds]) -> Row:
    ratios = [rounds.ratio(name, FLOOR) for rounds in by_size.values()]
    costs = [rounds.cost(name) for rounds in by_size.values()]
    return Row(name, (*ratios, by_size["104 KB"].ratio(name, PLAIN), *costs))
