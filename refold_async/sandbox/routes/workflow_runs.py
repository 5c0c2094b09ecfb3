"""Runs of workflows: start one, and return at once or at its end."""

from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Reply, success
from refold_async.sandbox.resources import running
from refold_async.sandbox.resources.executions import Execution, Executions
from refold_async.sandbox.resources.reading import flag
from refold_async.sandbox.resources.refusals import not_in_sandbox, refused, refused_bare
from refold_async.sandbox.resources.showing import DEFAULT_APP, app_of
from refold_async.sandbox.resources.workflows import Workflow, Workflows
from refold_async.sandbox.routing import Route


async def execute(call: Call) -> Reply:
    """Start a published workflow; with ``sync_execution``, wait for its end."""
    workflow = _checked(call)
    synchronous = flag(call, "sync_execution") is True
    execution = call.account.own(Executions).create(
        workflow.document,
        call.json,
        config_id=call.header("config_id"),
        synchronous=synchronous,
        tag=call.header("instance_tag"),
    )
    running.start(call.world, execution)
    if not synchronous:
        return success({"message": "Workflow execution started", "execution_id": execution.id})
    await execution.ended.wait()
    return _result(execution)


def _checked(call: Call) -> Workflow:
    """The workflow to run; refuses one that the account may not run, and one that the sandbox cannot."""
    slug = call.header("slug")
    if not slug:
        raise refused_bare(400, "Workflow ID and slug are required")
    if slug != DEFAULT_APP:
        app_of(call.organisation, slug)
    if flag(call, "include-headers"):
        raise not_in_sandbox("An execution with include-headers")
    workflow = call.organisation.own(Workflows).usable(call.path_params["workflowId"], call.account)
    if not workflow.document["published"]:
        raise refused(400, "Workflow is not published", "INVALID_WORKFLOW_ID")
    running.check_nodes(workflow.document)
    return workflow


def _result(execution: Execution) -> Reply:
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
    Route(
        "workflows.execute",
        "POST",
        "/api/v2/public/workflow/{workflowId}/execute",
        execute,
        "account",
    ),
)
