"""The benchmarks' page, the figures that a run writes into it, and when instructions are compared."""

import re
from pathlib import Path

import pytest

from benchmarks import instructions, publish
from benchmarks.clients import FLOOR, REFOLD
from benchmarks.questions import QUESTIONS, WITHOUT_BOUNDS
from benchmarks.report import Bound, Row, Table
from benchmarks.rounds import Figure

ROOT = Path(__file__).parents[2]


def test_the_page_has_each_question_and_says_which_have_bounds() -> None:
    page = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w-]+)` \| .* \| (.*)\|$", page, re.MULTILINE)
    assert [name for name, _ in rows] == list(QUESTIONS)
    assert {name for name, bounds in rows if not bounds.strip()} == WITHOUT_BOUNDS


def tables(micros: float) -> dict[str, Table]:
    """Return what a run measured."""
    figures = tuple(Figure(each, each, each) for each in (2.5, 0.25, micros))
    rows = (Row(FLOOR, figures), Row(REFOLD, figures))
    over = Bound("µs per call over a worker pool, 100k", 4.2, 6)
    share = Bound("a batch's share of the permitted rate", 0.9991, 0.99, least=True)
    return {
        "call-cost": Table("What?", publish.CHARTED_COLUMNS, rows),
        "fan-out": Table("How?", ("µs",), (), bounds=(over,)),
        "rate-limit": Table("How much?", ("share",), (), bounds=(share,)),
    }


def test_a_run_replaces_the_figures_of_both_pages_and_the_chart(tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    for page in ("README.md", "benchmarks/README.md"):
        marked = "before\n<!-- figures -->\nstale\n<!-- /figures -->\nafter\n"
        (tmp_path / page).write_text(marked, encoding="utf-8")
    for micros in (40.0, 41.0):
        publish.publish("a machine\n", tables(micros), tmp_path)
    short = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert short.startswith("before\n<!-- figures -->\n| client |")
    assert short.endswith("<!-- /figures -->\nafter\n")
    assert "| **refold_async** | **2.5** | **0.25** | **41.0** |" in short
    assert "A batch adds 4 µs per call" in short
    assert "uses 99.9% of it" in short
    page = (tmp_path / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert "stale" not in page
    assert "a machine" in page
    assert "| a batch's share of the permitted rate | ≥ 0.99 | 1.00 |" in page
    assert (tmp_path / "benchmarks" / "call-cost.svg").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize("page", ["README.md", "benchmarks/README.md"])
def test_both_pages_have_the_marks(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text.count("<!-- figures -->\n") == text.count("<!-- /figures -->\n") == 1


def test_counts_are_only_compared_with_those_of_the_same_build(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/valgrind")
    recorded = instructions.stored().versions
    monkeypatch.setattr(instructions, "versions", lambda: recorded)
    assert instructions.unavailable() is None
    monkeypatch.setattr(instructions, "versions", lambda: recorded | {"python": "3.11.7 (another build)"})
    assert "another build" in str(instructions.unavailable())
    monkeypatch.setattr("shutil.which", lambda _: None)
    assert "valgrind is not installed" in str(instructions.unavailable())
