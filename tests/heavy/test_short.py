"""Short versions of the long runs."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.services import needs

from .ledger_check import LedgerCheck
from .mutants import mutants
from .resource_usage import MIB, ResourceUsage, growth

ROOT = Path(__file__).parents[2]
SECONDS = float(os.environ.get("REFOLD_SOAK_SECONDS", "5"))


def run(name: str, *arguments: str, transport: str = "direct") -> str:
    command = [sys.executable, "-m", f"tests.heavy.{name}", *arguments]
    environment = {**os.environ, "REFOLD_TRANSPORT": transport}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-2000:]
    return ended.stdout


@pytest.mark.timeout(120 + 3 * SECONDS)
def test_short_soak() -> None:
    """Check sockets, files, tasks, threads and the ledger; memory has not settled after so short a time."""
    transport = os.environ.get("REFOLD_TRANSPORT", "direct")
    options = ("--minutes", str(SECONDS / 60), "--round", "0.5", "--timeout", "0.7", "--slack", "30")
    output = run("soak", *options, transport=transport)
    assert "no growth after the warm-up" in output


def test_short_long_life() -> None:
    """Check that calls for a thousand accounts with nine keys succeed, and that nothing large is kept of them."""
    transport = os.environ.get("REFOLD_TRANSPORT", "direct")
    options = ("--calls", "8000", "--accounts", "1000", "--period", "1000", "--bytes", "200")
    output = run("long_life", *options, transport=transport)
    assert re.search(r"8,000 calls of 1,000 accounts with \d+ keys: .* bytes a call", output)


@pytest.mark.parametrize("transport", ["direct", "public"])
def test_writes_under_faults(transport: str) -> None:
    output = run("writes", "--calls", "400", transport=transport)
    counts = re.search(
        r"400 writes: \{'(?:done|unknown)': \d+, '(?:done|unknown)': \d+\}; (\d+) executed; 0 wrong", output
    )
    assert counts is not None, output
    assert int(counts[1]) > 200


@needs("nginx")
@needs("haproxy")
def test_writes_through_proxies() -> None:
    transport = os.environ.get("REFOLD_TRANSPORT", "direct")
    output = run("proxies", "--writes", "600", "--pause", "0.05", "--timeout", "3", transport=transport)
    assert re.search(r"600 writes: .*; 0 twice, 0 contradicted", output), output


def test_settled_writes() -> None:
    output = run("settle", "--calls", "200", "--late", "0.3", "--lag", "0")
    assert "0 doubled, 0 missing, 0 unknown" in output


def sample(second: int, *, resident: int = 50 * MIB, sockets: int = 5, tasks: int = 1) -> ResourceUsage:
    return ResourceUsage(float(second), resident, sockets, 7, tasks, 1)


def test_growth_is_reported() -> None:
    flat = [sample(second) for second in range(9)]
    assert growth(flat, idle_sockets=5) == []
    assert growth(flat, idle_sockets=4) == ["5 sockets, but the pools keep 4"]
    fuller = [sample(second, resident=(50 + 2 * second) * MIB) for second in range(9)]
    assert growth(fuller, idle_sockets=5) == ["memory grew from 58.0 to 64.0 MiB"]
    busier = [sample(second, tasks=1 + second // 6) for second in range(9)]
    assert growth(busier, idle_sockets=5) == ["tasks grew from 1 to 2"]
    assert growth(flat[:2], idle_sockets=5) == ["too few samples"]


def test_mismatches_with_the_ledger_are_reported(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger"
    ran = ["a", "b", "b", "c", "late"]
    lines = [f'{{"params":{{"title":"{title}"}},"effect":"write"}}\n' for title in ran]
    check = LedgerCheck(ledger)
    ledger.write_text("".join(lines[:4]))
    for title, outcome in {
        "a": "done",
        "b": "unknown",
        "c": "rejected",
        "d": "done",
        "late": "unknown",
    }.items():
        check.report(title, outcome)  # type: ignore[arg-type]
    check.close_round()
    assert check.mismatches == [
        "b: executed 2 times", "c: executed but reported as rejected", "d: reported as done but not executed"
    ]  # fmt: skip
    ledger.write_text("".join(lines))
    check.close_round()
    assert (len(check.mismatches), check.executed) == (3, 5)


def test_multipart_boundaries_differ_in_one_place() -> None:
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
