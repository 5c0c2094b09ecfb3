"""Environment variables: their definitions, and the values of a scope."""

from hashlib import blake2b

from refold_async.sandbox.auth import existing_account
from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Reply, success
from refold_async.sandbox.resources.documents import Document, given
from refold_async.sandbox.resources.env_variables import EnvVariables, has_format, shown_value
from refold_async.sandbox.resources.paging import page_of
from refold_async.sandbox.resources.reading import pattern, require, text
from refold_async.sandbox.resources.refusals import refused
from refold_async.sandbox.resources.workflows import Workflows
from refold_async.sandbox.routing import Route

SCOPES = ("org", "workspace", "linked_account", "workflow")


async def list_definitions(call: Call) -> Reply:
    """A page of what is defined, by scope, format and a pattern of the name."""
    name = pattern(call.query("name") or "")
    found = [
        each
        for each in _variables(call).definitions
        if call.query("scope") in (None, each["scope"])
        and call.query("var_format") in (None, each["var_format"])
        and name.search(str(each["name"]))
    ]
    return page_of(call, found)


async def get_definition(call: Call) -> Reply:
    """One definition, whose dates have names of their own here."""
    found = dict(_variables(call).definitions.get(call.path_params["id"]))
    dates = {"created_at": found.pop("createdAt"), "updated_at": found.pop("updatedAt")}
    return success({"definition": {**found, **dates}})


async def get_value(call: Call) -> Reply:
    """The value of a definition in its scope; an encrypted one is not shown."""
    variables = _variables(call)
    definition = variables.definitions.get(call.path_params["definition_id"])
    scope = str(definition["scope"])
    _check_rights(call, scope)
    found = variables.find(definition, _target(call, scope))
    if found is None:
        raise refused(404, "Variable value not found", "RESOURCE_NOT_FOUND")
    fields = given(definition, ("encrypted", "name", "scope"))
    shown = {"value": shown_value(found, definition), "variable_definition_id": definition["_id"]}
    return success({**fields, **shown})


async def set_value(call: Call) -> Reply:
    """Write a value where the caller may and its format fits; an encrypted one is answered as a cipher."""
    require(call.params, "variable_definition_id", "value", field="error")
    variables = _variables(call)
    definition = variables.definitions.get(text(call.params, "variable_definition_id"))
    scope, value = str(definition["scope"]), text(call.params, "value")
    _check_rights(call, scope)
    if not has_format(value, definition["var_format"]):
        raise refused(400, "value does not match the variable format", field="error")
    kept = variables.set(definition, _target(call, scope), value)
    return success({**kept, "value": _cipher(value) if definition["encrypted"] else value})


async def list_values(call: Call) -> Reply:
    """A page of the values of one scope."""
    scope = call.path_params["scope"]
    if scope not in SCOPES:
        raise refused(400, f"Invalid scope {scope}", "VALIDATION_ERROR", "error")
    _check_rights(call, scope)
    wanted = call.query("variable_definition_id")
    found = [
        (value, definition)
        for value, definition in _variables(call).of_scope(scope, _target(call, scope))
        if wanted in (None, definition["_id"])
    ]
    return page_of(call, found, lambda pair: _shown(*pair), more={"status": "success"})


async def delete_value(call: Call) -> Reply:
    """Delete a value for good."""
    variables = _variables(call)
    value = variables.values.get(call.path_params["value_id"])
    definition = variables.definition_of(value)
    bound = call.account_or_none
    if bound is not None and value.get("linked_account_id") != bound.account_id:
        raise refused(403, "Variable value belongs to another scope", field="error")
    variables.values.remove(call.path_params["value_id"])
    message = f'Variable value for "{definition["name"]}" deleted successfully'
    return success({"status": "success", "message": message})


def _variables(call: Call) -> EnvVariables:
    return call.organisation.own(EnvVariables)


def _check_rights(call: Call, scope: str) -> None:
    """A session token reads and writes its own account's values and no others."""
    if call.header("x-api-key") is None and scope != "linked_account":
        raise refused(403, f"A session token has no access to the scope {scope}", field="error")


def _target(call: Call, scope: str) -> Document:
    """Whom the values are for: the fields by which they are told apart."""
    if scope == "linked_account":
        return {"linked_account_id": _account_id(call)}
    if scope == "workflow":
        workflow_id = call.query("workflow_id") or text(call.params, "workflow_id")
        if not workflow_id:
            raise refused(400, "workflow_id is required for workflow scope", field="error")
        return {"workflow_id": call.organisation.own(Workflows).find(workflow_id).id}
    return {}


def _account_id(call: Call) -> str:
    if call.account_or_none is not None:
        return call.account_or_none.account_id
    account_id = text(call.params, "linked_account_id")
    if not account_id:
        raise refused(400, "linked_account_id is required for linked_account scope", field="error")
    return existing_account(call.organisation, account_id).account_id


def _shown(value: Document, definition: Document) -> Document:
    names = ("_id", "linked_account_id", "workflow_id", "updatedAt")
    referred = given(definition, ("_id", "name", "scope", "encrypted"))
    return {
        **given(value, names),
        "variable_definition_id": referred,
        "value": shown_value(value, definition),
    }


def _cipher(value: str) -> str:
    return blake2b(value.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


_BASE = "/api/v2/public/env"

ROUTES = (
    Route("env_variables.list_definitions", "GET", _BASE + "/definitions", list_definitions),
    Route("env_variables.get_definition", "GET", _BASE + "/definitions/{id}", get_definition),
    Route("env_variables.get", "GET", _BASE + "/value/{definition_id}", get_value, "either"),
    Route("env_variables.set", "POST", _BASE + "/values", set_value, "either"),
    Route("env_variables.list", "GET", _BASE + "/values/{scope}", list_values, "either"),
    Route("env_variables.delete", "DELETE", _BASE + "/values/{value_id}", delete_value, "either"),
)
