"""The state of executions: the runs of a linked account's workflows, and how they are shown."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Literal

import msgspec

from refold_async.sandbox.api.applications import app_summary
from refold_async.sandbox.api.workflow_state import nodes_of
from refold_async.sandbox.apps.values import timestamp
from refold_async.sandbox.documents import Document, IdSequence, given
from refold_async.sandbox.responses import refused
from refold_async.sandbox.state import StoredAccount

Status = Literal["RUNNING", "COMPLETED", "ERRORED", "STOPPING", "STOPPED", "TIMED_OUT"]
Source = Literal["API_CALL", "SCHEDULE", "Event"]

TRIGGERS: Mapping[Source, str] = {"API_CALL": "API Call", "SCHEDULE": "Schedule", "Event": "Event"}


class StoredExecution(msgspec.Struct, eq=False):
    """One run of a workflow.

    Attributes:
        workflow: The workflow's document as it was at the start.
        payload: The payload it was started with.
        source: What started it.
        synchronous: Whether the caller waits for its end.
        nodes: The record of each started node.
        outputs: The output of each node, by its id.
        batches: The batches of each batch node, by its id.
        return_value: The value set by a response node.
        status_code: The status set by a response node.
        error: The error that made it fail.
        ended: Set once `status` is final.
    """

    id: str
    account: StoredAccount
    workflow: Document
    payload: object
    source: Source
    config_id: str
    synchronous: bool = False
    tag: str | None = None
    status: Status = "RUNNING"
    nodes: list[Document] = msgspec.field(default_factory=list)
    outputs: dict[str, object] = msgspec.field(default_factory=dict)
    batches: dict[str, list[Document]] = msgspec.field(default_factory=dict)
    return_value: object = None
    status_code: int = 200
    error: Document | None = None
    created_at: datetime = msgspec.field(default_factory=lambda: datetime.now(UTC))
    seconds: float = 0.0
    stopping: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    ended: asyncio.Event = msgspec.field(default_factory=asyncio.Event)
    _began: float = msgspec.field(default_factory=time.monotonic)

    def stop(self) -> None:
        """Ask the execution to stop; it ends once its current node returns."""
        if not self.ended.is_set():
            self.status = "STOPPING"
            self.stopping.set()

    def end(self, status: Status) -> None:
        """Set the final status."""
        self.status = status
        # From a monotonic clock: `created_at` is only shown, and may lie behind a change of the clock.
        self.seconds = time.monotonic() - self._began
        self.ended.set()

    def summary(self) -> Document:
        """Return the execution as lists show it."""
        organisation, workflow = self.account.organisation, self.workflow
        application = app_summary(organisation, str(workflow["slug"]))
        return {
            "_id": self.id,
            "name": f"Execution for workflow {workflow['_id']}",
            "org_id": organisation.id,
            "environment": organisation.environment,
            "status": self.status,
            "associated_application": given(application, ("_id", "name", "icon")),
            "associated_workflow": given(workflow, ("_id", "name", "icon")),
            "trigger_application_event": TRIGGERS[self.source],
            "linked_account_id": self.account.account_id,
            "config_id": self.config_id,
            "type_of_execution": "SYNC" if self.synchronous else "ASYNC",
            "executed_by_thanos": bool(workflow["is_v2"]),
            "createdAt": timestamp(self.created_at),
            **({"instance_tag": self.tag} if self.tag else {}),
            **self._ending(),
        }

    def document(self) -> Document:
        """Return the whole execution, with its nodes in the order in which they started."""
        total = len(nodes_of(self.workflow))
        done = sum(node["node_status"] == "Success" for node in self.nodes)
        percentage = 100 if self.status == "COMPLETED" else 100 * done // max(1, total)
        return {**self.summary(), "completion_percentage": percentage, "nodes": self.nodes}

    def _ending(self) -> Document:
        if not self.ended.is_set():
            return {}
        ended_at = datetime.fromtimestamp(self.created_at.timestamp() + self.seconds, UTC)
        return {
            "completion_time": timestamp(ended_at),
            "instance_execution_time": round(self.seconds * 1000),
            "updatedAt": timestamp(ended_at),
        }


class ExecutionStore:
    """The executions of a linked account, oldest first."""

    def __init__(self, account: StoredAccount) -> None:
        self._account = account
        self._ids = account.organisation.own(IdSequence)
        self._executions: dict[str, StoredExecution] = {}

    def __iter__(self) -> Iterator[StoredExecution]:
        return iter(tuple(self._executions.values()))

    def create(
        self,
        workflow: Document,
        payload: object,
        source: Source = "API_CALL",
        *,
        config_id: str | None = None,
        synchronous: bool = False,
        tag: str | None = None,
    ) -> StoredExecution:
        """Add an execution without starting it; see `executions.start_execution`."""
        execution = StoredExecution(
            id=self._ids.next(),
            account=self._account,
            workflow=dict(workflow),
            payload=payload,
            source=source,
            config_id=config_id or self._account.account_id,
            synchronous=synchronous,
            tag=tag,
        )
        self._executions[execution.id] = execution
        return execution

    def get(self, execution_id: str) -> StoredExecution:
        """Return an execution of this account; refuses an unknown id."""
        execution = self._executions.get(execution_id)
        if execution is None:
            raise refused(404, "Execution not found", "RESOURCE_NOT_FOUND")
        return execution

    def stop_all(self) -> None:
        """Stop all running executions."""
        for execution in self:
            execution.stop()
