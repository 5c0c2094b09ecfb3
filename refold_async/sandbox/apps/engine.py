"""Runs actions: one function a verb, over records that the data describes.

Nothing here waits and nothing here knows HTTP. `run` is one step of the event loop, so that whoever
calls it can put the effect and its ledger row down together.
"""

from collections.abc import Callable, Mapping

from refold_async.sandbox.apps import crud, playground
from refold_async.sandbox.apps.job import Answer, Job, ProblemError
from refold_async.sandbox.apps.model import Action, App
from refold_async.sandbox.apps.raw import find_endpoint, method_of, unwrap
from refold_async.sandbox.apps.shapes import SHAPES, Problem, Trouble
from refold_async.sandbox.ledger import Effect

VERBS: Mapping[str, Callable[[Job], Answer]] = {
    "list": crud.list_records,
    "get": crud.get_record,
    "search": crud.search_records,
    "create": crud.create_record,
    "update": crud.update_record,
    "delete": crud.delete_record,
    "echo": playground.echo,
    "sleep": playground.sleep,
    "fail": playground.fail,
    "payload": playground.payload,
}


def run(job: Job) -> Answer:
    """Run an action; what the app itself refuses is an answer too, with ``ok`` false."""
    try:
        if job.action.kind != "http":
            return VERBS[job.action.kind](job)
        answer = run(unwrap(job))
        return answer if answer.http_status else answer._replace(http_status=200)
    except ProblemError as error:
        return errored(job.app, error.problem, str(error), error.object_name or job.action.object)


def errored(app: App, problem: Problem, message: str, object_name: str = "") -> Answer:
    """The app's own error, as Refold hands it on."""
    status, data = SHAPES[app.shape].error(Trouble(problem, message, object_name))
    return Answer(data, ok=False, node_status="Errored", http_status=status)


def effect_of(app: App, action: Action, params: Mapping[str, object]) -> Effect:
    """Whether a run changes anything in the app; of a raw call, what the endpoint behind it does."""
    if action.kind != "http":
        return action.effect
    found = find_endpoint(app, params)
    if found is not None:
        return found[0].effect
    return "read" if method_of(params) in {"GET", "HEAD"} else "write"
