"""Environment variables: their definitions, and their values for each scope."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Literal

import msgspec

from refold_async.api import operations
from refold_async.api.common import ApiModel, Dated, Environment, Message, fill
from refold_async.api.paging import Page, Paginator, PaginatorOf, paginate
from refold_async.api.resource import Resource, given

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
        """Set the dates from their other names."""
        super().__post_init__()
        fill(self, "created_at", self._created_at)
        fill(self, "updated_at", self._updated_at)


class FoundDefinition(ApiModel, frozen=True, kw_only=True):
    """An answer that holds one definition.

    Attributes:
        definition: The definition.
    """

    definition: VariableDefinition | None = None


class Variable(ApiModel, frozen=True, kw_only=True):
    """A variable with the value that holds.

    Attributes:
        value: The value; `[REDACTED]` if it is encrypted.
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
        value: The value; `[REDACTED]` or its cipher if it is encrypted.
        variable_definition_id: The id of its definition, or the definition itself.
        linked_account_id: The customer that it belongs to.
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
    """The outcome of deleting a value.

    Attributes:
        status: `success`.
    """

    status: str | None = None


class EnvVariables(Resource):
    """The values of environment variables: `account.env_variables`.

    On an account they are those that hold for this customer.
    """

    __slots__ = ()

    async def get(
        self,
        definition_id: str,
        *,
        workflow_id: str | None = None,
        environment: Environment | None = None,
        timeout: float | None = None,
    ) -> Variable:
        """Fetch a variable with its value; encrypted values are never shown.

        Calls `GET /api/v2/public/env/value/{definition_id}`.

        Args:
            definition_id: The id of its definition.
            workflow_id: The workflow, for a variable of the scope `workflow`.
            environment: `test` or `production`; default: the key's own.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such definition, or no value.
            RefoldError: If the call fails in any other way.
        """
        query = {
            "linked_account_id": self._requester.linked_account_id,
            "workflow_id": workflow_id,
            "environment": environment,
        }
        return await self._requester.call(
            operations.ENV_VARIABLES_GET, Variable, definition_id, query=query, timeout=timeout
        )

    async def set(
        self,
        variable_definition_id: str,
        value: str,
        *,
        workflow_id: str | None = None,
        timeout: float | None = None,
    ) -> VariableValue:
        """Set a variable's value, replacing an existing one.

        Calls `POST /api/v2/public/env/values`.

        Args:
            variable_definition_id: The id of its definition.
            value: The value, as the definition's format asks for it.
            workflow_id: The workflow, for a variable of the scope `workflow`.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            BadRequestError: If the value is not of the variable's format.
            RefoldError: If the call fails in any other way.
        """
        body = given(
            variable_definition_id=variable_definition_id,
            value=value,
            linked_account_id=self._requester.linked_account_id,
            workflow_id=workflow_id,
        )
        return await self._requester.call(
            operations.ENV_VARIABLES_SET, VariableValue, body=body, timeout=timeout
        )

    def list(
        self,
        scope: VariableScope,
        *,
        page: int | None = None,
        limit: int | None = None,
        variable_definition_id: str | None = None,
        workflow_id: str | None = None,
        timeout: float | None = None,
    ) -> PaginatorOf[VariableValue, ValuePage]:
        """List the values of a scope.

        Calls `GET /api/v2/public/env/values/{scope}`.

        Args:
            scope: `org`, `workspace`, `linked_account` or `workflow`.
            page: The number of the page, or of the first one if you iterate; default: 1.
            limit: Values on a page; default: the service's, 10.
            variable_definition_id: Only those of this definition.
            workflow_id: The workflow, which the scope `workflow` needs.
            timeout: Deadline for each page, retries included, in seconds; default: the client's.

        Raises:
            BadRequestError: If the scope needs a workflow, and none is named.
            RefoldError: If the call fails in any other way.
        """
        query = {
            "linked_account_id": self._requester.linked_account_id,
            "variable_definition_id": variable_definition_id,
            "workflow_id": workflow_id,
        }
        return paginate(
            self._requester,
            operations.ENV_VARIABLES_LIST,
            ValuePage,
            scope,
            page=page,
            limit=limit,
            query=query,
            timeout=timeout,
        )

    async def delete(self, value_id: str, *, timeout: float | None = None) -> ValueDeletion:
        """Delete a value.

        Calls `DELETE /api/v2/public/env/values/{value_id}`.

        Args:
            value_id: The value's id.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such value.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(
            operations.ENV_VARIABLES_DELETE, ValueDeletion, value_id, timeout=timeout
        )


class OrganisationEnvVariables(EnvVariables):
    """The organisation's environment variables: `refold.env_variables`."""

    __slots__ = ()

    def list_definitions(
        self,
        *,
        page: int | None = None,
        limit: int | None = None,
        scope: VariableScope | None = None,
        var_format: VariableFormat | None = None,
        name: str | None = None,
        timeout: float | None = None,
    ) -> Paginator[VariableDefinition]:
        """List the variables' definitions.

        Calls `GET /api/v2/public/env/definitions`.

        Args:
            page: The number of the page, or of the first one if you iterate; default: 1.
            limit: Definitions on a page; default: the service's, 10.
            scope: Only those of `org`, `workspace`, `linked_account` or `workflow`.
            var_format: Only those of this format.
            name: Only those whose name matches this regular expression.
            timeout: Deadline for each page, retries included, in seconds; default: the client's.

        Raises:
            RefoldError: If the call fails.
        """
        query = {"scope": scope, "var_format": var_format, "name": name}
        return paginate(
            self._requester,
            operations.ENV_VARIABLES_LIST_DEFINITIONS,
            Page[VariableDefinition],
            page=page,
            limit=limit,
            query=query,
            timeout=timeout,
        )

    async def get_definition(self, id: str, *, timeout: float | None = None) -> FoundDefinition:  # noqa: A002
        """Fetch a variable's definition.

        Calls `GET /api/v2/public/env/definitions/{id}`.

        Args:
            id: The definition's id.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such definition.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(
            operations.ENV_VARIABLES_GET_DEFINITION, FoundDefinition, id, timeout=timeout
        )
