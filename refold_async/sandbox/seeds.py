"""The data that an organisation starts with, read from `seeds.toml` once per process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from refold_async.sandbox.documents import Document

Scope = Literal["org", "workspace", "linked_account", "workflow"]


class NamedSeed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of all seeds. A misspelt field in the data is an error."""

    name: str


class EventSeed(NamedSeed, frozen=True):
    """An event of the organisation, with a sample payload."""

    sample: Document


class DefinitionSeed(NamedSeed, frozen=True):
    """An environment variable; `value` is the value that the organisation has set."""

    description: str
    scope: Scope
    var_format: Literal["string", "number", "url"]
    encrypted: bool = False
    value: str | None = None


class FieldSeed(NamedSeed, frozen=True, omit_defaults=True):
    """A field that customers fill in when they configure an app or a workflow."""

    field_type: str
    multiple: bool = False
    dynamic_slot_identifier: str | None = None
    options: list[Document] = []
    rule_columns: list[Document] = []


class WorkflowSeed(NamedSeed, frozen=True):
    """A published workflow of the organisation, available to all its accounts."""

    alias: str
    description: str
    slug: str
    nodes: list[Document]
    is_v2: bool = False
    data_slots: list[FieldSeed] = []
    manual_execution_payload: Document | None = None
    json_schema: Document | None = None


class DatarefSeed(NamedSeed, frozen=True):
    """A dataref with its records by id."""

    records: Mapping[str, Document]


class HumanTaskSeed(NamedSeed, frozen=True):
    """A form for people."""

    description: str
    receiver_emails: list[str]
    form_structure: Document
    ui_structure: Document


class Seeds(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    events: list[EventSeed]
    definitions: list[DefinitionSeed]
    fields: list[FieldSeed]
    workflows: list[WorkflowSeed]
    datarefs: list[DatarefSeed]
    datastores: Mapping[str, list[Document]]
    human_task: HumanTaskSeed


@cache
def load_seeds() -> Seeds:
    """Return the initial data. It is shared: copy what is kept."""
    file = resources.files("refold_async.sandbox") / "seeds.toml"
    return msgspec.toml.decode(file.read_bytes(), type=Seeds)
