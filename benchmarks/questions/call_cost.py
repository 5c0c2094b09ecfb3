"""What does a call cost, by client and by the number in flight?"""

from benchmarks.clients import FLOOR, PLAIN, REFOLD, TUNED
from benchmarks.payloads import SMALL
from benchmarks.plan import PreparedCall
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Rounds
from benchmarks.server import serving

QUESTION = "What does a call cost?"
_IN_FLIGHT = (1, 10, 50)
_MAIN = 10


def ask(plan: PreparedCall) -> Table:
    """An execute with a 300-byte answer, against a static server on plain TCP."""
    with serving(SMALL) as base_url:
        by_number = {number: plan.compare(base_url, in_flight=number) for number in _IN_FLIGHT}
    main = by_number[_MAIN]
    return Table(
        QUESTION,
        (
            *(f"x floor, {number} in flight" for number in _IN_FLIGHT),
            f"x {PLAIN}, {_MAIN} in flight",
            f"µs, {_MAIN} in flight",
        ),
        tuple(_row(name, by_number) for name in sorted(main.costs, key=lambda name: main.cost(name).median)),
        note="An execute whose answer has 300 bytes; every client decodes its `data`.",
        bounds=_bounds(main),
    )


def _row(name: str, by_number: dict[int, Rounds]) -> Row:
    main = by_number[_MAIN]
    ratios = [rounds.ratio(name, FLOOR) for rounds in by_number.values()]
    return Row(name, (*ratios, main.ratio(name, PLAIN), main.cost(name)))


def _bounds(main: Rounds) -> tuple[Bound, ...]:
    return (
        Bound("a call, x aiohttp as people write it", main.ratio(REFOLD, PLAIN).median, 0.75),
        Bound("a call, x tuned bare aiohttp", main.ratio(REFOLD, TUNED).median, 1.25),
        Bound("a call, x the floor (3 is aimed at)", main.ratio(REFOLD, FLOOR).median, 3.5),
    )
