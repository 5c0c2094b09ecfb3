"""A short version of `python -m tests.heavy.pulls`."""

from pathlib import Path

from .pulls import FAULTS, PAGE, check, kill_and_resume
from .sandbox_process import sandbox_process


def test_a_pull_that_is_killed_has_every_row_once(tmp_path: Path) -> None:
    options = ("--records", str(10 * PAGE), "--accounts", "60")
    with sandbox_process(FAULTS, tmp_path / "ledger", options=options) as base_url:
        kill_and_resume(base_url, tmp_path / "out", "jsonl", accounts=60, kills=2, longest=1.5)
    assert check(tmp_path / "out", 60, 10 * PAGE) == []
