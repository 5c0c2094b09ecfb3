"""Run benchmarks with the installed packages and print one table per question."""

import argparse
import sys
import warnings
from pathlib import Path

import msgspec

from benchmarks import chart, machine, report
from benchmarks.clients import peers
from benchmarks.options import RunOptions
from benchmarks.publish import publish
from benchmarks.questions import QUESTIONS, WITHOUT_BOUNDS
from benchmarks.report import Table

ALL = "all"


def main() -> int:
    """Run the chosen questions; return 1 if `--check` found a violated bound."""
    chosen = _arguments()
    options = _options(chosen)
    machine.pin(machine.CLIENT_CORE)
    machine.settle_allocator()
    warnings.simplefilter("ignore", DeprecationWarning)
    facts = machine.describe() | (machine.versions(peers.PACKAGES) if options.peers else {})
    head = report.head(facts, options.rounds)
    print(head)
    tables = {}
    for name in _questions(chosen.questions, brief=options.brief):
        tables[name] = QUESTIONS[name](options)
        print(tables[name].markdown(), flush=True)
    if chosen.write:
        publish(head, tables)
    if chosen.json:
        dump = msgspec.json.encode({"machine": facts, "tables": tables})
        chosen.json.write_bytes(msgspec.json.format(dump))
    if chosen.chart:
        chosen.chart.write_text(chart.draw(tables["call-cost"]))
    return _check(list(tables.values())) if chosen.check else 0


def _options(chosen: argparse.Namespace) -> RunOptions:
    brief = chosen.check and not (chosen.write or chosen.peers)
    return RunOptions(
        rounds=chosen.rounds or (5 if brief else 7),
        seconds=chosen.seconds,
        peers=chosen.peers or chosen.write,
        brief=brief,
    )


def _questions(chosen: list[str], *, brief: bool) -> list[str]:
    """Return the questions of a run: all by default, but for `--check` only those with bounds."""
    if chosen and chosen != [ALL]:
        return chosen
    return [name for name in QUESTIONS if not (brief and name in WITHOUT_BOUNDS)]


def _check(tables: list[Table]) -> int:
    bounds = [bound for table in tables for bound in table.bounds]
    for bound in bounds:
        print(bound)
    return 0 if all(bound.holds for bound in bounds) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = f"one of {', '.join(QUESTIONS)}; default: {ALL}"
    parser.add_argument("questions", nargs="*", metavar="question", help=names)
    parser.add_argument("--peers", action="store_true", help="include the installed peers")
    parser.add_argument(
        "--check", action="store_true", help="fail if a bound is violated; measure no more than that needs"
    )
    parser.add_argument("--write", action="store_true", help="write all figures into the READMEs; with peers")
    parser.add_argument("--rounds", type=int, help="rounds per comparison; default 7, with --check 5")
    parser.add_argument("--seconds", type=float, default=0.25, help="seconds per contender and round")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write all figures as JSON")
    parser.add_argument("--chart", type=Path, metavar="FILE", help="also draw the call cost as SVG")
    chosen = parser.parse_args()
    unknown = set(chosen.questions) - {ALL, *QUESTIONS}
    if unknown:
        parser.error(f"unknown question: {', '.join(sorted(unknown))}")
    if chosen.write and chosen.questions not in ([], [ALL]):
        parser.error("--write needs all questions")
    if chosen.chart and chosen.questions and not {"call-cost", ALL} & set(chosen.questions):
        parser.error("--chart requires the question call-cost")
    return chosen


if __name__ == "__main__":
    sys.exit(main())
