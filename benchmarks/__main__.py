"""Run benchmarks with the installed packages and print one table per question."""

import argparse
import sys
import warnings
from pathlib import Path

import msgspec

from benchmarks import chart, machine, report
from benchmarks.clients import peers
from benchmarks.options import RunOptions
from benchmarks.questions import QUESTIONS
from benchmarks.report import Table


def main() -> int:
    """Run the chosen questions; return 1 if `--check` found a violated bound."""
    chosen = _arguments()
    options = RunOptions(rounds=chosen.rounds, seconds=chosen.seconds, peers=chosen.peers)
    machine.pin(machine.CLIENT_CORE)
    machine.settle_allocator()
    warnings.simplefilter("ignore", DeprecationWarning)
    facts = machine.describe() | (machine.versions(peers.PACKAGES) if chosen.peers else {})
    print(report.head(facts, options.rounds))
    tables = {}
    for name in chosen.questions or QUESTIONS:
        tables[name] = QUESTIONS[name](options)
        print(tables[name].markdown(), flush=True)
    if chosen.json:
        dump = msgspec.json.encode({"machine": facts, "tables": tables})
        chosen.json.write_bytes(msgspec.json.format(dump))
    if chosen.chart:
        chosen.chart.write_text(chart.draw(tables["call-cost"]))
    return _check(list(tables.values())) if chosen.check else 0


def _check(tables: list[Table]) -> int:
    bounds = [bound for table in tables for bound in table.bounds]
    for bound in bounds:
        print(bound)
    return 0 if all(bound.holds for bound in bounds) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = f"one of {', '.join(QUESTIONS)}; default: all"
    parser.add_argument("questions", nargs="*", metavar="question", help=names)
    parser.add_argument("--peers", action="store_true", help="include the installed peers")
    parser.add_argument("--check", action="store_true", help="fail if a bound is violated")
    parser.add_argument("--rounds", type=int, default=7, help="rounds per comparison; default %(default)s")
    parser.add_argument("--seconds", type=float, default=0.25, help="seconds per contender and round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures as JSON")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="also draw the call cost as SVG")
    chosen = parser.parse_args()
    unknown = set(chosen.questions) - set(QUESTIONS)
    if unknown:
        parser.error(f"unknown question: {', '.join(sorted(unknown))}")
    if chosen.chart and chosen.questions and "call-cost" not in chosen.questions:
        parser.error("--chart requires the question call-cost")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
