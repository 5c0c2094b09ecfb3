"""Running a customer's workflows: at once, waited for, or followed to the end."""

from __future__ import annotations

from collections.abc import Mapping

from refold_async import deadlines
from refold_async._core.checks import check_mapping
from refold_async._core.operation import Effect
from refold_async.api import operations
from refold_async.api.execution_models import Execution
from refold_async.api.executions import Executions, check_times, started_by
from refold_async.api.resource import Resource, flag
from refold_async.api.workflow_models import StartedExecution, WorkflowResult, read_result
from refold_async.errors import UnreadableReplyError


class WorkflowRuns(Resource):
    """Running a customer's workflows, in three ways."""

    __slots__ = ()

    async def execute(
        self,
        workflow_id: str,
        slug: str,
        payload: Mapping[str, object] | None = None,
        *,
        config_id: str | None = None,
        instance_tag: str | None = None,
        include_headers: bool | None = None,
        effect: Effect | None = None,
        timeout: float | None = None,
    ) -> StartedExecution:
        """Start a workflow without waiting for it.

        Calls `POST /api/v2/public/workflow/{workflowId}/execute`.

        Args:
            workflow_id: The workflow's id or alias.
            slug: The slug of the workflow's app, e.g. `hubspot`.
            payload: What it is given.
            config_id: The config that it runs under; default: the customer's own.
            instance_tag: A tag for the execution.
            include_headers: Whether the workflow sees the request's headers.
            effect: What running it twice does, if you know that it is not a `"write"`.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Returns:
            The `execution_id`, for `account.executions.follow`.

        Raises:
            BadRequestError: If the workflow is not published, or is another customer's.
            RefoldError: If the call fails in any other way; see its `fate`.
        """
        return await self._requester.call(
            operations.WORKFLOWS_EXECUTE,
            StartedExecution,
            workflow_id,
            headers=_headers(slug, config_id, instance_tag, include_headers, sync=None),
            body=check_mapping("payload", payload, optional=True) or {},
            effect=effect,
            timeout=timeout,
        )

    async def execute_and_wait(
        self,
        workflow_id: str,
        slug: str,
        payload: Mapping[str, object] | None = None,
        *,
        config_id: str | None = None,
        instance_tag: str | None = None,
        include_headers: bool | None = None,
        effect: Effect | None = None,
        timeout: float | None = None,
    ) -> WorkflowResult:
        """Run a workflow and wait for its result, in one call.

        Calls `POST /api/v2/public/workflow/{workflowId}/execute` with `sync_execution`. For a
        workflow that takes minutes, `execute_and_follow` holds no connection open.

        Args:
            workflow_id: The workflow's id or alias.
            slug: The slug of the workflow's app, e.g. `hubspot`.
            payload: What it is given.
            config_id: The config that it runs under; default: the customer's own.
            instance_tag: A tag for the execution.
            include_headers: Whether the workflow sees the request's headers.
            effect: What running it twice does, if you know that it is not a `"write"`.
            timeout: Deadline of the whole call, and so of the workflow, in seconds; default: the client's.

        Returns:
            What the workflow returned, in `return_value`.

        Raises:
            WorkflowFailed: If the workflow failed; see its `execution`.
            BadRequestError: If the workflow is not published, or is another customer's.
            DeadlineExceededError: If it had not returned by then. It may still be running.
            RefoldError: If the call fails in any other way; see its `fate`.
        """
        return await self._requester.call(
            operations.WORKFLOWS_EXECUTE_AND_WAIT,
            WorkflowResult,
            workflow_id,
            headers=_headers(slug, config_id, instance_tag, include_headers, sync=True),
            body=check_mapping("payload", payload, optional=True) or {},
            effect=effect,
            timeout=timeout,
            read=read_result,
        )

    async def execute_and_follow(
        self,
        workflow_id: str,
        slug: str,
        payload: Mapping[str, object] | None = None,
        *,
        timeout: float,
        config_id: str | None = None,
        instance_tag: str | None = None,
        include_headers: bool | None = None,
        effect: Effect | None = None,
        poll: float = 0.5,
        longest_poll: float = 10.0,
    ) -> Execution:
        """Start a workflow and poll its execution until it has ended.

        Calls `POST /api/v2/public/workflow/{workflowId}/execute`, then
        `GET /api/v2/public/execution/{execution_id}` at growing intervals.

        Args:
            workflow_id: The workflow's id or alias.
            slug: The slug of the workflow's app, e.g. `hubspot`.
            payload: What it is given.
            timeout: Deadline of the whole operation in seconds; `math.inf` for none.
            config_id: The config that it runs under; default: the customer's own.
            instance_tag: A tag for the execution.
            include_headers: Whether the workflow sees the request's headers.
            effect: What running it twice does, if you know that it is not a `"write"`.
            poll: Seconds before the second request; each wait is 1.5 times the last.
            longest_poll: Maximum seconds between two requests.

        Returns:
            The execution, which is `COMPLETED`.

        Raises:
            SettingsError: If `timeout`, `poll` or `longest_poll` is not a number above 0.
            WorkflowFailed: If it was stopped, timed out, or ended with an error; see its `execution`.
            DeadlineExceededError: If it had not ended by then. It keeps running; the message names it.
            RefoldError: If the call fails in any other way; see its `fate`, which is `unknown` once it was
                started.
        """
        check_times(timeout, poll, longest_poll)
        with deadlines.deadline(timeout):
            started = await self.execute(
                workflow_id,
                slug,
                payload,
                config_id=config_id,
                instance_tag=instance_tag,
                include_headers=include_headers,
                effect=effect,
            )
            with started_by("workflows.execute_and_follow", slug, effect):
                if started.execution_id is None:
                    raise UnreadableReplyError("the reply names no execution to follow")
                return await Executions(self._requester).follow(
                    started.execution_id, timeout=timeout, poll=poll, longest_poll=longest_poll
                )


def _headers(
    slug: str,
    config_id: str | None,
    instance_tag: str | None,
    include_headers: bool | None,  # noqa: FBT001 - as the caller gave it
    *,
    sync: bool | None,
) -> dict[str, str | None]:
    return {
        "slug": slug,
        "config_id": config_id,
        "instance_tag": instance_tag,
        "include-headers": flag(include_headers),
        "sync_execution": flag(sync),
    }
