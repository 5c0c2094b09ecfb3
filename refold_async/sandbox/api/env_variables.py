"""Environment variables: the organisation's definitions, and the values set in each scope."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b

import msgspec

from refold_async.sandbox.api.workflow_state import WorkflowStore
from refold_async.sandbox.apps.values import object_id
from refold_async.sandbox.authentication import existing_account
from refold_async.sandbox.documents import Document, DocumentStore, given, without
from refold_async.sandbox.params import is_web_url, page_of, pattern, require, text
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import SandboxResponse, envelope, refused, success
from refold_async.sandbox.routing import Route
from refold_async.sandbox.seeds import load_seeds
from refold_async.sandbox.state import Organisation

REDACTED = "[REDACTED]"


class EnvVariableStore:
    """The variables of an organisation.

    Attributes:
        definitions: The definitions; no operation of the API adds to them.
        values: The values, each with its definition's id, and the account or workflow it is for.
    """

    def __init__(self, organisation: Organisation) -> None:
        missing = "Variable {} not found"
        self.definitions = DocumentStore(
            organisation, envelope(404, missing.format("definition"), code="RESOURCE_NOT_FOUND")
        )
        self.values = DocumentStore(
            organisation, envelope(404, missing.format("value"), code="RESOURCE_NOT_FOUND")
        )
        self._organisation = organisation
        for seed in load_seeds().definitions:
            fields = without(msgspec.to_builtins(seed), "value")
            definition = self.definitions.add(
                {"org_id": organisation.id, **fields}, object_id(organisation.seed, "variable", seed.name)
            )
            if seed.value is not None:
                self.set(definition, {}, seed.value)

    def find(self, definition: Document, target: Document) -> Document | None:
        """Return the value set for a target: an account, a workflow, or `{}` for the organisation."""
        key = {"variable_definition_id": definition["_id"], **target}
        return next((value for value in self.values if given(value, key) == key), None)

    def set(self, definition: Document, target: Document, text: str) -> Document:
        """Set the value for a target, replacing any previous one."""
        found = self.find(definition, target)
        if found is not None:
            return self.values.update(str(found["_id"]), {"value": text})
        owner = {"org_id": self._organisation.id, "environment": self._organisation.environment}
        return self.values.add(
            {"variable_definition_id": definition["_id"], **owner, **target, "value": text}
        )

    def of_scope(self, scope: str, target: Document) -> Iterator[tuple[Document, Document]]:
        """Yield the values of a scope and target, each with its definition."""
        for value in self.values:
            definition = self.definition_of(value)
            if definition["scope"] == scope and given(value, target) == target:
                yield value, definition

    def definition_of(self, value: Document) -> Document:
        """Return the definition of a value."""
        return self.definitions.get(str(value["variable_definition_id"]))

    def accounts_with(self, name: str, text: str | None) -> list[str]:
        """Return the ids of the accounts that have set this variable, to this value if one is given."""
        return [
            str(value["linked_account_id"])
            for value in self.values
            if "linked_account_id" in value
            and self.definition_of(value)["name"] == name
            and text in (None, value["value"])
        ]


def shown_value(value: Document, definition: Document) -> str:
    """Return the value as read operations show it."""
    return REDACTED if definition["encrypted"] else str(value["value"])


def has_format(text: str, var_format: object) -> bool:
    """Return whether a string has the definition's `var_format`."""
    if var_format == "number":
        try:
            return float(text) == float(text)
        except ValueError:
            return False
    if var_format == "url":
        return is_web_url(text)
    return True


SCOPES = ("org", "workspace", "linked_account", "workflow")


async def list_definitions(request: SandboxRequest) -> SandboxResponse:
    """Return a page of the definitions, by scope, format and a pattern of the name."""
    name = pattern(request.query("name") or "")
    found = [
        each
        for each in _variables(request).definitions
        if request.query("scope") in (None, each["scope"])
        and request.query("var_format") in (None, each["var_format"])
        and name.search(str(each["name"]))
    ]
    return page_of(request, found)


async def get_definition(request: SandboxRequest) -> SandboxResponse:
    """Return one definition; this operation names its dates in snake case, as documented."""
    found = dict(_variables(request).definitions.get(request.path_params["id"]))
    dates = {"created_at": found.pop("createdAt"), "updated_at": found.pop("updatedAt")}
    return success({"definition": {**found, **dates}})


async def get_value(request: SandboxRequest) -> SandboxResponse:
    """Return the value of a definition in its scope; an encrypted one is redacted."""
    variables = _variables(request)
    definition = variables.definitions.get(request.path_params["definition_id"])
    scope = str(definition["scope"])
    _check_rights(request, scope)
    found = variables.find(definition, _target(request, scope))
    if found is None:
        raise refused(404, "Variable value not found", "RESOURCE_NOT_FOUND")
    fields = given(definition, ("encrypted", "name", "scope"))
    shown = {"value": shown_value(found, definition), "variable_definition_id": definition["_id"]}
    return success({**fields, **shown})


async def set_value(request: SandboxRequest) -> SandboxResponse:
    """Set a value if the caller may and the format fits; an encrypted one is returned as a cipher."""
    require(request.params, "variable_definition_id", "value", field="error")
    variables = _variables(request)
    definition = variables.definitions.get(text(request.params, "variable_definition_id"))
    scope, value = str(definition["scope"]), text(request.params, "value")
    _check_rights(request, scope)
    if not has_format(value, definition["var_format"]):
        raise refused(400, "value does not match the variable format", field="error")
    kept = variables.set(definition, _target(request, scope), value)
    return success({**kept, "value": _cipher(value) if definition["encrypted"] else value})


async def list_values(request: SandboxRequest) -> SandboxResponse:
    """Return a page of the values of one scope."""
    scope = request.path_params["scope"]
    if scope not in SCOPES:
        raise refused(400, f"Invalid scope {scope}", "VALIDATION_ERROR", "error")
    _check_rights(request, scope)
    wanted = request.query("variable_definition_id")
    found = [
        (value, definition)
        for value, definition in _variables(request).of_scope(scope, _target(request, scope))
        if wanted in (None, definition["_id"])
    ]
    return page_of(request, found, lambda pair: _shown(*pair), more={"status": "success"})


async def delete_value(request: SandboxRequest) -> SandboxResponse:
    """Delete a value."""
    variables = _variables(request)
    value = variables.values.get(request.path_params["value_id"])
    definition = variables.definition_of(value)
    bound = request.account_or_none
    if bound is not None and value.get("linked_account_id") != bound.account_id:
        raise refused(403, "Variable value belongs to another scope", field="error")
    variables.values.remove(request.path_params["value_id"])
    message = f'Variable value for "{definition["name"]}" deleted successfully'
    return success({"status": "success", "message": message})


def _variables(request: SandboxRequest) -> EnvVariableStore:
    return request.organisation.own(EnvVariableStore)


def _check_rights(request: SandboxRequest, scope: str) -> None:
    """Refuse a session token any scope but its own account's."""
    if request.header("x-api-key") is None and scope != "linked_account":
        raise refused(403, f"A session token has no access to the scope {scope}", field="error")


def _target(request: SandboxRequest, scope: str) -> Document:
    """Return the fields that identify whom the values are for."""
    if scope == "linked_account":
        return {"linked_account_id": _account_id(request)}
    if scope == "workflow":
        workflow_id = request.query("workflow_id") or text(request.params, "workflow_id")
        if not workflow_id:
            raise refused(400, "workflow_id is required for workflow scope", field="error")
        return {"workflow_id": request.organisation.own(WorkflowStore).find(workflow_id).id}
    return {}


def _account_id(request: SandboxRequest) -> str:
    if request.account_or_none is not None:
        return request.account_or_none.account_id
    account_id = text(request.params, "linked_account_id")
    if not account_id:
        raise refused(400, "linked_account_id is required for linked_account scope", field="error")
    return existing_account(request.organisation, account_id).account_id


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
