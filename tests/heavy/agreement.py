"""Whether what was reported of each write agrees with what the ledger says ran."""

from collections import Counter
from pathlib import Path
from typing import Literal

import msgspec

Verdict = Literal["done", "unknown", "not_sent", "rejected"]
"""What the client reported of a write."""


class _Run(msgspec.Struct):
    params: dict[str, object]
    effect: str


_runs = msgspec.json.Decoder(_Run)


class Judge:
    """Holds reports against the lines that a sandbox adds to its ledger's file.

    A write is remembered for two rounds: one that the client gave up may still run a little later.

    Attributes:
        writes: How many were reported.
        verdicts: How many were reported as what.
        ran: How many ran.
        complaints: What does not agree, in words; nothing, if all is well.
    """

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self._read = 0
        self._reported: dict[str, Verdict] = {}
        self._before: dict[str, Verdict] = {}
        self._times: Counter[str] = Counter()
        self._times_before: Counter[str] = Counter()
        self.writes = 0
        self.verdicts: Counter[Verdict] = Counter()
        self.ran = 0
        self.complaints: list[str] = []

    def report(self, title: str, verdict: Verdict) -> None:
        """Take note of what the client said of a write, which has a title of its own."""
        if title in self._reported:
            self.complaints.append(f"{title}: reported twice")
        self._reported[title] = verdict
        self.writes += 1
        self.verdicts[verdict] += 1

    def close_round(self) -> None:
        """Compare what was reported with what ran meanwhile."""
        for title in self._new_runs():
            self._times[title] += 1
            self.ran += 1
        known, times = self._before | self._reported, self._times_before + self._times
        for title in self._times:
            self._check(title, known.get(title), times[title])
        self.complaints += [
            f"{title}: reported as done, and did not run"
            for title, verdict in self._reported.items()
            if verdict == "done" and not times[title]
        ]
        self._before, self._reported = self._reported, {}
        self._times_before, self._times = self._times, Counter()

    def _check(self, title: str, verdict: Verdict | None, times: int) -> None:
        if times > 1:
            self.complaints.append(f"{title}: ran {times} times")
        if verdict not in {"done", "unknown"}:
            self.complaints.append(f"{title}: ran, and was reported as {verdict}")

    def _new_runs(self) -> list[str]:
        with self._ledger.open("rb") as file:
            file.seek(self._read)
            text = file.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        runs = [_runs.decode(line) for line in whole.splitlines()]
        return [str(run.params["title"]) for run in runs if run.effect == "write"]
