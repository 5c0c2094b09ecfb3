"""What does a call cost, by client and by the number in flight?"""

from benchmarks.clients import FLOOR, PLAIN, REFOLD, TUNED
from benchmarks.options import RunOptions
from benchmarks.payloads import SMALL
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Rounds
from benchmarks.server import serving

QUESTION = "What does a call cost?"
_IN_FLIGHT = (1, 10, 50)
_MAIN = 10


def ask(options: RunOptions) -> Table:
    """Compare an execute with a 300-byte response, against a static server over plain TCP."""
    with serving(SMALL) as base_url:
        by_number = {number: options.compare(base_url, in_flight=number) for number in _IN_FLIGHT}
    main = by_number[_MAIN]
    return Table(
        QUESTION,
        (
            *(f"x floor, {number} in flight" for number in _IN_FLIGHT),
            f"x {PLAIN}, {_MAIN} in flight",
            f"µs, {_MAIN} in flight",
        ),
        tuple(_row(name, by_number) for name in sorted(main.costs, key=lambda name: main.cost(name).median)),
        note="An execute with a 300-byte response; every client decodes its `data`.",
        bounds=_bounds(main),
    )


def _row(name: str, by_number: dict[int, Rounds]) -> Row:
    main = by_number[_MAIN]
    ratios = [rounds.ratio(name, FLOOR) for rounds in by_number.values()]
    return Row(name, (*ratios, main.ratio(name, PLAIN), main.cost(name)))


def _bounds(main: Rounds) -> tuple[Bound, ...]:
    return (
        Bound("a call, x typical aiohttp", main.ratio(REFOLD, PLAIN).median, 0.75),
        Bound("a call, x tuned aiohttp", main.ratio(REFOLD, TUNED).median, 1.25),
        Bound("a call, x the floor (target: 3)", main.ratio(REFOLD, FLOOR).median, 3.5),
    )
