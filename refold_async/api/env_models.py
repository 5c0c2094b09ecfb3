"""What is known of an environment variable, and of its values."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from refold_async.api.common import Dated, Environment, Message, fill
from refold_async.api.paging import Page

if TYPE_CHECKING:
    VariableScope = Literal["org", "workspace", "linked_account", "workflow"] | str
    VariableFormat = Literal["string", "number", "url"] | str
else:
    VariableScope = VariableFormat = str


class VariableDefinition(Dated, frozen=True, kw_only=True):
    """An environment variable: what it is, without its values.

    Attributes:
        name: Its name.
        description: What it is for.
        scope: Whose values it has: `org`, `workspace`, `linked_account` or `workflow`.
        var_format: What a value must be: `string`, `number` or `url`.
        encrypted: Whether its values are kept encrypted, and never shown.
        org_id: The organisation's id.
        created_by: Who made it.
        updated_by: Who changed it last.
    """

    name: str | None = None
    description: str | None = None
    scope: VariableScope | None = None
    var_format: VariableFormat | None = None
    encrypted: bool | None = None
    org_id: str | None = None
    created_by: str | None = None
    updated_by: str | None = None
    _created_at: datetime | None = msgspec.field(default=None, name="created_at")
    _updated_at: datetime | None = msgspec.field(default=None, name="updated_at")

    def __post_init__(self) -> None:
        """Let the dates hold what came under their other names."""
        super().__post_init__()
        fill(self, "created_at", self._created_at)
        fill(self, "updated_at", self._updated_at)


class FoundDefinition(msgspec.Struct, frozen=True, kw_only=True):
    """An answer that holds one definition.

    Attributes:
        definition: The definition.
    """

    definition: VariableDefinition | None = None


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """A variable with the value that holds.

    Attributes:
        value: The value; `[REDACTED]`, where it is encrypted.
        encrypted: Whether it is.
        name: The variable's name.
        scope: Whose value it is.
        variable_definition_id: The id of its definition.
    """

    value: str | None = None
    encrypted: bool | None = None
    name: str | None = None
    scope: VariableScope | None = None
    variable_definition_id: str | None = None


class VariableValue(Dated, frozen=True, kw_only=True):
    """A value of a variable.

    Attributes:
        value: The value; `[REDACTED]` or its cipher, where it is encrypted.
        variable_definition_id: The id of its definition, or the definition itself.
        linked_account_id: The customer whose it is.
        workflow_id: The workflow whose it is.
        environment: `test` or `production`.
        org_id: The organisation's id.
        created_by: Who set it first.
        updated_by: Who set it last.
    """

    value: str | None = None
    variable_definition_id: str | VariableDefinition | None = None
    linked_account_id: str | None = None
    workflow_id: str | None = None
    environment: Environment | None = None
    org_id: str | None = None
    created_by: str | None = None
    updated_by: str | None = None


class ValuePage(Page[VariableValue], frozen=True, kw_only=True):
    """A page of values.

    Attributes:
        status: `success`.
    """

    status: str | None = None


class ValueDeletion(Message, frozen=True, kw_only=True):
    """What became of a value that was to be deleted.

    Attributes:
        status: `success`.
    """

    status: str | None = None
