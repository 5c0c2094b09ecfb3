"""Configs: how a linked account has set an app up: the values of its fields, the workflows switched on."""

from collections.abc import Iterator, Mapping

import msgspec

from refold_async.sandbox.apps.values import object_id
from refold_async.sandbox.resources.documents import Document, Ids, without
from refold_async.sandbox.resources.reading import objects
from refold_async.sandbox.resources.refusals import refused
from refold_async.sandbox.resources.seeds import load_seeds
from refold_async.sandbox.resources.workflows import Workflow, Workflows
from refold_async.sandbox.state import Account, Organisation

FieldKey = tuple[str | None, str]

SEEDED_SLUG = "hubspot"
"""The app whose config every account that has connected it has from the start, datastores and all."""


class Config:
    """One installation of an app.

    Attributes:
        values: The values of the fields by workflow and field id; the app's own fields have no workflow.
        enabled: Which workflows are switched on, by their ids.
        datastores: The records that workflows keep with the config, by the datastore's name.
    """

    def __init__(self, account: Account, slug: str, config_id: str) -> None:
        self.id = account.organisation.own(Ids).next()
        self.slug = slug
        self.config_id = config_id
        self.values: dict[FieldKey, object] = {}
        self.enabled: dict[str, bool] = {}
        self.datastores: dict[str, list[Document]] = {}
        self.errors: list[Document] = []
        self._account = account

    @property
    def workflows(self) -> list[Workflow]:
        """The workflows of the app that the account may use."""
        return self._account.organisation.own(Workflows).of_app(self.slug, self._account)

    def write(self, body: Mapping[str, object]) -> None:
        """Take the fields and workflows of an install or update; what they name and is not there is noted."""
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

    def workflow(self, workflow_id: str) -> Workflow:
        """One of the workflows by its id or alias; refuses any other."""
        for workflow in self.workflows:
            if workflow.stage_of(workflow_id) == "workflow":
                return workflow
        raise refused(404, f"Workflow with id {workflow_id} not found")

    def show_workflows(self) -> list[Document]:
        """The workflows with whether they are switched on."""
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


class Configs:
    """The configs of one linked account, told apart by app and config id."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._configs: dict[tuple[str, str], Config] = {}
        if SEEDED_SLUG in account.connections:
            self._plant(SEEDED_SLUG)

    def __iter__(self) -> Iterator[Config]:
        return iter(tuple(self._configs.values()))

    def find(self, slug: str, config_id: str) -> Config | None:
        """The config, ``None`` where the app was not set up under this id."""
        return self._configs.get((slug, config_id))

    def get(self, slug: str, config_id: str) -> Config:
        """The config; refuses where there is none."""
        config = self.find(slug, config_id)
        if config is None:
            raise refused(404, f"Config with config id {config_id} not found")
        return config

    def add(self, slug: str, config_id: str) -> Config:
        """A config with nothing filled in and nothing switched on."""
        config = self._configs[slug, config_id] = Config(self._account, slug, config_id)
        return config

    def remove(self, slug: str, config_id: str) -> None:
        """Uninstall; refuses where there is nothing to."""
        self.get(slug, config_id)
        del self._configs[slug, config_id]

    def _plant(self, slug: str) -> None:
        config = self.add(slug, self._account.account_id)
        config.datastores = msgspec.to_builtins(load_seeds().datastores)
        config.enabled = {workflow.id: True for workflow in config.workflows[:1]}


def fields_of(organisation: Organisation, slug: str) -> list[Document]:
    """The fields of an app's config, fresh copies of them."""
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


def slots_of(workflow: Workflow) -> list[Document]:
    """The fields of a workflow of a config."""
    slots = workflow.document["data_slots"]
    found = [dict(slot) for slot in slots if isinstance(slot, Mapping)] if isinstance(slots, list) else []
    return [slot for slot in found if "id" in slot]


def show_field(field: Document, value: object, *, options: bool) -> Document:
    """A field with its value, if one was set, and its options, if they are wanted."""
    shown = field if options else without(field, "options")
    return shown if value is None else {**shown, "value": value}


def show_config(organisation: Organisation, slug: str, config: Config | None, *, options: bool) -> Document:
    """All of a config, or the fields of the app where there is none yet."""
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
