"""What an organisation has set up in its console, read from `seeds.toml` once for the process."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Literal

import msgspec

from refold_async.sandbox.documents import Document

Scope = Literal["org", "workspace", "linked_account", "workflow"]


class NamedSeed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The base of all: a misspelt field of the data is an error."""

    name: str


class EventSeed(NamedSeed, frozen=True):
    """An event of the organisation's own, with a sample of what it carries."""

    sample: Document


class DefinitionSeed(NamedSeed, frozen=True):
    """An environment variable; `value` is what the organisation itself has set."""

    description: str
    scope: Scope
    var_format: Literal["string", "number", "url"]
    encrypted: bool = False
    value: str | None = None


class FieldSeed(NamedSeed, frozen=True, omit_defaults=True):
    """A field that customers fill in where they set an app or a workflow up."""

    field_type: str
    multiple: bool = False
    dynamic_slot_identifier: str | None = None
    options: list[Document] = []
    rule_columns: list[Document] = []


class WorkflowSeed(NamedSeed, frozen=True):
    """A published workflow of the organisation, for all its accounts."""

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
    """All of the file."""

    events: list[EventSeed]
    definitions: list[DefinitionSeed]
    fields: list[FieldSeed]
    workflows: list[WorkflowSeed]
    datarefs: list[DatarefSeed]
    datastores: Mapping[str, list[Document]]
    human_task: HumanTaskSeed


@cache
def load_seeds() -> Seeds:
    """The data to begin with; whoever keeps a part of it keeps a copy."""
    file = resources.files("refold_async.sandbox") / "seeds.toml"
    return msgspec.toml.decode(file.read_bytes(), type=Seeds)
