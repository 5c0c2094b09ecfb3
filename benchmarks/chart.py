"""The chart of the call cost, as SVG for light and dark backgrounds."""

from html import escape

from benchmarks.clients import REFOLD
from benchmarks.report import Table
from benchmarks.rounds import Figure

_WIDTH, _LABEL, _BAR, _GAP, _TOP = 760, 250, 20, 10, 46

CHARTED = "x floor, 10 in flight"
"""The charted column."""

_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600 }
  .quiet { fill: #57606a }
  rect { fill: #8c959f }
  .own { fill: #1f7a4d }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .quiet { fill: #9198a1 }
    rect { fill: #6e7681 }
    .own { fill: #3fb950 }
  }
"""


def draw(table: Table) -> str:
    """Draw one bar per client: the CPU time of a call relative to the floor."""
    at = table.columns.index(CHARTED)
    cells = {row.label: row.cells[at] for row in table.rows}
    ratios = {label: cell.median for label, cell in cells.items() if isinstance(cell, Figure)}
    scale = (_WIDTH - _LABEL - 70) / max(ratios.values())
    bars = "".join(_bar(number, label, ratio, scale) for number, (label, ratio) in enumerate(ratios.items()))
    height = _TOP + len(ratios) * (_BAR + _GAP)
    title = "CPU time per call, relative to the floor (10 in flight, 300-byte response); lower is better"
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" role="img"'
    return (
        f'{opening} aria-label="{title}">\n'
        f"<style>{_STYLE}</style>\n"
        f'<text class="title" x="0" y="20">{title}</text>\n{bars}</svg>\n'
    )


def _bar(number: int, label: str, ratio: float, scale: float) -> str:
    y = _TOP + number * (_BAR + _GAP)
    baseline, length = y + _BAR - 5, max(1.0, ratio * scale)
    own = ' class="own"' if label == REFOLD else ""
    return (
        f'<text x="{_LABEL - 10}" y="{baseline}" text-anchor="end">{escape(label)}</text>\n'
        f'<rect{own} x="{_LABEL}" y="{y}" width="{length:.1f}" height="{_BAR}" rx="3"/>\n'
        f'<text class="quiet" x="{_LABEL + length + 8:.1f}" y="{baseline}">{ratio:,.1f}</text>\n'
    )
