"""Config fields: the fields of an app's config or of one of its workflows, with options and values."""

from __future__ import annotations

from collections.abc import Callable

from refold_async.sandbox.api.applications import app_of
from refold_async.sandbox.api.configs import (
    ConfigStore,
    FieldKey,
    StoredConfig,
    fields_of,
    show_config,
    show_field,
    slots_of,
)
from refold_async.sandbox.api.workflow_state import WorkflowStore
from refold_async.sandbox.documents import Document
from refold_async.sandbox.params import flag, mapping, require
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import SandboxResponse, refused, success
from refold_async.sandbox.routing import Route


async def list_fields(request: SandboxRequest) -> SandboxResponse:
    """Return the fields and workflows of the app named in the `slug` header."""
    slug = _slug(request)
    config = request.account.own(ConfigStore).find(slug, request.account.account_id)
    return success(show_config(request.organisation, slug, config, options=True))


async def get_field(request: SandboxRequest) -> SandboxResponse:
    """Return one field with its options, and with its value if the app is installed."""
    field = _field(request)
    config = request.account.own(ConfigStore).find(_slug(request), _config_id(request))
    return _show(request, field, config.values.get(_key(request, config)) if config else None)


async def set_value(request: SandboxRequest) -> SandboxResponse:
    """Set a field's value."""
    config, field = _config(request), _field(request)
    value = config.values[_key(request, config)] = request.params.get("value")
    return _show(request, field, value)


async def clear_value(request: SandboxRequest) -> SandboxResponse:
    """Clear a field's value."""
    config, field = _config(request), _field(request)
    config.values.pop(_key(request, config), None)
    return _show(request, field, None)


async def get_rule_options(request: SandboxRequest) -> SandboxResponse:
    """Return the columns that a rule of this field can refer to."""
    require(request.params, "rule_column")
    mapping(request.params, "rule_column")
    columns = _field(request, _no_rules).get("rule_columns")
    if not columns:
        raise _no_rules(request.path_params["fieldId"])
    return success({"options": columns})


def _no_field(field_id: str) -> Exception:
    return refused(400, f"Field with id {field_id} not found")


def _no_rules(field_id: str) -> Exception:
    return refused(400, f"Field with id {field_id} is not of type rule engine or has undefined columns")


def _slug(request: SandboxRequest) -> str:
    slug = request.header("slug")
    if not slug:
        raise refused(400, "slug is required")
    return app_of(request.organisation, slug).slug


def _config_id(request: SandboxRequest) -> str:
    return request.query("config_id") or request.account.account_id


def _field(request: SandboxRequest, missing: Callable[[str], Exception] = _no_field) -> Document:
    """Return the field named in the path: of the query's workflow, if any, else of the app."""
    workflow_id, slug = request.query("workflow_id"), _slug(request)
    if workflow_id:
        fields = slots_of(request.organisation.own(WorkflowStore).usable(workflow_id, request.account))
    else:
        fields = fields_of(request.organisation, slug)
    for field in fields:
        if field["id"] == request.path_params["fieldId"]:
            return field
    raise missing(request.path_params["fieldId"])


def _config(request: SandboxRequest) -> StoredConfig:
    return request.account.own(ConfigStore).get(_slug(request), _config_id(request))


def _key(request: SandboxRequest, config: StoredConfig) -> FieldKey:
    """Return the key of the value: the query's workflow, if any, and the field."""
    workflow_id = request.query("workflow_id")
    return (config.workflow(workflow_id).id if workflow_id else None), request.path_params["fieldId"]


def _show(request: SandboxRequest, field: Document, value: object) -> SandboxResponse:
    return success(show_field(field, value, options=flag(request, "disable_field_options") is not True))


_BASE = "/api/v2/public/config/field"
_ONE = _BASE + "/{fieldId}"

ROUTES = (
    Route("config_fields.list", "POST", _BASE, list_fields, "account", "read"),
    Route("config_fields.options", "POST", _ONE, get_field, "account", "read"),
    Route("config_fields.update", "PUT", _ONE, set_value, "account"),
    Route("config_fields.delete", "DELETE", _ONE, clear_value, "account"),
    Route(
        "config_fields.rule_options",
        "POST",
        "/api/v2/public/config/rule-engine/{fieldId}",
        get_rule_options,
        "account",
        "read",
    ),
)
