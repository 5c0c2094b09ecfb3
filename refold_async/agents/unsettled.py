"""Writes of unknown fate: which actions are closed because of them, and what reopens them."""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple

from refold_async.api.actions import Actions
from refold_async.calls import Absent, Call, Found, Unresolved, Verdict
from refold_async.errors import RefoldError
from refold_async.results import ActionResult
from refold_async.settle.settings import Lookup, Settle
from refold_async.settle.verdicts import Finding, judge, lookup_failed, plan_lookup

NO_SETTLE: Final = "the toolset has no look-up for this action"


class _Lost(NamedTuple):
    call: Call
    ended: float


class _Written(NamedTuple):
    """A lost write that was found, with the look-up's answer: a repetition is found in it too."""

    call: Call
    lookup: Lookup
    answer: ActionResult


class UnsettledWrites:
    """The writes of one action whose fate is unknown. While there are any, the action is closed.

    Args:
        settle: How to look a write up, and when `absent` may be concluded; `None` if it cannot be.
    """

    def __init__(self, settle: Settle | None) -> None:
        self._settle = settle
        # One write of an action at a time: the second must know what became of the first.
        self.lock: Final = asyncio.Lock()
        self._lost: list[_Lost] = []
        self._written: list[_Written] = []

    @property
    def calls(self) -> tuple[Call, ...]:
        """The calls whose fate is unknown."""
        return tuple(lost.call for lost in self._lost)

    def add(self, call: Call, now: float) -> None:
        """Close the action because of a call whose fate is unknown since now."""
        self._lost.append(_Lost(call, now))

    def clear(self) -> None:
        """Reopen the action, as the host decided."""
        self._lost.clear()

    async def verdict(self, actions: Actions, now: float) -> Verdict | None:
        """Look the lost writes up with an account's actions, once each; return the verdict, if there are any.

        Anything but `Unresolved` reopens the action. *Absent* is concluded only after the last wait of the
        `Settle`, since the lost attempt may still run until then.
        """
        verdict: Verdict | None = None
        for lost in list(self._lost):
            verdict = await self._look(actions, lost, now)
            if isinstance(verdict, Unresolved):
                return verdict
            self._lost.remove(lost)
        return verdict

    async def _look(self, actions: Actions, lost: _Lost, now: float) -> Verdict:
        if self._settle is None:
            return Unresolved(NO_SETTLE)
        lookup = plan_lookup(lost.call, self._settle.lookup)
        if not isinstance(lookup, Lookup):
            return Unresolved(NO_SETTLE) if lookup is None else lookup.verdict
        finding, answer = await _find(actions, lost.call, lookup)
        if isinstance(finding.verdict, Found) and answer is not None:
            self._written.append(_Written(lost.call, lookup, answer))
        left = lost.ended + self._settle.after[-1] - now
        if isinstance(finding.verdict, Absent) and left > 0:
            return Unresolved(f"nothing was found yet; absent is concluded in {left:.0f} s at the earliest")
        return finding.verdict

    def written(self, call: Call) -> tuple[Any, bool] | None:
        """Return the record of a lost write that a call would repeat, and whether it is the same call.

        A call repeats a lost write if its own look-up asks the same, and finds a record in the answer.
        """
        if not self._written or self._settle is None:
            return None
        lookup = plan_lookup(call, self._settle.lookup)
        for written in self._written:
            if isinstance(lookup, Lookup) and _question(lookup) == _question(written.lookup):
                verdict = judge(lookup, written.answer).verdict
                if isinstance(verdict, Found):
                    return verdict.record, call.params == written.call.params
        return None


async def _find(actions: Actions, call: Call, lookup: Lookup) -> tuple[Finding, ActionResult | None]:
    slug = call.slug if lookup.slug is None else lookup.slug
    try:
        answer = await actions.execute(slug, lookup.action_id, lookup.params, effect="read")
    except RefoldError as error:
        return lookup_failed(error), None
    return judge(lookup, answer), answer


def _question(lookup: Lookup) -> tuple[str | None, str, Any]:
    return lookup.slug, lookup.action_id, dict(lookup.params or {})
