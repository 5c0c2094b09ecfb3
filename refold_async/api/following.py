"""Following an execution to its end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final

from refold_async import deadlines
from refold_async._core import retries
from refold_async._core.checks import check_seconds
from refold_async.api.execution_models import Execution
from refold_async.api.workflow_results import WorkflowFailed
from refold_async.errors import DeadlineExceededError, RefoldError

_GROWTH: Final = 1.5
_LAST_LOOK: Final = 0.5
"""Seconds before the deadline at which the execution is asked for a last time."""


async def follow(
    get: Callable[[str], Awaitable[Execution]],
    execution_id: str,
    *,
    timeout: float,
    poll: float = 0.5,
    longest_poll: float = 10.0,
) -> Execution:
    """Ask for an execution until it has ended; see `Executions.follow` for the arguments."""
    check_times(timeout, poll, longest_poll)
    state = "not seen yet"
    clock = asyncio.get_running_loop().time
    with deadlines.deadline(timeout):
        until = deadlines.earlier(clock() + timeout)
        last_look = min(_LAST_LOOK, (until - clock()) / 4)
        while True:
            execution = await _look(get, execution_id)
            if execution is not None:
                if execution.ended:
                    return _completed(execution, execution_id)
                state = str(execution.status)
            left = until - clock()
            if left <= last_look:
                raise _too_late(execution_id, state)
            await asyncio.sleep(min(random.uniform(poll / 2, poll), left - last_look))  # noqa: S311 - jitter
            poll = min(poll * _GROWTH, longest_poll)


def check_times(timeout: float, poll: float, longest_poll: float) -> None:
    """Refuse times that are none, and intervals at which the service would be asked without a pause.

    Raises:
        SettingsError: One is not a number above 0.
    """
    check_seconds("timeout", timeout)
    check_seconds("poll", poll)
    check_seconds("longest_poll", longest_poll)


async def _look(get: Callable[[str], Awaitable[Execution]], execution_id: str) -> Execution | None:
    """Ask for the execution once; a passing failure gives nothing."""
    try:
        return await get(execution_id)
    except DeadlineExceededError:
        return None  # it may be that of this one question, which has the client's time-out
    except RefoldError as error:
        if not retries.is_transient(error):
            raise
        return None


def _completed(execution: Execution, execution_id: str) -> Execution:
    if not execution.completed:
        raise WorkflowFailed(
            f"the execution {execution_id!r} ended as {execution.status}", execution=execution
        )
    return execution


def _too_late(execution_id: str, state: str) -> DeadlineExceededError:
    return DeadlineExceededError(
        f"the execution {execution_id!r} had not ended by the deadline; last it was {state}",
        fate="unknown",
    )
