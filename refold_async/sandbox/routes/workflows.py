"""Workflows: build, publish, read and delete them."""

from collections.abc import Mapping
from datetime import datetime

from refold_async.sandbox.auth import existing_account
from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Reply, success
from refold_async.sandbox.resources.configs import Configs
from refold_async.sandbox.resources.documents import Document, given, without
from refold_async.sandbox.resources.paging import page_of
from refold_async.sandbox.resources.reading import (
    flag,
    items,
    mapping,
    moment,
    pattern,
    require,
    text,
    within,
)
from refold_async.sandbox.resources.refusals import refused
from refold_async.sandbox.resources.showing import DEFAULT_APP, app_id_of, app_of, app_summary
from refold_async.sandbox.resources.workflows import Workflow, Workflows
from refold_async.sandbox.routing import Route
from refold_async.sandbox.state import Account


async def list_workflows(call: Call) -> Reply:
    """A page of the organisation's workflows; with an account, of those that it may use."""
    account = call.account_or_none
    chosen = [each for each in _workflows(call) if _listed(call, each, account) and _fits(call, each)]
    return page_of(call, chosen, lambda workflow: workflow.document, more={"schema": None})


async def create(call: Call) -> Reply:
    """A workflow of the account's own, not published yet."""
    slug = _slug(call)
    workflow = _workflows(call).create(call.account, slug, without(dict(call.params), "_id"))
    return success({"workflow": workflow.document})


async def get(call: Call) -> Reply:
    """One workflow; another account's is refused to an account, and shown to the organisation."""
    account_id = call.header("linked_account_id")
    account = existing_account(call.organisation, account_id) if account_id else None
    workflow = _workflows(call).usable(call.path_params["workflowId"], account)
    return success(without(workflow.document, "linked_account_id"))


async def edit(call: Call) -> Reply:
    """The draft; made from what runs where there is none."""
    return success(_usable(call).edit())


async def publish(call: Call) -> Reply:
    """Publish the workflow or its draft, or take it back."""
    require(call.params, "published")
    workflow, stage = _workflows(call).search(call.path_params["workflowId"])
    _check_owner(workflow, call.account)
    if call.params["published"] is True:
        workflow.publish(_version(call))
    elif stage != "workflow" or not workflow.document["published"]:
        message = "Only public and published workflows can be unpublished"
        raise refused(400, message, "INVALID_WORKFLOW_ID")
    else:
        workflow.unpublish()
    return success(workflow.document)


async def delete(call: Call) -> Reply:
    """Delete a workflow with its draft and versions; one version alone is refused."""
    workflow, stage = _workflows(call).search(call.path_params["workflowId"])
    _check_owner(workflow, call.account)
    if stage == "version":
        raise refused(400, "Workflow is a version workflow.")
    _workflows(call).remove(workflow)
    return success({"success": True, "triggers_deregistered": True})


async def list_versions(call: Call) -> Reply:
    """A page of the published versions, the newest first."""
    versions = sorted(_usable(call).versions, key=lambda each: str(each["createdAt"]), reverse=True)
    return page_of(call, versions, lambda version: without(version, "linked_account_id"))


async def get_request_structure(call: Call) -> Reply:
    """What the body of an execution should look like."""
    document = _usable(call).document
    schema = document.get("json_schema")
    return success(
        {
            "payload": document.get("manual_execution_payload"),
            "schema": schema,
            "schema_interpreted": _interpreted(schema),
        }
    )


async def list_enabled(call: Call) -> Reply:
    """The workflows that are switched on in the account's configs."""
    names = ("name", "description", "icon", "createdAt", "updatedAt")
    return success(
        [
            {
                "id": workflow.id,
                **given(workflow.document, names),
                "config_id": config.config_id,
                "application": app_summary(call.organisation, config.slug),
            }
            for config in call.account.own(Configs)
            for workflow in _workflows(call).of_app(config.slug, call.account)
            if config.enabled.get(workflow.id)
        ]
    )


def _slug(call: Call) -> str:
    """The app of a new workflow, named by its slug or its id; the organisation's own where neither came."""
    app_id = text(call.params, "associated_application")
    slug = text(call.params, "slug")
    if app_id and not slug:
        found = [each for each in call.organisation.apps if app_id_of(call.organisation, each) == app_id]
        slug = found[0] if found else app_id
    return app_of(call.organisation, slug).slug if slug not in {"", DEFAULT_APP} else DEFAULT_APP


def _workflows(call: Call) -> Workflows:
    return call.organisation.own(Workflows)


def _usable(call: Call) -> Workflow:
    return _workflows(call).usable(call.path_params["workflowId"], call.account)


def _check_owner(workflow: Workflow, account: Account) -> None:
    if workflow.owner != account.account_id:
        raise refused(403, "Workflow is private to another linked account")


def _listed(call: Call, workflow: Workflow, account: Account | None) -> bool:
    if account is None:
        return workflow.owner is None
    if call.query("scope") == "private":
        return workflow.owner == account.account_id and not workflow.document["public_access_workflow"]
    return workflow.is_for(account)


def _fits(call: Call, workflow: Workflow) -> bool:
    document = workflow.document
    return (
        call.query("application_id") in (None, document["associated_application"])
        and call.query("slug") in (None, workflow.slug)
        and flag(call, "published") in (None, document["published"])
        and bool(pattern(call.query("name") or "").search(str(document["name"])))
        and within(
            datetime.fromisoformat(str(document["createdAt"])),
            moment(call, "start_date"),
            moment(call, "end_date"),
        )
    )


def _version(call: Call) -> int | None:
    version = call.params.get("version")
    if version is not None and (not isinstance(version, int) or isinstance(version, bool) or version < 1):
        raise refused(400, "version must be a positive integer", "VALIDATION_ERROR")
    return version


def _interpreted(schema: object) -> Document | None:
    if not isinstance(schema, Mapping):
        return None
    required, properties = items(schema, "required"), mapping(schema, "properties")
    kinds = {name: mapping(properties, name).get("type", "any") for name in properties}
    return {name: f"{kind} (required)" if name in required else str(kind) for name, kind in kinds.items()}


_BASE = "/api/v2/public/workflow"
_ONE = _BASE + "/{workflowId}"

ROUTES = (
    Route("workflows.list", "GET", _BASE, list_workflows, "either"),
    Route("workflows.create", "POST", _BASE, create, "account"),
    Route("workflows.get", "GET", _ONE, get),
    Route("workflows.draft", "GET", _ONE + "/edit", edit, "account", "write"),
    Route("workflows.publish", "PUT", _ONE + "/publish", publish, "token"),
    Route("workflows.delete", "DELETE", _ONE, delete, "token"),
    Route("workflows.enabled", "GET", _BASE + "/enabled", list_enabled, "account"),
    Route(
        "workflows.request_structure",
        "GET",
        _BASE + "/request-structure/{workflowId}",
        get_request_structure,
        "account",
    ),
    Route("workflows.versions", "GET", _BASE + "/versions/{workflowId}", list_versions, "account"),
)
