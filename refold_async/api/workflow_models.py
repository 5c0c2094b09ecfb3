"""What is known of a workflow, and of one call of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from refold_async._core import responses
from refold_async._core.decoding import convert_leniently, decode_any, read_as
from refold_async._core.encoding import dump
from refold_async._core.responses import Response
from refold_async.api.common import ApiModel, Dated, Environment, Message, Record, fill
from refold_async.api.execution_models import Execution
from refold_async.api.paging import Page
from refold_async.errors import RefoldError, UnreadableReplyError


class WorkflowSettings(ApiModel, frozen=True, kw_only=True, omit_defaults=True):
    """How a workflow runs.

    Attributes:
        caching: What it keeps of its answers.
        workflow_response: What it answers.
        timeout: How long it may run.
        incremental_sync_settings: How it syncs what is new.
    """

    caching: dict[str, Any] | None = None
    workflow_response: dict[str, Any] | None = None
    timeout: int | None = None
    incremental_sync_settings: dict[str, Any] | None = None


class Workflow(Dated, frozen=True, kw_only=True):
    """A workflow, or its draft.

    Attributes:
        name: Its name.
        description: What it does.
        icon: The URL of its icon.
        slug: The slug of its app.
        org_id: The organisation's id.
        environment: `test` or `production`.
        linked_account_id: The customer that it belongs to, if any.
        published: Whether it is published, so that it can run.
        version: Its version, of a published one.
        current_version: The version that runs.
        workflow_alias: A name that stands for its id.
        public_access_workflow: Whether a customer made it.
        associated_application: The app's id.
        associated_project: The project's id.
        associated_workflow: Of a draft: the workflow that it is a draft of.
        auto_enable: Whether it runs for a customer from its first config on.
        hide_in_config: Whether configs leave it out.
        expose_as_node: Whether other workflows can call it.
        settings: How it runs.
        nodes: Its nodes.
        edges: What leads from which node to which.
        data_slots: What a customer sets of it.
        json_schema: The JSON Schema of its payload.
        enable_schema_validation: Whether its payload is checked against that.
        manual_execution_payload: An example of its payload.
        event_schema_guidelines: Guidelines for its payload.
        test_instance_meta_data: What its last test was given.
        group: Its group.
        index_order: Its place in lists.
        udf_filter: For whom it runs: a filter on fields of your own.
        udf_filter_operator: How that filter compares.
        created_by_ai: Whether an agent made it.
        is_agentic_flow: Whether an agent runs it.
        when_to_use: When an agent should use it.
        is_v2: Whether the newer engine runs it.
        workflow_builder_version: The builder that made it.
    """

    name: str | None = None
    description: str | None = None
    icon: str | None = None
    slug: str | None = None
    org_id: str | None = None
    environment: Environment | None = None
    linked_account_id: str | None = None
    published: bool | None = None
    version: int | None = None
    current_version: int | None = None
    workflow_alias: str | None = None
    public_access_workflow: bool | None = None
    associated_application: Any = None
    associated_project: str | None = None
    associated_workflow: str | None = None
    auto_enable: bool | None = msgspec.field(default=None, name="autoEnable")
    hide_in_config: bool | None = None
    expose_as_node: bool | None = None
    settings: WorkflowSettings | None = None
    nodes: list[Record] | None = None
    edges: list[Record] | None = None
    data_slots: list[Record] | None = None
    json_schema: dict[str, Any] | None = None
    enable_schema_validation: bool | None = None
    manual_execution_payload: Any = None
    event_schema_guidelines: str | None = None
    test_instance_meta_data: dict[str, Any] | None = None
    group: str | None = None
    index_order: int | None = None
    udf_filter: str | None = None
    udf_filter_operator: str | None = None
    created_by_ai: bool | None = None
    is_agentic_flow: bool | None = None
    when_to_use: str | None = None
    is_v2: bool | None = None
    workflow_builder_version: str | None = None


class WorkflowPage(Page[Workflow], frozen=True, kw_only=True):
    """A page of workflows.

    Attributes:
        schema: One JSON Schema for the payloads of all of them.
    """

    schema: dict[str, Any] | None = None


class CreatedWorkflow(ApiModel, frozen=True, kw_only=True):
    """An answer that holds the workflow that was made.

    Attributes:
        workflow: The workflow.
    """

    workflow: Workflow | None = None


class EnabledWorkflow(Dated, frozen=True, kw_only=True):
    """A workflow that runs for a customer.

    Attributes:
        name: Its name.
        description: What it does.
        icon: The URL of its icon.
        config_id: The config that it is enabled in.
        application: The app that it belongs to.
    """

    name: str | None = None
    description: str | None = None
    icon: str | None = None
    config_id: str | None = None
    application: dict[str, Any] | None = None


class WorkflowDeletion(Message, frozen=True, kw_only=True):
    """The outcome of deleting a workflow.

    Attributes:
        success: Whether it was deleted.
        triggers_deregistered: Whether nothing starts it any more.
    """

    success: bool | None = None
    triggers_deregistered: bool | None = None
    _successfully_deleted_triggers: bool | None = msgspec.field(
        default=None, name="successfullyDeletedTriggers"
    )

    def __post_init__(self) -> None:
        """Set `triggers_deregistered` from its other name."""
        fill(self, "triggers_deregistered", self._successfully_deleted_triggers)


class RequestStructure(ApiModel, frozen=True, kw_only=True):
    """The structure of a workflow's payload.

    Attributes:
        payload: An example of it.
        schema: Its JSON Schema.
        schema_interpreted: The same in short: each key with its type.
    """

    payload: Any = None
    schema: Any = None
    schema_interpreted: Any = None


class StartedExecution(Message, frozen=True, kw_only=True):
    """An execution that was started.

    Attributes:
        execution_id: Its id, for `account.executions.follow`.
        executed_by_thanos: Whether the newer engine runs it.
    """

    execution_id: str | None = None
    executed_by_thanos: bool | None = None


class WorkflowResult(StartedExecution, frozen=True, kw_only=True):
    """The result of a workflow that was waited for.

    Attributes:
        return_value: What it returned.
        status_code: The HTTP status that it chose.
        errored: Whether it failed.
        execution_error: How it failed.
    """

    return_value: Any = None
    status_code: int | None = None
    errored: bool | None = None
    execution_error: Any = None


_SIGNS: Final = frozenset({"execution_id", "return_value", "errored", "execution_error"})
"""Fields of the service's account of a run that its own errors do not have."""


class WorkflowFailed(RefoldError):
    """An execution of a workflow ended without completing. Parts of it may have run.

    Attributes:
        execution: What is known of it: a `WorkflowResult`, or the `Execution` that was followed.
    """

    def __init__(self, message: str, *, execution: WorkflowResult | Execution) -> None:
        super().__init__(message, fate="unknown")
        self.execution = execution


def read_result(_: type[WorkflowResult], reply: Response, secret: str = "") -> WorkflowResult:
    """Read the reply of a workflow that was waited for.

    A workflow may choose the reply's status, also an unsuccessful one, and its whole body.

    Raises:
        WorkflowFailed: If the workflow failed.
        StatusError: If the service did not run it.
        UnreadableReplyError: If the body is not JSON.
    """
    account = _account_of(reply)
    if account is None:
        if not responses.is_success(reply.status):
            raise responses.status_error(reply, secret=secret)
        return WorkflowResult(
            return_value=decode_any(reply.body) if reply.body else None, status_code=reply.status
        )
    result: WorkflowResult = convert_leniently(WorkflowResult, {"status_code": reply.status, **account})
    if result.errored or result.execution_error:
        raise _failure(_without(secret, result))
    return result


def _failure(result: WorkflowResult) -> WorkflowFailed:
    said = responses.bounded(str(result.execution_error or result.message))
    return WorkflowFailed(f"the workflow failed: {said}", execution=result)


def _without(secret: str, result: WorkflowResult) -> WorkflowResult:
    """Return a result without the credential, since its error may be logged or pickled."""
    clean = responses.redact(dump(result).decode(), secret)
    return read_as(WorkflowResult, clean.encode())


def _account_of(reply: Response) -> Mapping[str, Any] | None:
    """Return the service's account of the run, if the body is one."""
    try:
        body = decode_any(reply.body)
    except UnreadableReplyError:
        if responses.is_success(reply.status) and reply.body:
            raise
        return None
    return body if isinstance(body, Mapping) and not _SIGNS.isdisjoint(body) else None
