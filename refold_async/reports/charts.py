"""Charts as plain SVG. Colours come from the page's style, so that they follow its light and dark mode."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import Final

_WIDTH: Final = 640
_HEIGHT: Final = 160
_LEFT: Final = 76
_TOP: Final = 12
_BOTTOM: Final = 24


def bars(
    name: str,
    series: Sequence[tuple[str, Sequence[float]]],
    *,
    labels: Sequence[str],
    ends: tuple[str, str],
    line: tuple[str, float] | None = None,
) -> str:
    """Return a chart of stacked bars.

    Args:
        name: What it shows, for those who do not see it.
        series: The class of each series, and its values from left to right.
        labels: What a pointer shows of each bar.
        ends: The labels of the axis, left and right.
        line: A horizontal line: its label and value.
    """
    heights = [sum(values) for values in zip(*(values for _, values in series), strict=True)]
    top = _rounded_up(max([*heights, line[1] if line is not None else 0.0]) or 1.0)
    step = (_WIDTH - _LEFT) / max(1, len(heights))
    parts = [_axis(top, ends)]
    for index, label in enumerate(labels):
        below, x = 0.0, _LEFT + index * step
        rects = []
        for kind, values in series:
            if values[index]:
                y = _y(below + values[index], top)
                size = f'width="{max(0.8, step - 1):.1f}" height="{_y(below, top) - y:.1f}"'
                rects.append(f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" {size}/>')
                below += values[index]
        if rects:
            parts.append(f"<g><title>{escape(label)}</title>{''.join(rects)}</g>")
    if line is not None:
        y = _y(line[1], top)
        parts.append(f'<line class="limit" x1="{_LEFT}" x2="{_WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="end" x="{_WIDTH}" y="{max(10.0, y - 4):.1f}">{escape(line[0])}</text>')
    return (
        f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{escape(name)}">{"".join(parts)}</svg>'
    )


def _axis(top: float, ends: tuple[str, str]) -> str:
    base = _HEIGHT - _BOTTOM
    return (
        f'<line class="axis" x1="{_LEFT}" x2="{_WIDTH}" y1="{base}" y2="{base}"/>'
        f'<text class="end" x="{_LEFT - 6}" y="{_TOP + 8}">{top:,.6g}</text>'
        f'<text class="end" x="{_LEFT - 6}" y="{base}">0</text>'
        f'<text x="{_LEFT}" y="{_HEIGHT - 6}">{escape(ends[0])}</text>'
        f'<text class="end" x="{_WIDTH}" y="{_HEIGHT - 6}">{escape(ends[1])}</text>'
    )


def _y(value: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - value / top * (_HEIGHT - _BOTTOM - _TOP)


def _rounded_up(value: float) -> float:
    """Return the next of 1, 2, 5, 10, 20, … that is not below a value."""
    unit = 10.0 ** math.floor(math.log10(value))
    return next(unit * step for step in (1, 2, 5, 10) if unit * step >= value)
