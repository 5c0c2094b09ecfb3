"""Settles the unknown writes of a batch: waits, looks them up, and may run absent ones again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Final, Protocol

from refold_async._core.effects import effect_of_action
from refold_async._core.pipeline import RetryAfter
from refold_async.batch.runner import CallRunner, Hold, Settled
from refold_async.batch.scheduler import QueuedCall
from refold_async.calls import Found, Unresolved, Verdict
from refold_async.errors import ClosedError, RefoldError
from refold_async.results import ActionResult
from refold_async.settle import Lookup, Settle
from refold_async.settle.verdicts import (
    Finding,
    conclude,
    judge,
    lookup_call,
    lookup_failed,
    plan_lookup,
    result_over,
    runs_again,
)


class VerdictRecorder(Protocol):
    """Records verdicts, e.g. in a journal."""

    async def settled(self, queued: QueuedCall, answer: Settled, /) -> None:
        """Record the verdict on a call.

        Raises:
            RecordingError: If it cannot be recorded.
        """


class Settling:
    """What is kept of a call while it is settled.

    Attributes:
        error: Why its fate is unknown.
        since: When its last attempt ended, or when the batch began if that was in an earlier run.
        plan: How to look it up, or why that cannot be done.
        search: The look-up under way.
        looking: Whether it waits for a look-up, rather than for another run.
        looks: The look-ups made since its last attempt.
        runs: The runs of the call in this run of the batch.
    """

    __slots__ = ("error", "looking", "looks", "plan", "runs", "search", "since")

    def __init__(self, error: RefoldError, since: float, plan: Lookup | Finding, runs: int) -> None:
        self.error = error
        self.since = since
        self.plan = plan
        self.search: QueuedCall | None = None
        self.looking = True
        self.looks = 0
        self.runs = runs


class SettlingRunner:
    """Makes another runner's attempts, and settles the writes whose fate they leave unknown.

    A call that waits to be looked up holds no permit. A look-up is an attempt of its call: it waits for
    its turn and for the rate limit as any other.

    Args:
        runner: Makes the attempts of the calls.
        lookups: Makes those of the look-ups.
        settle: The setting.
        recorder: Records verdicts, if there is a journal.
    """

    def __init__(
        self, runner: CallRunner, lookups: CallRunner, settle: Settle, recorder: VerdictRecorder | None
    ) -> None:
        self._runner: Final = runner
        self._lookups: Final = lookups
        self._settle: Final = settle
        self._recorder: Final = recorder
        self._clock: Final = asyncio.get_running_loop().time
        self._began: Final = self._clock()

    def acquire(self, queued: QueuedCall) -> Awaitable[None] | None:
        """Prepare a call, or its look-up, and acquire a slot of the rate limit; see `CallRunner`."""
        settling: Settling | None = queued.settling
        if settling is None or not settling.looking:
            return self._runner.acquire(queued)
        if not isinstance(settling.plan, Lookup):
            settling.plan = plan_lookup(queued.call, self._settle.lookup) or settling.plan
        if not isinstance(settling.plan, Lookup):
            return None
        search = settling.search
        if search is None:
            call = lookup_call(queued.call, settling.plan)
            search = settling.search = QueuedCall(call, queued.index, self._clock())
        try:
            slot = self._lookups.acquire(search)
        except RefoldError as error:
            search.failure = error
            return None
        return None if slot is None else _wait_for_slot(search, slot)

    async def attempt(self, queued: QueuedCall) -> object:
        """Make one attempt of a call or of its look-up; see `CallRunner`.

        Raises:
            RefoldError: If the call failed for good, and need not be settled.
            RecordingError: If the journal failed.
        """
        settling: Settling | None = queued.settling
        if settling is not None and settling.looking:
            return await self._look(queued, settling)
        try:
            return await self._runner.attempt(queued)
        except RefoldError as error:
            runs = 1 if settling is None else settling.runs + 1
            answer = await self._begin(queued, error, self._clock(), runs)
            if answer is None:
                raise
            return answer._replace(failure=error)

    async def resume(self, queued: QueuedCall, error: RefoldError) -> Hold | Settled | None:
        """Settle a call that an earlier run left unknown.

        Args:
            queued: The call.
            error: Why its fate is unknown.

        Returns:
            When to look it up, its verdict, or `None` if its function does not say how to.
        """
        return await self._begin(queued, error, self._began, runs=0)

    def stop(self) -> None:
        """Cancel pending acquisitions; their calls and look-ups will not be sent."""
        self._runner.stop()
        self._lookups.stop()

    def abandon(self, queued: QueuedCall, error: RefoldError) -> None:
        """Note that a call will not be attempted, or looked up, again."""
        settling: Settling | None = queued.settling
        if settling is None or not settling.looking:
            self._runner.abandon(queued, error)
        elif settling.search is not None and settling.search.error is not None:
            self._lookups.abandon(settling.search, settling.search.error)

    async def _begin(
        self, queued: QueuedCall, error: RefoldError, since: float, runs: int
    ) -> Hold | Settled | None:
        if not _needs_settling(queued, error):
            return None
        plan = plan_lookup(queued.call, self._settle.lookup)
        if plan is None:
            return None
        settling = queued.settling = Settling(error, since, plan, runs)
        if isinstance(plan, Finding) and plan.conclusive:
            return await self._end(queued, settling, plan.verdict)
        return Hold(since + self._settle.after[0], error)

    async def _look(self, queued: QueuedCall, settling: Settling) -> Hold | Settled:
        search, settling.search = settling.search, None
        failure: RefoldError | None = None
        if search is None:
            assert isinstance(settling.plan, Finding)  # noqa: S101 - `acquire` made no look-up
            finding = settling.plan
        else:
            answer = await self._answer(search)
            if isinstance(answer, RetryAfter):
                search.error, settling.search = answer.error, search
                return Hold(self._clock() + answer.wait, settling.error, answer.error)
            queued.rate_wait += search.rate_wait
            if isinstance(answer, ClosedError):
                return Settled(settling.error, failure=answer)  # a later run looks it up
            if isinstance(answer, RefoldError):
                finding, failure = lookup_failed(answer), answer
            else:
                assert isinstance(settling.plan, Lookup)  # noqa: S101 - it is what was looked up
                finding = judge(settling.plan, answer)
        settling.looks += 1
        verdict = conclude(self._settle, finding, settling.looks)
        if verdict is None:
            due = settling.since + self._settle.after[settling.looks]
            return Hold(due, settling.error, failure)
        if runs_again(self._settle, verdict, settling.runs):
            # Prepared anew: the deadline and the retries of its last run are spent.
            settling.looking, queued.state = False, None
            return Hold(self._clock(), settling.error)
        return (await self._end(queued, settling, verdict))._replace(failure=failure)

    async def _answer(self, search: QueuedCall) -> ActionResult | RetryAfter | RefoldError:
        """Make one attempt of a look-up, and return also what it raised."""
        if search.failure is not None:
            return search.failure
        try:
            answer = await self._lookups.attempt(search)
        except RefoldError as error:
            return error
        assert isinstance(answer, ActionResult | RetryAfter)  # noqa: S101 - only a journal's runner skips
        return answer

    async def _end(self, queued: QueuedCall, settling: Settling, verdict: Verdict) -> Settled:
        answer = _settled(verdict, settling.error)
        if self._recorder is not None:
            await self._recorder.settled(queued, answer)
        return answer


async def _wait_for_slot(search: QueuedCall, slot: Awaitable[None]) -> None:
    """Wait for a look-up's slot of the rate limit."""
    try:
        await slot
    except RefoldError as error:
        # The look-up was not sent; raised here, it would say that of its call.
        search.failure = error


def _needs_settling(queued: QueuedCall, error: RefoldError) -> bool:
    # A closed client ends the batch: nothing could be looked up.
    if error.fate != "unknown" or isinstance(error, ClosedError):
        return False
    return (queued.call.effect or effect_of_action(queued.call.action_id)) != "read"


def _settled(verdict: Verdict, error: RefoldError) -> Settled:
    if not isinstance(verdict, Found):
        return Settled(error, verdict=verdict)
    try:
        return Settled(error, result=result_over(verdict.record))
    except TypeError as reason:
        return Settled(error, verdict=Unresolved(f"the record that found returned is not JSON: {reason}"))
