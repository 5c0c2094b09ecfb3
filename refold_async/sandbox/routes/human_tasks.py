"""Human tasks: read a form and submit it, with no credentials."""

from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Reply, success
from refold_async.sandbox.resources.human_tasks import HumanTasks
from refold_async.sandbox.resources.reading import mapping, require
from refold_async.sandbox.routing import Route


async def get(call: Call) -> Reply:
    """The form, for whoever has its id."""
    return success(call.organisation.own(HumanTasks).get(call.path_params["id"]))


async def submit(call: Call) -> Reply:
    """Hand the form in, once."""
    tasks = call.organisation.own(HumanTasks)
    tasks.get(call.path_params["id"])
    require(call.params, "data")
    tasks.submit(call.path_params["id"], mapping(call.params, "data"))
    return success({"message": "Form submitted successfully"})


_ONE = "/api/v2/public/human-tasks/{id}"

ROUTES = (
    Route("human_tasks.get", "GET", _ONE, get, "public"),
    Route("human_tasks.submit", "POST", _ONE, submit, "public"),
)
