"""Configs: install an app for a linked account, read and change its settings, uninstall it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from refold_async.sandbox.api.applications import app_of
from refold_async.sandbox.api.workflow_state import StoredWorkflow, WorkflowStore
from refold_async.sandbox.apps.values import object_id
from refold_async.sandbox.documents import Document, IdSequence, without
from refold_async.sandbox.params import flag, objects, require, text
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import SandboxResponse, refused, success
from refold_async.sandbox.routing import Route
from refold_async.sandbox.seeds import load_seeds
from refold_async.sandbox.state import Organisation, StoredAccount

FieldKey = tuple[str | None, str]

SEEDED_SLUG = "hubspot"
"""The app that is installed, with datastores, for every account that has connected it from the start."""


class StoredConfig:
    """One installation of an app.

    Attributes:
        values: The field values by workflow and field id; the app's own fields have no workflow.
        enabled: Whether each workflow is enabled, by its id.
        datastores: The records that workflows keep with the config, by the datastore's name.
    """

    def __init__(self, account: StoredAccount, slug: str, config_id: str) -> None:
        self.id = account.organisation.own(IdSequence).next()
        self.slug = slug
        self.config_id = config_id
        self.values: dict[FieldKey, object] = {}
        self.enabled: dict[str, bool] = {}
        self.datastores: dict[str, list[Document]] = {}
        self.errors: list[Document] = []
        self._account = account

    @property
    def workflows(self) -> list[StoredWorkflow]:
        """The workflows of the app that the account may use."""
        return self._account.organisation.own(WorkflowStore).of_app(self.slug, self._account)

    def write(self, body: Mapping[str, object]) -> None:
        """Store the fields and workflows of an install or update; records an error for each unknown field."""
        self.errors = []
        known = {str(each["id"]) for each in fields_of(self._account.organisation, self.slug)}
        fields = objects(body, "fields") or objects(body, "application_data_slots")
        for field in fields:
            field_id = str(field.get("id"))
            if field_id not in known:
                self.errors.append({"id": field_id, "error": f"Field with id {field_id} not found"})
            elif "value" in field:
                self.values[None, field_id] = field["value"]
        for sent in objects(body, "workflows"):
            self._write_workflow(sent)

    def workflow(self, workflow_id: str) -> StoredWorkflow:
        """Return one of the app's workflows by its id or alias; refuses any other."""
        for workflow in self.workflows:
            if workflow.stage_of(workflow_id) == "workflow":
                return workflow
        raise refused(404, f"Workflow with id {workflow_id} not found")

    def show_workflows(self) -> list[Document]:
        """Return the workflows, each with whether it is enabled."""
        return [
            {
                "id": workflow.id,
                "name": workflow.document["name"],
                "description": workflow.document["description"],
                "enabled": self.enabled.get(workflow.id, False),
            }
            for workflow in self.workflows
        ]

    def _write_workflow(self, sent: Mapping[str, object]) -> None:
        workflow = self.workflow(str(sent.get("id")))
        if isinstance(enabled := sent.get("enabled"), bool):
            self.enabled[workflow.id] = enabled
        for slot in objects(sent, "fields") or objects(sent, "data_slots"):
            if "value" in slot:
                self.values[workflow.id, str(slot.get("id"))] = slot["value"]


class ConfigStore:
    """The configs of one linked account, by app and config id."""

    def __init__(self, account: StoredAccount) -> None:
        self._account = account
        self._configs: dict[tuple[str, str], StoredConfig] = {}
        if SEEDED_SLUG in account.connections:
            self._seed_one(SEEDED_SLUG)

    def __iter__(self) -> Iterator[StoredConfig]:
        return iter(tuple(self._configs.values()))

    def find(self, slug: str, config_id: str) -> StoredConfig | None:
        """Return a config, or `None` if the app is not installed under this id."""
        return self._configs.get((slug, config_id))

    def get(self, slug: str, config_id: str) -> StoredConfig:
        """Return a config; refuses an unknown one."""
        config = self.find(slug, config_id)
        if config is None:
            raise refused(404, f"Config with config id {config_id} not found")
        return config

    def add(self, slug: str, config_id: str) -> StoredConfig:
        """Add an empty config with no workflow enabled."""
        config = self._configs[slug, config_id] = StoredConfig(self._account, slug, config_id)
        return config

    def remove(self, slug: str, config_id: str) -> None:
        """Remove a config; refuses an unknown one."""
        self.get(slug, config_id)
        del self._configs[slug, config_id]

    def _seed_one(self, slug: str) -> None:
        config = self.add(slug, self._account.account_id)
        config.datastores = msgspec.to_builtins(load_seeds().datastores)
        config.enabled = {workflow.id: True for workflow in config.workflows[:1]}


def fields_of(organisation: Organisation, slug: str) -> list[Document]:
    """Return new copies of the fields of an app's config."""
    base: Document = {
        "required": False,
        "hidden": False,
        "multiple": False,
        "options": [],
        "defaultValue": "",
    }
    seeds: list[Document] = msgspec.to_builtins(load_seeds().fields)
    return [
        {"id": object_id(organisation.seed, "field", slug, each["name"]), **base, **each} for each in seeds
    ]


def slots_of(workflow: StoredWorkflow) -> list[Document]:
    """Return the fields of a workflow of a config."""
    slots = workflow.document["data_slots"]
    found = [dict(slot) for slot in slots if isinstance(slot, Mapping)] if isinstance(slots, list) else []
    return [slot for slot in found if "id" in slot]


def show_field(field: Document, value: object, *, options: bool) -> Document:
    """Return a field with its value, if set, and its options, if requested."""
    shown = field if options else without(field, "options")
    return shown if value is None else {**shown, "value": value}


def show_config(
    organisation: Organisation, slug: str, config: StoredConfig | None, *, options: bool
) -> Document:
    """Return a whole config, or the app's fields if it is not installed."""
    values = config.values if config else {}

    def show(workflow_id: str | None, fields: list[Document]) -> list[Document]:
        return [
            show_field(each, values.get((workflow_id, str(each["id"]))), options=options) for each in fields
        ]

    fields = show(None, fields_of(organisation, slug))
    found: Document = {"slug": slug, "field_errors": config.errors if config else [], "fields": fields}
    if config is None:
        return {**found, "workflows": []}
    workflows = [
        {**shown, "fields": show(workflow.id, slots_of(workflow))}
        for shown, workflow in zip(config.show_workflows(), config.workflows, strict=True)
    ]
    return {**found, "config_id": config.config_id, "workflows": workflows}


async def install(request: SandboxRequest) -> SandboxResponse:
    """Return a config, creating it with the fields and workflows of the body if needed."""
    slug, config_id = _named(request)
    configs = request.account.own(ConfigStore)
    config = configs.find(slug, config_id)
    if config is None:
        config = configs.add(slug, config_id)
        config.write(request.params)
    return _show(request, config)


async def update(request: SandboxRequest) -> SandboxResponse:
    """Update the fields and workflows of an installed config."""
    slug, config_id = _named(request)
    config = request.account.own(ConfigStore).get(slug, config_id)
    config.write(request.params)
    return _show(request, config)


async def get(request: SandboxRequest) -> SandboxResponse:
    """Return a config, by default the account's own; or the app's config of the organisation itself."""
    tenant = request.params.get("tenant_config", False)
    if not isinstance(tenant, bool):
        raise refused(400, "tenant_config must be a boolean", "VALIDATION_ERROR")
    return _show_tenant(request) if tenant else _show(request, _config(request))


async def delete(request: SandboxRequest) -> SandboxResponse:
    """Uninstall a config, by default the account's own."""
    config = _config(request)
    request.account.own(ConfigStore).remove(config.slug, config.config_id)
    return success({"message": "Installation Deleted Success"})


async def list_ids(request: SandboxRequest) -> SandboxResponse:
    """Return the ids of the account's configs of an app."""
    slug = request.path_params["slug"]
    return success(
        [
            {"_id": config.id, "config_id": config.config_id}
            for config in request.account.own(ConfigStore)
            if config.slug == slug
        ]
    )


async def toggle_workflow(request: SandboxRequest) -> SandboxResponse:
    """Enable or disable one workflow of a config."""
    config = _config(request)
    require(request.params, "enabled")
    workflow = config.workflow(request.path_params["workflowId"])
    config.enabled[workflow.id] = request.params["enabled"] is True
    return success({"workflows": config.show_workflows()})


def _named(request: SandboxRequest) -> tuple[str, str]:
    """Return the slug and config id of a body; refuses an unknown app."""
    require(request.params, "slug")
    slug = text(request.params, "slug")
    if slug not in request.organisation.apps:
        message = f"Application with app_type '{slug}' not found for org {request.organisation.id}"
        raise refused(404, message, "INVALID_APP_ID")
    return slug, text(request.params, "config_id") or request.account.account_id


def _config(request: SandboxRequest) -> StoredConfig:
    config_id = request.path_params.get("configId", request.account.account_id)
    return request.account.own(ConfigStore).get(request.path_params["slug"], config_id)


def _show(request: SandboxRequest, config: StoredConfig) -> SandboxResponse:
    options = flag(request, "disable_field_options") is not True
    return success(show_config(request.organisation, config.slug, config, options=options))


def _show_tenant(request: SandboxRequest) -> SandboxResponse:
    """Return the fields that all customers of an app start from; no customer has set them."""
    slug = app_of(request.organisation, request.path_params["slug"]).slug
    options = flag(request, "disable_field_options") is not True
    config = show_config(request.organisation, slug, None, options=options)
    return success({**config, "config_id": request.organisation.id, "tenant_config": True})


_BASE = "/api/v2/public/config"
_OF_APP = "/api/v2/public/slug/{slug}/config"
_ONE = _OF_APP + "/{configId}"


ROUTES = (
    Route("configs.get_or_create", "POST", _BASE, install, "account_key"),
    Route("configs.update", "PUT", _BASE, update, "account"),
    Route("configs.get_default", "GET", _OF_APP, get, "account_key"),
    Route("configs.delete_default", "DELETE", _OF_APP, delete, "account_key"),
    Route("configs.get", "GET", _ONE, get, "account_key"),
    Route("configs.delete", "DELETE", _ONE, delete, "account_key"),
    Route("configs.toggle_workflow", "PATCH", _ONE + "/workflows/{workflowId}", toggle_workflow, "account"),
    Route("configs.list", "GET", _OF_APP + "s", list_ids, "account"),
)
