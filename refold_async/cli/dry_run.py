"""A batch's dry run: check every call's parameters against the action's schema, execute nothing."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final

import msgspec

from refold_async.api.action_schema import ActionSchema
from refold_async.batch import Call
from refold_async.cli.terminal import Terminal

_SHOWN: Final = 20
_FIRST: Final = 5


class ParameterProblem(msgspec.Struct, frozen=True):
    """A problem with one parameter of one call."""

    index: int
    linked_account_id: str
    parameter: str
    problem: str


def problems_of(schema: ActionSchema, calls: Iterable[Call]) -> list[ParameterProblem]:
    """Return every problem with the calls' parameters."""
    return [
        ParameterProblem(index, call.linked_account_id, problem.parameter, problem.message)
        for index, call in enumerate(calls)
        for problem in schema.check(call.params)
    ]


def report(terminal: Terminal, calls: Iterable[Call], count: int, problems: list[ParameterProblem]) -> None:
    """Print the calls that would run and their problems."""
    first = list(islice(calls, _FIRST))
    if terminal.as_json:
        terminal.put({"calls": count, "first": first, "problems": problems})
        return
    rows = [(each.linked_account_id, msgspec.json.encode(each.params).decode()) for each in first]
    terminal.table(
        ("linked_account_id", "params"), rows, title=f"{len(rows)} of {count:,} calls that would run"
    )
    if not problems:
        terminal.say("all parameters match the action's schema")
        return
    wrong = [(each.index, each.linked_account_id, each.problem) for each in problems[:_SHOWN]]
    title = f"{len(wrong)} of {len(problems):,} problems"
    terminal.table(("call", "linked_account_id", "problem"), wrong, title=title)
