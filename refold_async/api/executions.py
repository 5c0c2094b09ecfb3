"""Executions: the runs of workflows, and following one to its end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final

from refold_async import deadlines
from refold_async._core import retries
from refold_async._core.checks import check_seconds
from refold_async._core.operation import Effect
from refold_async.api import operations
from refold_async.api.common import Message
from refold_async.api.execution_models import (
    Execution,
    ExecutionSource,
    ExecutionStatus,
    NodeBatch,
    NodeStatus,
    Rerun,
)
from refold_async.api.paging import Page, Paginator, paginate
from refold_async.api.resource import Resource, flag, moment
from refold_async.api.workflow_models import WorkflowFailed
from refold_async.errors import DeadlineExceededError, RefoldError

_GROWTH: Final = 1.5
_LAST_LOOK: Final = 0.5
"""Seconds before the deadline at which the execution is fetched for the last time."""


async def follow(
    get: Callable[[str], Awaitable[Execution]],
    execution_id: str,
    *,
    timeout: float,
    poll: float = 0.5,
    longest_poll: float = 10.0,
) -> Execution:
    """Poll an execution until it has ended; see `Executions.follow` for the arguments."""
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
    """Reject invalid times, and intervals that would poll the service without a pause.

    Raises:
        SettingsError: If one is not a number above 0.
    """
    check_seconds("timeout", timeout)
    check_seconds("poll", poll)
    check_seconds("longest_poll", longest_poll)


async def _look(get: Callable[[str], Awaitable[Execution]], execution_id: str) -> Execution | None:
    """Fetch the execution once; return `None` after a transient failure."""
    try:
        return await get(execution_id)
    except DeadlineExceededError:
        return None  # it may be that of this one question, which has the client's time-out
    except RefoldError as error:
        if not retries.is_transient(error):
            raise
        return None


@contextmanager
def started_by(operation: str, slug: str, effect: Effect | None) -> Iterator[None]:
    """Make errors of following an execution be those of the call that started it.

    Its last question may have been rejected or not sent; the execution was started all the same, and a caller
    who took the fate of the question for that of the whole would start it twice.

    Args:
        operation: The operation that started it.
        slug: The app's slug.
        effect: What running it twice does; default: `"write"`.
    """
    try:
        yield
    except RefoldError as error:
        error.operation, error.slug, error.fate, error.effect = operation, slug, "unknown", effect or "write"
        raise


def _completed(execution: Execution, execution_id: str) -> Execution:
    if not execution.completed:
        raise WorkflowFailed(
            f"the execution {execution_id!r} ended as {execution.status}", execution=execution
        )
    return execution


def _too_late(execution_id: str, state: str) -> DeadlineExceededError:
    return DeadlineExceededError(
        f"the execution {execution_id!r} had not ended by the deadline; its last status was {state}",
        fate="unknown",
    )


class Executions(Resource):
    """The runs of one customer's workflows: `account.executions`."""

    __slots__ = ()

    def list(
        self,
        *,
        page: int | None = None,
        limit: int | None = None,
        status: ExecutionStatus | None = None,
        slug: str | None = None,
        workflow_id: str | None = None,
        workflow_name: str | None = None,
        execution_id: str | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
        execution_type: str | None = None,
        execution_source: ExecutionSource | None = None,
        oldest_first: bool | None = None,
        timeout: float | None = None,
    ) -> Paginator[Execution]:
        """List the executions, the newest first.

        Calls `GET /api/v2/public/execution`.

        Args:
            page: The number of the page, or of the first one if you iterate; default: 1.
            limit: Executions on a page; default: the service's, 10.
            status: Only those with this status, e.g. `ERRORED`.
            slug: Only those of this app, or of several apps, separated by commas.
            workflow_id: Only those of this workflow.
            workflow_name: Only those of workflows of this name.
            execution_id: Only this one.
            start_date: Only those from this time on; it needs a time zone.
            end_date: Only those up to this time; it needs a time zone.
            execution_type: Only those of this type, e.g. `ASYNC`.
            execution_source: Only those started by `API_CALL`, `SCHEDULE` or `Event`.
            oldest_first: Whether the oldest come first.
            timeout: Deadline for each page, retries included, in seconds; default: the client's.

        Raises:
            InvalidCallError: If a time has no time zone.
            RefoldError: If the call fails in any other way.
        """
        named = {"workflow_id": workflow_id, "workflow_name": workflow_name, "execution_id": execution_id}
        query = {
            "status": status,
            "slug": slug,
            **named,
            "start_date": moment("start_date", start_date),
            "end_date": moment("end_date", end_date),
            "execution_type": execution_type,
            "execution_source": execution_source,
            "sortAsc": flag(oldest_first),
        }
        return paginate(
            self._requester,
            operations.EXECUTIONS_LIST,
            Page[Execution],
            page=page,
            limit=limit,
            query=query,
            timeout=timeout,
        )

    async def get(self, execution_id: str, *, timeout: float | None = None) -> Execution:
        """Fetch an execution with its nodes.

        Calls `GET /api/v2/public/execution/{execution_id}`.

        Args:
            execution_id: The execution's id.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such execution.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.EXECUTIONS_GET, Execution, execution_id, timeout=timeout)

    async def follow(
        self, execution_id: str, *, timeout: float, poll: float = 0.5, longest_poll: float = 10.0
    ) -> Execution:
        """Wait for an execution to end, polling it at growing intervals.

        Calls `GET /api/v2/public/execution/{execution_id}` until it has ended. A passing failure
        of the service does not end the wait.

        Args:
            execution_id: The execution's id.
            timeout: Maximum time to wait in seconds; `math.inf` for no limit.
            poll: Seconds before the second request; each wait is 1.5 times the last.
            longest_poll: Maximum seconds between two requests.

        Returns:
            The execution, which is `COMPLETED`.

        Raises:
            SettingsError: If `timeout`, `poll` or `longest_poll` is not a number above 0.
            WorkflowFailed: If it was stopped, timed out, or ended with an error; see its `execution`.
            DeadlineExceededError: If it had not ended by then. It keeps running, and can be followed again.
            NotFoundError: If there is no such execution.
            RefoldError: If a request fails with an error that is not transient.
        """
        try:
            return await follow(self.get, execution_id, timeout=timeout, poll=poll, longest_poll=longest_poll)
        except (WorkflowFailed, DeadlineExceededError) as error:
            error.operation = "executions.follow"
            error.linked_account_id = self._requester.linked_account_id
            raise

    def batches(
        self,
        execution_id: str,
        node_id: str,
        *,
        page: int | None = None,
        limit: int | None = None,
        status: NodeStatus | None = None,
        timeout: float | None = None,
    ) -> Paginator[NodeBatch]:
        """List the batches in which a node ran.

        Calls `GET /api/v2/public/execution/{execution_id}/nodes/{node_id}/batches`.

        Args:
            execution_id: The execution's id.
            node_id: The node's id.
            page: The number of the page, or of the first one if you iterate; default: 1.
            limit: Batches on a page; default: the service's, 10.
            status: Only those with this status, e.g. `Errored`.
            timeout: Deadline for each page, retries included, in seconds; default: the client's.

        Raises:
            ServerError: If the service has no batches for this kind of execution (501).
            NotFoundError: If there is no such execution.
            RefoldError: If the call fails in any other way.
        """
        query = {"status": status}
        return paginate(
            self._requester,
            operations.EXECUTIONS_BATCHES,
            Page[NodeBatch],
            execution_id,
            node_id,
            page=page,
            limit=limit,
            query=query,
            timeout=timeout,
        )

    async def stop(self, execution_id: str, *, timeout: float | None = None) -> Message:
        """Stop an execution. It may run on for a moment; `follow` waits for its end.

        Calls `POST /api/v2/public/execution/{instanceId}/stop`.

        Args:
            execution_id: The execution's id.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such execution.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.EXECUTIONS_STOP, Message, execution_id, timeout=timeout)

    async def rerun(self, execution_id: str, *, timeout: float | None = None) -> Rerun:
        """Rerun a failed or stopped execution with its original input.

        Calls `POST /api/v2/public/execution/{instanceId}/rerun`.

        Args:
            execution_id: The execution's id.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Returns:
            The new execution; its `id` can be followed.

        Raises:
            NotFoundError: If there is no such execution.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.EXECUTIONS_RERUN, Rerun, execution_id, timeout=timeout)
