"""Actions: list the actions of an app, describe one, execute one."""

from __future__ import annotations

from collections.abc import Mapping

from refold_async.sandbox.api.applications import app_of
from refold_async.sandbox.apps import App, AppAction
from refold_async.sandbox.apps.action_run import ActionRun, AppAnswer, PagingFault
from refold_async.sandbox.apps.engine import effect_of, errored, run_verb
from refold_async.sandbox.ledger import Effect, Ledger
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import Refused, SandboxResponse, envelope, success
from refold_async.sandbox.routing import Route
from refold_async.sandbox.state import StoredAccount


def run_action(
    ledger: Ledger,
    account: StoredAccount,
    app: App,
    action: AppAction,
    params: Mapping[str, object],
    *,
    paging_fault: PagingFault | None = None,
) -> AppAnswer:
    """Run an action for an account and record it in the ledger, in one step of the event loop."""
    answer = run_verb(ActionRun(app, action, params, lambda name: account.table(app, name), paging_fault))
    ledger.record(
        linked_account_id=account.account_id,
        slug=app.slug,
        action_id=action.action_id,
        params=params,
        effect=effect_of(app, action, params),
        ok=answer.ok,
    )
    return answer


async def list_actions(request: SandboxRequest) -> SandboxResponse:
    """Return all actions of an app, whether or not the account has connected it."""
    return success(
        [
            {
                "name": action.name,
                "action_id": action.action_id,
                "description": action.description,
                "tag": action.tag,
            }
            for action in _app(request).actions
        ]
    )


async def get_schema(request: SandboxRequest) -> SandboxResponse:
    """Return the parameters of an action."""
    return success(_action(request, _app(request)).parameters)


async def execute(request: SandboxRequest) -> SandboxResponse:
    """Run an action; its effect and its ledger row are one step of the event loop."""
    app = _app(request)
    action = _action(request, app)
    account = request.account
    for name in action.required:
        if request.params.get(name) in (None, ""):
            raise Refused(envelope(400, f"Required parameter '{name}' is missing", code="VALIDATION_ERROR"))
    _check_connection(account, app)
    if request.context.limits.app_wait(account.account_id, app.slug):
        return _result(errored(app, "throttled", "Too many requests for this account"))
    answer = run_action(
        request.context.ledger,
        account,
        app,
        action,
        request.params,
        paging_fault=request.paging_fault,
    )
    # The effect is done and recorded: a client that disconnects during the delay does not undo it.
    if answer.delay:
        await request.context.pauses.sleep(answer.delay)
    return _result(answer)


def _result(answer: AppAnswer) -> SandboxResponse:
    body = {"node_status": answer.node_status, "data": answer.data}
    if answer.http_status is not None:
        body["http_status"] = answer.http_status
    return success(body)


def _app(request: SandboxRequest) -> App:
    return app_of(request.organisation, request.path_params["slug"])


def _action(request: SandboxRequest, app: App) -> AppAction:
    action_id = request.path_params["action_id"]
    action = app.action(action_id)
    if action is None:
        raise Refused(envelope(404, f"Action {action_id} not found in Application {app.slug}"))
    return action


def _check_connection(account: StoredAccount, app: App) -> None:
    """Refuse an app that is not connected or needs re-authentication.

    The reference documents no body for either. It groups 401, 403 and `reauth_required` as "the
    customer must reconnect", so an expired connection is a 401 and a missing one a 403, both with
    their own code and with `reauth_required`, which no response to a bad API key or token has.
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


def _effect(request: SandboxRequest) -> Effect:
    app = request.organisation.apps.get(request.path_params["slug"])
    action = None if app is None else app.action(request.path_params["action_id"])
    if app is None or action is None:
        return "write"
    if action.kind != "http":
        return action.effect
    # A malformed body is refused when the action runs; here it only has to match some fault.
    try:
        return effect_of(app, action, request.params)
    except Refused:
        return "write"


_BASE = "/api/v2/integration-schema/{slug}/actions"


ROUTES = (
    Route("actions.list", "GET", _BASE, list_actions, "account"),
    Route("actions.schema", "GET", _BASE + "/{action_id}", get_schema, "account"),
    Route("actions.execute", "POST", _BASE + "/{action_id}/execute", execute, "account", _effect),
)
