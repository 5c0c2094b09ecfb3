"""Executions: list and read the runs of workflows, stop them, run them again."""

from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Reply, success
from refold_async.sandbox.resources import running
from refold_async.sandbox.resources.executions import Execution, Executions
from refold_async.sandbox.resources.paging import page_of
from refold_async.sandbox.resources.reading import flag, moment, within
from refold_async.sandbox.resources.refusals import refused
from refold_async.sandbox.routing import Route


async def list_executions(call: Call) -> Reply:
    """A page of the account's executions, the newest first."""
    found = [each for each in call.account.own(Executions) if _fits(call, each)]
    return page_of(call, found if flag(call, "sortAsc") else found[::-1], Execution.summary)


async def get(call: Call) -> Reply:
    """One execution with its nodes."""
    return success(_execution(call, "execution_id").document())


async def stop(call: Call) -> Reply:
    """Ask an execution to stop; one that has ended is refused."""
    execution = _execution(call, "instanceId")
    if execution.ended.is_set():
        raise refused(400, "Execution is not running")
    execution.stop()
    return success({"message": "Stopping instance"})


async def rerun(call: Call) -> Reply:
    """Start a new execution with what the old one was started with; one that still runs is refused."""
    old = _execution(call, "instanceId")
    if not old.ended.is_set():
        raise refused(400, "Execution is still running")
    new = call.account.own(Executions).create(
        old.workflow, old.payload, old.source, config_id=old.config_id, tag=old.tag
    )
    running.start(call.world, new)
    return success({"status": "success", "id": new.id})


async def list_batches(call: Call) -> Reply:
    """A page of a node's batches; only the nodes of some executions have any to tell of."""
    execution = _execution(call, "execution_id")
    batches = execution.batches.get(call.path_params["node_id"])
    if batches is None:
        raise refused(501, "Batch details are not yet available for this execution type")
    return page_of(call, [each for each in batches if call.query("status") in (None, each["status"])])


def _execution(call: Call, parameter: str) -> Execution:
    return call.account.own(Executions).get(call.path_params[parameter])


def _fits(call: Call, execution: Execution) -> bool:
    slugs, workflow = call.query("slug"), execution.workflow
    name = (call.query("workflow_name") or "").lower()
    return (
        call.query("status") in (None, execution.status)
        and call.query("workflow_id") in (None, workflow["_id"])
        and call.query("execution_id") in (None, execution.id)
        and call.query("execution_type") in (None, "SYNC" if execution.synchronous else "ASYNC")
        and call.query("execution_source") in (None, execution.source)
        and (slugs is None or workflow["slug"] in slugs.split(","))
        and name in str(workflow["name"]).lower()
        and within(execution.created_at, moment(call, "start_date"), moment(call, "end_date"))
    )


_BASE = "/api/v2/public/execution"

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
)
