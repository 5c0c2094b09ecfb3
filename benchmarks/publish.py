"""Writes the figures of one run into `benchmarks/README.md`, `README.md` and the chart."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from benchmarks import chart, report
from benchmarks.chart import CHARTED
from benchmarks.clients import CONNECTOR, PLAIN, REFOLD
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Figure

ROOT: Final = Path(__file__).parents[1]

_SHOWN: Final = {
    CONNECTOR: "aiohttp's connector, no session",
    PLAIN: "aiohttp, as people write it",
    REFOLD: f"**{REFOLD}**",
}
CHARTED_COLUMNS: Final = (CHARTED, f"x {PLAIN}, 10 in flight", "µs, 10 in flight")


def publish(head: str, tables: Mapping[str, Table], root: Path = ROOT) -> None:
    """Replace the figures below `root` by those of a run."""
    sections = [table.markdown(level=3) for table in tables.values()]
    text = "\n".join([f"```\n{head}```\n", *sections, _bounds(tables)])
    _replace(root / "benchmarks" / "README.md", "figures", text)
    _replace(root / "README.md", "figures", _short(tables))
    (root / "benchmarks" / "call-cost.svg").write_text(chart.draw(tables["call-cost"]), encoding="utf-8")


def _replace(page: Path, mark: str, text: str) -> None:
    """Replace what is between two marks of a page."""
    begin, end = f"<!-- {mark} -->\n", f"<!-- /{mark} -->"
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        raise ValueError(f"{page} has no marks {begin.strip()} and {end}")
    page.write_text(f"{before}{begin}{text}{end}{after}", encoding="utf-8")


def _bounds(tables: Mapping[str, Table]) -> str:
    bounds = [bound for table in tables.values() for bound in table.bounds]
    lines = ["### Bounds", "", "| bound | limit | measured |", "| --- | ---: | ---: |"]
    return "\n".join([*lines, *map(_bound, bounds), ""])


def _bound(bound: Bound) -> str:
    sign = "≥" if bound.least else "≤"
    violated = "" if bound.holds else " (violated)"
    return f"| {bound.claim} | {sign} {bound.limit:g} | {report.number(bound.measured)}{violated} |"


def _short(tables: Mapping[str, Table]) -> str:
    """Return the short table of the README, and a sentence on batches."""
    table = tables["call-cost"]
    places = [table.columns.index(column) for column in CHARTED_COLUMNS]
    lines = ["| client | x floor | x aiohttp as people write it | µs |", "| --- | ---: | ---: | ---: |"]
    lines += [_client(row, places) for row in table.rows]
    return "\n".join([*lines, "", _sentence(tables), ""])


def _client(row: Row, places: list[int]) -> str:
    floor, plain, micros = (cell for cell in (row.cells[place] for place in places))
    assert isinstance(floor, Figure)
    assert isinstance(plain, Figure)
    assert isinstance(micros, Figure)
    cells = (f"{floor.median:.1f}", f"{plain.median:.2f}", report.number(micros.median))
    own = row.label == REFOLD
    shown = " | ".join(f"**{cell}**" if own else cell for cell in cells)
    return f"| {_SHOWN.get(row.label, row.label)} | {shown} |"


def _sentence(tables: Mapping[str, Table]) -> str:
    over = _measured(tables["fan-out"], r"µs per call over a worker pool, 100k")
    share = _measured(tables["rate-limit"], r"a batch's share of the permitted rate")
    return (
        "The floor is an asyncio protocol written by hand for this one server. A batch adds "
        f"{over:.0f} µs per call over a bare\nworker pool and uses no more memory for 1,000,000 calls than "
        f"for 1,000. A batch of 1,000 calls under a limit\nof 20 per second uses {share:.1%} of it."
    )


def _measured(table: Table, claim: str) -> float:
    return next(bound.measured for bound in table.bounds if re.fullmatch(claim, bound.claim))
