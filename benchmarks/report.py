"""The result of a question: a table and the bounds that its figures must satisfy."""

from dataclasses import dataclass, field

from benchmarks.rounds import Figure

Cell = str | Figure | None


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound on a figure: at most `limit`, or at least `limit` if `least` is set."""

    claim: str
    measured: float
    limit: float
    least: bool = False

    @property
    def holds(self) -> bool:
        return self.measured >= self.limit if self.least else self.measured <= self.limit

    def __str__(self) -> str:
        sign = "≥" if self.least else "≤"
        state = "ok      " if self.holds else "VIOLATED"
        return f"{state}  {self.claim}: {number(self.measured)} {sign} {self.limit:g}"


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table."""

    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """The result of a question.

    Attributes:
        question: The question.
        columns: The column headings, ratios before absolute figures.
        rows: One row per client, size or shape.
        note: How it was measured, in addition to the head of the report.
        bounds: The bounds that `--check` verifies.
    """

    question: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    note: str = ""
    bounds: tuple[Bound, ...] = field(default=())

    def markdown(self, level: int = 2) -> str:
        """Return the table as Markdown, aligned for a terminal, below a heading of this level."""
        lines = [("", *self.columns)]
        lines += [(row.label, *map(_cell, row.cells)) for row in self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        head, *body = [_line(line, widths) for line in lines]
        rule = "| " + " | ".join(_rule(width, number) for number, width in enumerate(widths)) + " |"
        parts = [f"{'#' * level} {self.question}", "\n".join([head, rule, *body]), self.note]
        return "\n\n".join(part for part in parts if part) + "\n"


def head(machine: dict[str, str], rounds: int) -> str:
    """Return a few lines on the machine and the method."""
    place = machine["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine.items() if name != "machine")
    how = f"{rounds} interleaved rounds; median (min-max); µs of CPU time."
    return f"{place}\n{versions}\n{how}\n"


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    first, *rest = zip(cells, widths, strict=True)
    padded = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]
    return "| " + " | ".join(padded) + " |"


def _rule(width: int, number: int) -> str:
    return "-" * width if number == 0 else "-" * (width - 1) + ":"


def _cell(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell
    if cell.low == cell.high:
        return number(cell.median)
    return f"{number(cell.median)} ({number(cell.low)}-{number(cell.high)})"


def number(value: float) -> str:
    """Return a figure with three digits."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
