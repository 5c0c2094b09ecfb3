"""Actions: list an app's, describe one, execute one."""

from refold_async.sandbox.apps import Action, App
from refold_async.sandbox.apps.engine import effect_of, errored
from refold_async.sandbox.apps.job import Answer
from refold_async.sandbox.call import Call
from refold_async.sandbox.ledger import Effect
from refold_async.sandbox.replies import Refused, Reply, envelope, success
from refold_async.sandbox.resources.showing import app_of
from refold_async.sandbox.routing import Route
from refold_async.sandbox.runs import run_action
from refold_async.sandbox.state import Account


async def list_actions(call: Call) -> Reply:
    """Every action of an app, whether or not the account has connected it."""
    return success(
        [
            {
                "name": action.name,
                "action_id": action.action_id,
                "description": action.description,
                "tag": action.tag,
            }
            for action in _app(call).actions
        ]
    )


async def get_schema(call: Call) -> Reply:
    """The parameters of an action."""
    return success(_action(call, _app(call)).parameters)


async def execute(call: Call) -> Reply:
    """Run an action; the effect and its ledger row are one step of the event loop."""
    app = _app(call)
    action = _action(call, app)
    account = call.account
    for name in action.required:
        if call.params.get(name) in (None, ""):
            raise Refused(envelope(400, f"Required parameter '{name}' is missing", code="VALIDATION_ERROR"))
    _check_connection(account, app)
    if call.world.limits.app_wait(account.account_id, app.slug):
        return _result(errored(app, "throttled", "Too many requests for this account"))
    answer = run_action(call.world.ledger, account, app, action, call.params)
    if answer.delay:
        await call.world.pauses.sleep(answer.delay)
    return _result(answer)


def _result(answer: Answer) -> Reply:
    body = {"node_status": answer.node_status, "data": answer.data}
    if answer.http_status is not None:
        body["http_status"] = answer.http_status
    return success(body)


def _app(call: Call) -> App:
    return app_of(call.organisation, call.path_params["slug"])


def _action(call: Call, app: App) -> Action:
    action_id = call.path_params["action_id"]
    action = app.action(action_id)
    if action is None:
        raise Refused(envelope(404, f"Action {action_id} not found in Application {app.slug}"))
    return action


def _check_connection(account: Account, app: App) -> None:
    """Refuse an app that is not connected or has to be connected again.

    The reference gives no body for either. It sorts 401, 403 and ``reauth_required`` together as "the
    customer must reconnect", so an expired connection is a 401 and a missing one a 403, both with a
    code of their own and ``reauth_required``, which no answer to a bad API key or token bears.
    """
    connection = account.connections.get(app.slug)
    if connection is None:
        raise Refused(
            envelope(
                403,
                f"Application {app.slug} is not connected for linked account {account.account_id}",
                code="APPLICATION_NOT_CONNECTED",
                more={"reauth_required": False},
            )
        )
    if connection.expired:
        raise Refused(
            envelope(
                401,
                f"Application {app.slug} requires re-authentication for linked account {account.account_id}",
                code="REAUTH_REQUIRED",
                more={"reauth_required": True},
            )
        )


def _effect(call: Call) -> Effect:
    app = call.organisation.apps.get(call.path_params["slug"])
    action = None if app is None else app.action(call.path_params["action_id"])
    if app is None or action is None:
        return "write"
    if action.kind != "http":
        return action.effect
    try:
        return effect_of(app, action, call.params)
    except Refused:
        return "write"


_BASE = "/api/v2/integration-schema/{slug}/actions"

ROUTES = (
    Route("actions.list", "GET", _BASE, list_actions, "account"),
    Route("actions.schema", "GET", _BASE + "/{action_id}", get_schema, "account"),
    Route("actions.execute", "POST", _BASE + "/{action_id}/execute", execute, "account", _effect),
)
