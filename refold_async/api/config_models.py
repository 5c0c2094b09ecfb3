"""What a config holds: its fields, and its workflows with theirs."""

from __future__ import annotations

from typing import Any

import msgspec

from refold_async.api.common import Identified, Record


class ConfigField(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A field that a customer sets. Written into a body, it leaves out what it does not hold.

    Attributes:
        id: Its id.
        name: Its name for people.
        help_text: What is said of it to people.
        field_type: How it is filled in, as `select`.
        value: What it is set to.
        default_value: What it holds where it is not set.
        required: Whether it must be set.
        multiple: Whether it takes several values.
        hidden: Whether it is shown.
        options: The values to choose from, each with `name` and `value`.
        parent: The field that it hangs on.
        labels: The labels of a mapping.
        mapping: What is mapped to what.
        rule_columns: The columns of a rule-engine field.
        data_source: Where its options come from.
        dynamic_slot_identifier: What names its data source.
        associated_page: The page that it stands on.
    """

    id: str | None = None
    name: str | None = None
    help_text: str | None = None
    field_type: str | None = None
    value: Any = None
    default_value: Any = msgspec.field(default=None, name="defaultValue")
    required: bool | None = None
    multiple: bool | None = None
    hidden: bool | None = None
    options: list[Record] | None = None
    parent: str | None = None
    labels: dict[str, Any] | None = None
    mapping: dict[str, Any] | None = None
    rule_columns: list[Record] | None = None
    data_source: dict[str, Any] | None = None
    dynamic_slot_identifier: str | None = None
    associated_page: str | None = None


class ConfigWorkflow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A workflow in a config. Written into a body, it leaves out what it does not hold.

    Attributes:
        id: Its id.
        name: Its name for people.
        description: What it does.
        icon: The URL of its icon.
        enabled: Whether it runs for this customer.
        fields: What the customer sets of it.
        data_slots: The same, as the service keeps it.
        associated_page: The page that it stands on.
    """

    id: str | None = None
    name: str | None = None
    description: str | None = None
    icon: str | None = None
    enabled: bool | None = None
    fields: list[ConfigField] | None = None
    data_slots: list[ConfigField] | None = None
    associated_page: str | None = None


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """A customer's config of an app.

    Attributes:
        slug: The app.
        config_id: Its id: by default the customer's own.
        fields: What the customer sets for the whole app.
        workflows: The app's workflows, each with what the customer sets of it.
        field_errors: What was wrong with fields that were to be set.
    """

    slug: str | None = None
    config_id: str | None = None
    fields: list[ConfigField] | None = None
    workflows: list[ConfigWorkflow] | None = None
    field_errors: list[Record] | None = None


class ConfigEntry(Identified, frozen=True, kw_only=True):
    """A config, by its id alone.

    Attributes:
        config_id: The config's id.
        tenant_config: Whether it is the tenant's.
    """

    config_id: str | None = None
    tenant_config: bool | None = None


class ToggledWorkflows(msgspec.Struct, frozen=True, kw_only=True):
    """A config's workflows after one was switched.

    Attributes:
        workflows: All of them.
    """

    workflows: list[ConfigWorkflow] | None = None
