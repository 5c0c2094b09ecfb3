"""What a test expects of the ledger, and how the message reads where it was not so."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Final, NamedTuple

import msgspec

from refold_async.sandbox import Run

_SHOWN: Final = 5


class Expected(NamedTuple):
    """The runs that a test asks for; `None` is any."""

    slug: str | None = None
    action_id: str | None = None
    linked_account_id: str | None = None
    params: Mapping[str, object] | None = None

    def __str__(self) -> str:
        action = "any write" if self.slug is None else f"{self.slug}/{self.action_id}"
        account = "" if self.linked_account_id is None else f" for {self.linked_account_id!r}"
        params = "" if self.params is None else f" with {dict(self.params)!r}"
        return f"{action}{account}{params}"

    def differences(self, run: Run) -> list[str]:
        """Say in words how a run differs from this; nothing where it is one of these."""
        found = [
            f"{name} is {actual!r}, not {expected!r}"
            for name, expected, actual in (
                ("slug", self.slug, run.slug),
                ("action_id", self.action_id, run.action_id),
                ("linked_account_id", self.linked_account_id, run.linked_account_id),
            )
            if expected not in {None, actual}
        ]
        return found if self.params is None else found + _differing(self.params, run.params)


def _differing(expected: Mapping[str, object], actual: Mapping[str, object]) -> list[str]:
    missing = [f"{name} is missing" for name in expected if name not in actual]
    surplus = [f"{name} is {actual[name]!r}, and was not expected" for name in actual if name not in expected]
    other = [
        f"{name} is {actual[name]!r}, not {value!r}"
        for name, value in expected.items()
        if name in actual and actual[name] != value
    ]
    return other + missing + surplus


def check_ran(runs: Sequence[Run], expected: Expected, times: int) -> list[Run]:
    """Give the runs that are expected, or raise `AssertionError` with those that came nearest."""
    found = [run for run in runs if not expected.differences(run)]
    if len(found) == times:
        return found
    head = f"{expected} ran {_times(len(found))}, not {_times(times)}."
    raise AssertionError("\n".join([head, *(_listed(found) if found else _nearest(runs, expected))]))


def check_duplicates(duplicates: Mapping[Hashable, Sequence[Run]]) -> None:
    """Raise `AssertionError` where there are duplicates."""
    if duplicates:
        runs = [run for group in duplicates.values() for run in group]
        head = f"{len(duplicates)} of the writes ran more than once:"
        raise AssertionError("\n".join([head, *_listed(runs)]))


def _times(number: int) -> str:
    return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")


def _listed(runs: Sequence[Run]) -> list[str]:
    more = [f"  … and {len(runs) - _SHOWN} more"] if len(runs) > _SHOWN else []
    return [f"  {_line(run)}" for run in runs[:_SHOWN]] + more


def _nearest(runs: Sequence[Run], expected: Expected) -> list[str]:
    if not runs:
        return ["Nothing ran at all."]
    ranked = sorted(runs, key=lambda run: (len(expected.differences(run)), run.number))[:_SHOWN]
    lines = [f"  {_line(run)}\n      {'; '.join(expected.differences(run))}" for run in ranked]
    return [f"Of the {len(runs)} runs, these came nearest:", *lines]


def _line(run: Run) -> str:
    done = "done" if run.ok else "refused by the app"
    params = msgspec.json.encode(run.params).decode()
    return f"#{run.number} {run.slug}/{run.action_id} for {run.linked_account_id!r}: {params} ({done})"
