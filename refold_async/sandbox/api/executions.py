"""Executions: start workflows, run their nodes in the background, list, stop and rerun them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from refold_async.sandbox.api.applications import DEFAULT_APP, app_of
from refold_async.sandbox.api.execution_state import ExecutionStore, Status, StoredExecution
from refold_async.sandbox.api.nodes import KINDS, NodeError, NodeRun, StoppedError
from refold_async.sandbox.api.webhooks import announce_workflow
from refold_async.sandbox.api.workflow_state import StoredWorkflow, WorkflowStore, nodes_of
from refold_async.sandbox.documents import Document
from refold_async.sandbox.params import flag, moment, page_of, within
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import SandboxResponse, not_in_sandbox, refused, refused_bare, success
from refold_async.sandbox.routing import Route
from refold_async.sandbox.state import SandboxContext

NODE_SECONDS = 0.01
"""The minimum seconds per node, so that an execution can be seen running."""
STOPPING_SECONDS = 0.02
"""How long an execution is seen as `STOPPING`, in seconds."""

ANNOUNCED: Mapping[Status, str] = {"COMPLETED": "Workflow Completed", "ERRORED": "Workflow Errored"}


def check_nodes(workflow: Document) -> None:
    """Refuse a workflow with a node that the sandbox cannot run."""
    for node in nodes_of(workflow):
        if str(node.get("type")) not in KINDS:
            raise not_in_sandbox(f"Running a workflow node of the type {node.get('type')}")


def start_execution(context: SandboxContext, execution: StoredExecution) -> None:
    """Run an execution in the background."""
    context.background.start(lambda: _run(context, execution))


async def _run(context: SandboxContext, execution: StoredExecution) -> None:
    status: Status = "STOPPED"
    try:
        async with asyncio.timeout(_time_limit(execution.workflow)):
            status = await _run_nodes(context, execution)
    except TimeoutError:
        status = "TIMED_OUT"
    finally:
        execution.end(status)
    if status in ANNOUNCED:
        fields = {
            "instance_id": execution.id,
            "workflow_id": execution.workflow["_id"],
            "workflow_name": execution.workflow["name"],
            "config_id": execution.config_id,
            "slug": execution.workflow["slug"],
            "status": status,
        }
        announce_workflow(context, execution.account, ANNOUNCED[status], fields)


async def _run_nodes(context: SandboxContext, execution: StoredExecution) -> Status:
    try:
        for node in nodes_of(execution.workflow):
            await _run_node(context, execution, node)
    except StoppedError:
        await asyncio.sleep(STOPPING_SECONDS)
        return "STOPPED"
    except NodeError:
        return "ERRORED"
    return "COMPLETED"


async def _run_node(context: SandboxContext, execution: StoredExecution, node: Document) -> None:
    began = time.monotonic()
    kind = str(node["type"])
    record: Document = {
        "node_id": str(node["id"]),
        "node_name": str(node.get("name") or kind.replace("_", " ").capitalize()),
        "node_type": kind,
        "node_status": "Ready",
        "is_batch": False,
        "attempts_made": 1,
        "execution_time": 0,
        "latest_output": None,
    }
    execution.nodes.append(record)
    run = NodeRun(context, execution, node, record)
    try:
        await run.pause(NODE_SECONDS)
        output = await KINDS[kind](run)
    except NodeError as error:
        record.update(node_status="Errored", latest_output={"message": str(error)})
        execution.error = {"message": str(error), "node_id": record["node_id"]}
        raise
    except StoppedError:
        record["node_status"] = "Stopped"
        raise
    finally:
        record["execution_time"] = round((time.monotonic() - began) * 1000)
    record.update(node_status="Success", latest_output=output)
    execution.outputs[str(node["id"])] = execution.payload if kind == "start" else output


def _time_limit(workflow: Document) -> float | None:
    settings = workflow.get("settings")
    limit = settings.get("timeout") if isinstance(settings, Mapping) else None
    return limit if isinstance(limit, int | float) and limit > 0 else None


async def list_executions(request: SandboxRequest) -> SandboxResponse:
    """Return a page of the account's executions, newest first."""
    found = [each for each in request.account.own(ExecutionStore) if _fits(request, each)]
    return page_of(request, found if flag(request, "sortAsc") else found[::-1], StoredExecution.summary)


async def get(request: SandboxRequest) -> SandboxResponse:
    """Return one execution with its nodes."""
    return success(_execution(request, "execution_id").document())


async def stop(request: SandboxRequest) -> SandboxResponse:
    """Ask an execution to stop; refuses one that has ended."""
    execution = _execution(request, "instanceId")
    if execution.ended.is_set():
        raise refused(400, "Execution is not running")
    execution.stop()
    return success({"message": "Stopping instance"})


async def rerun(request: SandboxRequest) -> SandboxResponse:
    """Start a new execution with the payload of an old one; refuses one that is still running."""
    old = _execution(request, "instanceId")
    if not old.ended.is_set():
        raise refused(400, "Execution is still running")
    new = request.account.own(ExecutionStore).create(
        old.workflow, old.payload, old.source, config_id=old.config_id, tag=old.tag
    )
    start_execution(request.context, new)
    return success({"status": "success", "id": new.id})


async def list_batches(request: SandboxRequest) -> SandboxResponse:
    """Return a page of a batch node's batches; refuses a node that is not one."""
    execution = _execution(request, "execution_id")
    batches = execution.batches.get(request.path_params["node_id"])
    if batches is None:
        raise refused(501, "Batch details are not yet available for this execution type")
    return page_of(request, [each for each in batches if request.query("status") in (None, each["status"])])


def _execution(request: SandboxRequest, parameter: str) -> StoredExecution:
    return request.account.own(ExecutionStore).get(request.path_params[parameter])


def _fits(request: SandboxRequest, execution: StoredExecution) -> bool:
    slugs, workflow = request.query("slug"), execution.workflow
    name = (request.query("workflow_name") or "").lower()
    return (
        request.query("status") in (None, execution.status)
        and request.query("workflow_id") in (None, workflow["_id"])
        and request.query("execution_id") in (None, execution.id)
        and request.query("execution_type") in (None, "SYNC" if execution.synchronous else "ASYNC")
        and request.query("execution_source") in (None, execution.source)
        and (slugs is None or workflow["slug"] in slugs.split(","))
        and name in str(workflow["name"]).lower()
        and within(execution.created_at, moment(request, "start_date"), moment(request, "end_date"))
    )


_BASE = "/api/v2/public/execution"


async def execute(request: SandboxRequest) -> SandboxResponse:
    """Start a published workflow; with `sync_execution`, wait until it ends."""
    workflow = _checked(request)
    synchronous = flag(request, "sync_execution") is True
    execution = request.account.own(ExecutionStore).create(
        workflow.document,
        request.json,
        config_id=request.header("config_id"),
        synchronous=synchronous,
        tag=request.header("instance_tag"),
    )
    start_execution(request.context, execution)
    if not synchronous:
        return success({"message": "Workflow execution started", "execution_id": execution.id})
    await execution.ended.wait()
    return _result(execution)


def _checked(request: SandboxRequest) -> StoredWorkflow:
    """Return the workflow to run; refuses one that the account or the sandbox cannot run."""
    slug = request.header("slug")
    if not slug:
        raise refused_bare(400, "Workflow ID and slug are required")
    if slug != DEFAULT_APP:
        app_of(request.organisation, slug)
    if flag(request, "include-headers"):
        raise not_in_sandbox("An execution with include-headers")
    workflow = request.organisation.own(WorkflowStore).usable(
        request.path_params["workflowId"], request.account
    )
    if not workflow.document["published"]:
        raise refused(400, "Workflow is not published", "INVALID_WORKFLOW_ID")
    check_nodes(workflow.document)
    return workflow


def _result(execution: StoredExecution) -> SandboxResponse:
    errored = execution.status != "COMPLETED"
    error = execution.error or {"message": f"Execution ended as {execution.status}"}
    body = {
        "execution_id": execution.id,
        "return_value": execution.return_value,
        "errored": errored,
        "status_code": 500 if errored else execution.status_code,
        "executed_by_thanos": bool(execution.workflow["is_v2"]),
        **({"execution_error": error} if errored else {}),
    }
    return success(body, 200 if errored else execution.status_code)


ROUTES = (
    Route("executions.list", "GET", _BASE, list_executions, "account"),
    Route("executions.get", "GET", _BASE + "/{execution_id}", get, "account"),
    Route("executions.stop", "POST", _BASE + "/{instanceId}/stop", stop, "account"),
    Route("executions.rerun", "POST", _BASE + "/{instanceId}/rerun", rerun, "account"),
    Route(
        "executions.batches",
        "GET",
        _BASE + "/{execution_id}/nodes/{node_id}/batches",
        list_batches,
        "account",
    ),
    Route(
        "workflows.execute",
        "POST",
        "/api/v2/public/workflow/{workflowId}/execute",
        execute,
        "account",
    ),
)
