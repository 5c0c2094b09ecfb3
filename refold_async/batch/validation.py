"""Calls whose parameters are checked against the schema of their action before they are sent."""

from __future__ import annotations

import math
from collections.abc import Awaitable
from typing import Final

from refold_async._core.cache import ResponseCache
from refold_async._core.requester import Requester
from refold_async.api.action_schema import ActionSchema, problems_error
from refold_async.api.actions import Actions
from refold_async.batch.runner import CallRunner
from refold_async.batch.scheduler import QueuedCall
from refold_async.calls import Call
from refold_async.errors import RefoldError
from refold_async.settings import Cache


class CallValidator:
    """Checks calls against schemas that are fetched once per app and action.

    A customer may have fields of its own. So a call that does not fit the shared schema is refused only if it
    does not fit its own customer's either.

    Args:
        requester: The organisation's.
    """

    def __init__(self, requester: Requester) -> None:
        self._requester: Final = requester
        self._schemas: Final = ResponseCache(Cache())

    async def check(self, call: Call) -> None:
        """Check a call's parameters.

        Raises:
            InvalidCallError: If they do not fit.
            RefoldError: If the schema cannot be fetched; nothing of the call was sent.
        """
        try:
            account_id, shared = await self._schemas.get(
                (call.slug, call.action_id), lambda: self._fetch(call), due=math.inf
            )
            problems = shared.check(call.params)
            if problems and account_id != call.linked_account_id:
                _, own = await self._schemas.get(
                    (call.slug, call.action_id, call.linked_account_id),
                    lambda: self._fetch(call),
                    due=math.inf,
                )
                problems = own.check(call.params)
        except RefoldError as error:
            error.fate = "not_sent"  # of the call: only its schema was asked for
            raise
        if problems:
            raise problems_error(problems)

    async def _fetch(self, call: Call) -> tuple[str, ActionSchema]:
        account = self._requester.for_account(call.linked_account_id)
        return call.linked_account_id, await Actions(account).schema(call.slug, call.action_id)


class ValidatingRunner:
    """Makes another runner's attempts, after a check of each call.

    Args:
        runner: Makes the attempts, and records them: a call that is refused leaves no trace in a journal.
        validator: Checks the calls.
    """

    def __init__(self, runner: CallRunner, validator: CallValidator) -> None:
        self._runner: Final = runner
        self._validator: Final = validator

    def acquire(self, queued: QueuedCall) -> Awaitable[None] | None:
        """Prepare a call and acquire a slot of the rate limit; see `CallRunner`."""
        return self._runner.acquire(queued)

    async def attempt(self, queued: QueuedCall) -> object:
        """Check the call before its first attempt, and make one; see `CallRunner`.

        Raises:
            InvalidCallError: If its parameters do not fit the schema.
            RefoldError: If the call failed for good.
        """
        # Not one that an earlier run sent and that is looked up: its fate is unknown, whatever its schema is.
        if not queued.attempts and queued.settling is None:
            await self._validator.check(queued.call)
        return await self._runner.attempt(queued)

    def stop(self) -> None:
        """Cancel pending acquisitions; their calls will not be sent."""
        self._runner.stop()

    def abandon(self, queued: QueuedCall, error: RefoldError) -> None:
        """Note that a call which failed with `error` will not be attempted again."""
        self._runner.abandon(queued, error)
