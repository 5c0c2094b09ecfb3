"""Config fields: the fields of an app's config or of one of its workflows, their options and values."""

from collections.abc import Callable

from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Reply, success
from refold_async.sandbox.resources.configs import (
    Config,
    Configs,
    FieldKey,
    fields_of,
    show_config,
    show_field,
    slots_of,
)
from refold_async.sandbox.resources.documents import Document
from refold_async.sandbox.resources.reading import flag, mapping, require
from refold_async.sandbox.resources.refusals import refused
from refold_async.sandbox.resources.showing import app_of
from refold_async.sandbox.resources.workflows import Workflows
from refold_async.sandbox.routing import Route


async def list_fields(call: Call) -> Reply:
    """The fields and workflows of the app that the header names."""
    slug = _slug(call)
    config = call.account.own(Configs).find(slug, call.account.account_id)
    return success(show_config(call.organisation, slug, config, options=True))


async def get_field(call: Call) -> Reply:
    """One field with its options, and its value where the app is set up."""
    field = _field(call)
    config = call.account.own(Configs).find(_slug(call), _config_id(call))
    return _show(call, field, config.values.get(_key(call, config)) if config else None)


async def set_value(call: Call) -> Reply:
    """Write a field's value."""
    config, field = _config(call), _field(call)
    value = config.values[_key(call, config)] = call.params.get("value")
    return _show(call, field, value)


async def clear_value(call: Call) -> Reply:
    """Take a field's value away."""
    config, field = _config(call), _field(call)
    config.values.pop(_key(call, config), None)
    return _show(call, field, None)


async def get_rule_options(call: Call) -> Reply:
    """The columns that a rule of this field can be about."""
    require(call.params, "rule_column")
    mapping(call.params, "rule_column")
    columns = _field(call, _no_rules).get("rule_columns")
    if not columns:
        raise _no_rules(call.path_params["fieldId"])
    return success({"options": columns})


def _no_field(field_id: str) -> Exception:
    return refused(400, f"Field with id {field_id} not found")


def _no_rules(field_id: str) -> Exception:
    return refused(400, f"Field with id {field_id} is not of type rule engine or has undefined columns")


def _slug(call: Call) -> str:
    slug = call.header("slug")
    if not slug:
        raise refused(400, "slug is required")
    return app_of(call.organisation, slug).slug


def _config_id(call: Call) -> str:
    return call.query("config_id") or call.account.account_id


def _field(call: Call, missing: Callable[[str], Exception] = _no_field) -> Document:
    """The field that the path names, of the workflow in the query or else of the app."""
    workflow_id, slug = call.query("workflow_id"), _slug(call)
    if workflow_id:
        fields = slots_of(call.organisation.own(Workflows).usable(workflow_id, call.account))
    else:
        fields = fields_of(call.organisation, slug)
    for field in fields:
        if field["id"] == call.path_params["fieldId"]:
            return field
    raise missing(call.path_params["fieldId"])


def _config(call: Call) -> Config:
    return call.account.own(Configs).get(_slug(call), _config_id(call))


def _key(call: Call, config: Config) -> FieldKey:
    """Where the value is kept, with the workflow of the query if there is one."""
    workflow_id = call.query("workflow_id")
    return (config.workflow(workflow_id).id if workflow_id else None), call.path_params["fieldId"]


def _show(call: Call, field: Document, value: object) -> Reply:
    return success(show_field(field, value, options=flag(call, "disable_field_options") is not True))


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
