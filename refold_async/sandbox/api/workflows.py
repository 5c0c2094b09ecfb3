"""Workflows: build, publish, read and delete them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from refold_async.sandbox.api.applications import DEFAULT_APP, app_id_of, app_of, app_summary
from refold_async.sandbox.api.configs import ConfigStore
from refold_async.sandbox.api.workflow_state import StoredWorkflow, WorkflowStore
from refold_async.sandbox.authentication import existing_account
from refold_async.sandbox.documents import Document, given, without
from refold_async.sandbox.params import (
    flag,
    items,
    mapping,
    moment,
    page_of,
    pattern,
    require,
    settable,
    text,
    within,
)
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import SandboxResponse, refused, success
from refold_async.sandbox.routing import Route
from refold_async.sandbox.state import StoredAccount


async def list_workflows(request: SandboxRequest) -> SandboxResponse:
    """Return a page of the organisation's workflows, or of those that the account may use."""
    account = request.account_or_none
    chosen = [
        each for each in _workflows(request) if _listed(request, each, account) and _fits(request, each)
    ]
    return page_of(request, chosen, lambda workflow: workflow.document, more={"schema": None})


async def create(request: SandboxRequest) -> SandboxResponse:
    """Create an unpublished workflow of the account."""
    slug = _slug(request)
    workflow = _workflows(request).create(
        request.account, slug, without(settable(request.params, request.params), "_id")
    )
    return success({"workflow": workflow.document})


async def get(request: SandboxRequest) -> SandboxResponse:
    """Return one workflow; the organisation sees all, an account not those of others."""
    account_id = request.header("linked_account_id")
    account = existing_account(request.organisation, account_id) if account_id else None
    workflow = _workflows(request).usable(request.path_params["workflowId"], account)
    return success(without(workflow.document, "linked_account_id"))


async def edit(request: SandboxRequest) -> SandboxResponse:
    """Return the draft, created from the current document if there is none."""
    return success(_usable(request).edit())


async def publish(request: SandboxRequest) -> SandboxResponse:
    """Publish the workflow or its draft, or unpublish it."""
    require(request.params, "published")
    workflow, stage = _workflows(request).search(request.path_params["workflowId"])
    _check_owner(workflow, request.account)
    if request.params["published"] is True:
        workflow.publish(_version(request))
    elif stage != "workflow" or not workflow.document["published"]:
        message = "Only public and published workflows can be unpublished"
        raise refused(400, message, "INVALID_WORKFLOW_ID")
    else:
        workflow.unpublish()
    return success(workflow.document)


async def delete(request: SandboxRequest) -> SandboxResponse:
    """Delete a workflow with its draft and versions; refuses a single version."""
    workflow, stage = _workflows(request).search(request.path_params["workflowId"])
    _check_owner(workflow, request.account)
    if stage == "version":
        raise refused(400, "Workflow is a version workflow.")
    _workflows(request).remove(workflow)
    return success({"success": True, "triggers_deregistered": True})


async def list_versions(request: SandboxRequest) -> SandboxResponse:
    """Return a page of the published versions, newest first."""
    versions = sorted(_usable(request).versions, key=lambda each: str(each["createdAt"]), reverse=True)
    return page_of(request, versions, lambda version: without(version, "linked_account_id"))


async def get_request_structure(request: SandboxRequest) -> SandboxResponse:
    """Return the expected body of an execution."""
    document = _usable(request).document
    schema = document.get("json_schema")
    return success(
        {
            "payload": document.get("manual_execution_payload"),
            "schema": schema,
            "schema_interpreted": _interpreted(schema),
        }
    )


async def list_enabled(request: SandboxRequest) -> SandboxResponse:
    """Return the workflows enabled in the account's configs."""
    names = ("name", "description", "icon", "createdAt", "updatedAt")
    return success(
        [
            {
                "id": workflow.id,
                **given(workflow.document, names),
                "config_id": config.config_id,
                "application": app_summary(request.organisation, config.slug),
            }
            for config in request.account.own(ConfigStore)
            for workflow in _workflows(request).of_app(config.slug, request.account)
            if config.enabled.get(workflow.id)
        ]
    )


def _slug(request: SandboxRequest) -> str:
    """Return the app of a new workflow, given by slug or id; by default the organisation's own."""
    app_id = text(request.params, "associated_application")
    slug = text(request.params, "slug")
    if app_id and not slug:
        found = [
            each for each in request.organisation.apps if app_id_of(request.organisation, each) == app_id
        ]
        slug = found[0] if found else app_id
    return app_of(request.organisation, slug).slug if slug not in {"", DEFAULT_APP} else DEFAULT_APP


def _workflows(request: SandboxRequest) -> WorkflowStore:
    return request.organisation.own(WorkflowStore)


def _usable(request: SandboxRequest) -> StoredWorkflow:
    return _workflows(request).usable(request.path_params["workflowId"], request.account)


def _check_owner(workflow: StoredWorkflow, account: StoredAccount) -> None:
    if workflow.owner != account.account_id:
        raise refused(403, "Workflow is private to another linked account")


def _listed(request: SandboxRequest, workflow: StoredWorkflow, account: StoredAccount | None) -> bool:
    if account is None:
        return workflow.owner is None
    if request.query("scope") == "private":
        return workflow.owner == account.account_id and not workflow.document["public_access_workflow"]
    return workflow.is_for(account)


def _fits(request: SandboxRequest, workflow: StoredWorkflow) -> bool:
    document = workflow.document
    return (
        request.query("application_id") in (None, document["associated_application"])
        and request.query("slug") in (None, workflow.slug)
        and flag(request, "published") in (None, document["published"])
        and bool(pattern(request.query("name") or "").search(str(document["name"])))
        and within(
            datetime.fromisoformat(str(document["createdAt"])),
            moment(request, "start_date"),
            moment(request, "end_date"),
        )
    )


def _version(request: SandboxRequest) -> int | None:
    version = request.params.get("version")
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
