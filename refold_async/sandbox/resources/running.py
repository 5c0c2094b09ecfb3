"""Running: an execution goes through its workflow's nodes, behind the answers, until it ends."""

import asyncio
import time
from collections.abc import Mapping

from refold_async.sandbox.resources.documents import Document
from refold_async.sandbox.resources.executions import Execution, Status
from refold_async.sandbox.resources.nodes import KINDS, NodeError, Step, StoppedError
from refold_async.sandbox.resources.refusals import not_in_sandbox
from refold_async.sandbox.resources.webhooks import announce_workflow
from refold_async.sandbox.resources.workflows import nodes_of
from refold_async.sandbox.world import World

NODE_SECONDS = 0.01
"""What every node takes at least, so that an execution can be seen to run."""
STOPPING_SECONDS = 0.02
"""How long an execution that was asked to stop is seen to be stopping."""

ANNOUNCED: Mapping[Status, str] = {"COMPLETED": "Workflow Completed", "ERRORED": "Workflow Errored"}


def check_nodes(workflow: Document) -> None:
    """Refuse a workflow with a node that the sandbox cannot run."""
    for node in nodes_of(workflow):
        if str(node.get("type")) not in KINDS:
            raise not_in_sandbox(f"Running a workflow node of the type {node.get('type')}")


def start(world: World, execution: Execution) -> None:
    """Let an execution run."""
    world.background.start(lambda: _run(world, execution))


async def _run(world: World, execution: Execution) -> None:
    status: Status = "STOPPED"
    try:
        async with asyncio.timeout(_time_limit(execution.workflow)):
            status = await _run_nodes(world, execution)
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
        announce_workflow(world, execution.account, ANNOUNCED[status], fields)


async def _run_nodes(world: World, execution: Execution) -> Status:
    try:
        for node in nodes_of(execution.workflow):
            await _run_node(world, execution, node)
    except StoppedError:
        await asyncio.sleep(STOPPING_SECONDS)
        return "STOPPED"
    except NodeError:
        return "ERRORED"
    return "COMPLETED"


async def _run_node(world: World, execution: Execution, node: Document) -> None:
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
    step = Step(world, execution, node, record)
    try:
        await step.pause(NODE_SECONDS)
        output = await KINDS[kind](step)
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
