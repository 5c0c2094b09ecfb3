"""What is known of an execution: the run of a workflow."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal

from refold_async.api.common import ApiModel, Dated, Environment, Identified

if TYPE_CHECKING:
    ExecutionStatus = Literal["COMPLETED", "RUNNING", "ERRORED", "STOPPED", "STOPPING", "TIMED_OUT"] | str
    ExecutionSource = Literal["API_CALL", "SCHEDULE", "Event"] | str
    NodeStatus = (
        Literal[
            "Success",
            "Ready",
            "Errored",
            "Waiting",
            "Stopped",
            "Rejected",
            "Errored_and_Skipped",
            "Timed_Out",
        ]
        | str
    )
else:
    ExecutionStatus = ExecutionSource = NodeStatus = str

ENDED: Final = frozenset({"COMPLETED", "ERRORED", "STOPPED", "TIMED_OUT"})
"""The states in which an execution has ended."""


class NamedThing(Identified, frozen=True, kw_only=True):
    """A workflow or app, as an execution names it.

    Attributes:
        name: Its display name.
        icon: The URL of its icon.
    """

    name: str | None = None
    icon: str | None = None


class ExecutionNode(ApiModel, frozen=True, kw_only=True):
    """A node of a workflow, as it ran.

    Attributes:
        node_id: Its id in the workflow.
        node_name: Its display name.
        node_type: What it is, e.g. `start` or `action`.
        node_status: How it ended.
        is_batch: Whether it ran in batches.
        attempts_made: How often it was tried.
        execution_time: Milliseconds that it took.
        latest_output: What it gave at its last try.
    """

    node_id: str | None = None
    node_name: str | None = None
    node_type: str | None = None
    node_status: NodeStatus | None = None
    is_batch: bool | None = None
    attempts_made: int | None = None
    execution_time: float | None = None
    latest_output: Any = None


class Execution(Dated, frozen=True, kw_only=True):
    """An execution: the run of a workflow.

    Attributes:
        name: Its display name.
        status: `RUNNING`, `COMPLETED`, `ERRORED`, `STOPPED`, `STOPPING` or `TIMED_OUT`.
        completion_percentage: How far it got.
        completion_time: When it ended.
        nodes: Its nodes in the order in which they ran; only of one that is fetched by its id.
        linked_account_id: The customer for whom it ran.
        linked_account_data: What was known of the customer.
        config_id: The config that it ran under.
        associated_workflow: The workflow.
        associated_application: The app that the workflow belongs to.
        associated_event_id: The event that started it.
        associated_trigger_application: The app whose event started it.
        trigger_application_event: What started it, e.g. `Schedule`.
        custom_application_id: The organisation's own app, if its event started it.
        custom_trigger_id: That event.
        type_of_execution: `SYNC` or `ASYNC`.
        instance_execution_time: Milliseconds that it took.
        store_variables: What it stored.
        custom_field_values: What its config held.
        is_child_instance: Whether another execution started it.
        is_seed: Whether Refold created it as an example.
        executed_by_thanos: Whether the newer engine ran it, which has no batches.
        environment: `test` or `production`.
        org_id: The organisation's id.
    """

    name: str | None = None
    status: ExecutionStatus | None = None
    completion_percentage: float | None = None
    completion_time: datetime | None = None
    nodes: list[ExecutionNode] | None = None
    linked_account_id: str | None = None
    linked_account_data: dict[str, Any] | None = None
    config_id: str | None = None
    associated_workflow: NamedThing | str | None = None
    associated_application: NamedThing | str | None = None
    associated_event_id: str | None = None
    associated_trigger_application: Any = None
    trigger_application_event: str | None = None
    custom_application_id: str | None = None
    custom_trigger_id: str | None = None
    type_of_execution: str | None = None
    instance_execution_time: float | None = None
    store_variables: dict[str, Any] | None = None
    custom_field_values: dict[str, Any] | None = None
    is_child_instance: bool | None = None
    is_seed: bool | None = None
    executed_by_thanos: bool | None = None
    environment: Environment | None = None
    org_id: str | None = None

    @property
    def ended(self) -> bool:
        """Whether it has ended."""
        return str(self.status).upper() in ENDED

    @property
    def completed(self) -> bool:
        """Whether it completed successfully."""
        return str(self.status).upper() == "COMPLETED"


class NodeBatch(Identified, frozen=True, kw_only=True):
    """A batch of a node: one of the parts in which it ran.

    Attributes:
        batch_index: Its number, from 0.
        status: How it ended.
        output: What it gave.
    """

    batch_index: int | None = None
    status: NodeStatus | None = None
    output: Any = None


class Rerun(Identified, frozen=True, kw_only=True):
    """A rerun of an execution.

    Attributes:
        id: The id of the new execution.
        status: `success`.
    """

    status: str | None = None
