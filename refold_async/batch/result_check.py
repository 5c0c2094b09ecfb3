"""Results that the service calls a success and the user's `result_check` does not."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

from refold_async._core.effects import effect_of_action
from refold_async.batch.runner import CallRunner
from refold_async.batch.scheduler import QueuedCall
from refold_async.batch.settings import ResultCheck
from refold_async.errors import RefoldError
from refold_async.results import ActionFailed, ActionResult


class CheckingRunner:
    """Makes another runner's attempts, and fails those whose result does not pass a check.

    Args:
        runner: Makes the attempts.
        check: The check.
    """

    def __init__(self, runner: CallRunner, check: ResultCheck) -> None:
        self._runner: Final = runner
        self._check: Final = check

    def acquire(self, queued: QueuedCall) -> Awaitable[None] | None:
        """Prepare a call and acquire a slot of the rate limit; see `CallRunner`."""
        return self._runner.acquire(queued)

    async def attempt(self, queued: QueuedCall) -> object:
        """Make one attempt and check its result; see `CallRunner`.

        Raises:
            RefoldError: If the call failed for good.
            ActionFailed: If its result does not pass the check.
        """
        answer = await self._runner.attempt(queued)
        if isinstance(answer, ActionResult) and (reason := self._reason(answer)) is not None:
            raise _failure(queued, answer, reason)
        return answer

    def stop(self) -> None:
        """Cancel pending acquisitions; their calls will not be sent."""
        self._runner.stop()

    def abandon(self, queued: QueuedCall, error: RefoldError) -> None:
        """Note that a call which failed with `error` will not be attempted again."""
        self._runner.abandon(queued, error)

    def _reason(self, result: ActionResult) -> str | None:
        try:
            reason: object = self._check(result)
        except Exception as error:  # noqa: BLE001 - the result is kept in the failure, with the reason
            return f"result_check raised {type(error).__name__}: {error}"
        if reason is None or isinstance(reason, str):
            return reason
        return f"result_check returned {type(reason).__name__}, not a reason or None"


def _failure(queued: QueuedCall, result: ActionResult, reason: str) -> ActionFailed:
    # Unknown: a part of it may have been done, so that running it again may do that part twice.
    error = ActionFailed(reason, result=result, fate="unknown")
    error.attempts = queued.attempts
    error.effect = queued.call.effect or effect_of_action(queued.call.action_id)
    return error
