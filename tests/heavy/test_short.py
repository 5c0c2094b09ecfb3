"""The heavy runs, for some seconds each."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from .agreement import Judge
from .gauges import MIB, Gauges, growth
from .mutants import mutants

ROOT = Path(__file__).parents[2]
SECONDS = float(os.environ.get("REFOLD_SOAK_SECONDS", "10"))


def run(name: str, *arguments: str, transport: str = "direct") -> str:
    command = [sys.executable, "-m", f"tests.heavy.{name}", *arguments]
    environment = {**os.environ, "REFOLD_TRANSPORT": transport}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    return ended.stdout


@pytest.mark.timeout(120 + 3 * SECONDS)
def test_a_soak_of_some_seconds() -> None:
    """Sockets, files, tasks, threads and the ledger; memory has not settled yet after so short a time."""
    transport = os.environ.get("REFOLD_TRANSPORT", "direct")
    said = run("soak", "--minutes", str(SECONDS / 60), "--round", "1", "--slack", "30", transport=transport)
    assert "flat after the warm-up" in said


@pytest.mark.parametrize("transport", ["direct", "public"])
def test_some_writes_under_faults(transport: str) -> None:
    said = run("writes", "--calls", "400", transport=transport)
    counts = re.search(
        r"400 writes: \{'(?:done|unknown)': \d+, '(?:done|unknown)': \d+\}; (\d+) ran; 0 wrong", said
    )
    assert counts is not None, said
    assert int(counts[1]) > 200


def reading(second: int, *, resident: int = 50 * MIB, sockets: int = 5, tasks: int = 1) -> Gauges:
    return Gauges(float(second), resident, sockets, 7, tasks, 1)


def test_what_grows_is_told() -> None:
    flat = [reading(second) for second in range(9)]
    assert growth(flat, idle_sockets=5) == []
    assert growth(flat, idle_sockets=4) == ["5 sockets, where the pools keep 4"]
    fuller = [reading(second, resident=(50 + 2 * second) * MIB) for second in range(9)]
    assert growth(fuller, idle_sockets=5) == ["memory grew from 58.0 to 64.0 MiB"]
    busier = [reading(second, tasks=1 + second // 6) for second in range(9)]
    assert growth(busier, idle_sockets=5) == ["tasks grew from 1 to 2"]
    assert growth(flat[:2], idle_sockets=5) == ["too few readings"]


def test_the_judge_sees_what_disagrees(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    ran = ["a", "b", "b", "c", "late"]
    lines = [f'{{"params":{{"title":"{title}"}},"effect":"write"}}\n' for title in ran]
    judge = Judge(ledger)
    ledger.write_text("".join(lines[:4]))
    for title, verdict in {
        "a": "done",
        "b": "unknown",
        "c": "rejected",
        "d": "done",
        "late": "unknown",
    }.items():
        judge.report(title, verdict)  # type: ignore[arg-type]
    judge.close_round()
    assert judge.complaints == [
        "b: ran 2 times", "c: ran, and was reported as rejected", "d: reported as done, and did not run"
    ]  # fmt: skip
    ledger.write_text("".join(lines))
    judge.close_round()
    assert (len(judge.complaints), judge.ran) == (3, 5)


def test_a_mutant_is_one_change_away() -> None:
    source = (
        'def f(x: int) -> int:\n    """One."""\n    if x > 1 and not x:\n        return x + 2\n    return 0\n'
    )
    found = {(mutant.was, mutant.becomes) for mutant in mutants(source)}
    assert {
        ("x > 1", "x >= 1"),
        ("1", "2"),
        ("not x", "x"),
        ("x + 2", "x - 2"),
        ("return 0", "return None"),
    } <= found
    assert not any("One" in was for was, _ in found)
