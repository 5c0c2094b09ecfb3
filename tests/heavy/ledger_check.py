"""Compares the reported outcome of each write with the sandbox's ledger of executed writes."""

from collections import Counter
from pathlib import Path
from typing import Literal

import msgspec

Reported = Literal["done", "unknown", "not_sent", "rejected"]
"""What the client reported about a write."""


class _Run(msgspec.Struct):
    params: dict[str, object]
    effect: str


_runs = msgspec.json.Decoder(_Run)


class LedgerCheck:
    """Compares reported outcomes with the ledger file that a sandbox appends to.

    A write is remembered for two rounds, because one that the client gave up on may still run a little later.

    Attributes:
        writes: The number of reported writes.
        outcomes: The number of writes by reported outcome.
        executed: The number of executed writes.
        mismatches: Descriptions of what does not agree; empty if all is well.
    """

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._read = 0
        self._reported: dict[str, Reported] = {}
        self._before: dict[str, Reported] = {}
        self._times: Counter[str] = Counter()
        self._times_before: Counter[str] = Counter()
        self.writes = 0
        self.outcomes: Counter[Reported] = Counter()
        self.executed = 0
        self.mismatches: list[str] = []

    def report(self, title: str, outcome: Reported) -> None:
        """Record what the client reported about the write with this title."""
        if title in self._reported:
            self.mismatches.append(f"{title}: reported twice")
        self._reported[title] = outcome
        self.writes += 1
        self.outcomes[outcome] += 1

    def close_round(self) -> None:
        """Compare the reports with what was executed in the meantime."""
        for title in self._new_runs():
            self._times[title] += 1
            self.executed += 1
        known, times = self._before | self._reported, self._times_before + self._times
        for title in self._times:
            self._check(title, known.get(title), times[title])
        self.mismatches += [
            f"{title}: reported as done but not executed"
            for title, outcome in self._reported.items()
            if outcome == "done" and not times[title]
        ]
        self._before, self._reported = self._reported, {}
        self._times_before, self._times = self._times, Counter()

    def _check(self, title: str, outcome: Reported | None, times: int) -> None:
        if times > 1:
            self.mismatches.append(f"{title}: executed {times} times")
        if outcome not in {"done", "unknown"}:
            self.mismatches.append(f"{title}: executed but reported as {outcome}")

    def _new_runs(self) -> list[str]:
        with self._ledger.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        runs = [_runs.decode(line) for line in whole.splitlines()]
        return [str(run.params["title"]) for run in runs if run.effect == "write"]
