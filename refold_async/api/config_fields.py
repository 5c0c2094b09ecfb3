"""Config fields: what a customer sets of an app's workflows, field by field."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import UNSET, UnsetType

from refold_async._core.checks import check_mapping
from refold_async.api import operations
from refold_async.api.common import Record
from refold_async.api.configs import Config, ConfigField
from refold_async.api.resource import Resource, flag


class ConfigFields(Resource):
    """The fields of a customer's configs: `account.config_fields`."""

    __slots__ = ()

    async def list(self, slug: str, *, timeout: float | None = None) -> Config:
        """Fetch all fields that the customer can set for an app, and its workflows.

        Calls `POST /api/v2/public/config/field`, which only reads.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If the customer has no config of the app.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(
            operations.CONFIG_FIELDS_LIST, Config, headers={"slug": slug}, timeout=timeout
        )

    async def options(
        self,
        slug: str,
        field_id: str,
        *,
        value: object | UnsetType = UNSET,
        config_id: str | None = None,
        workflow_id: str | None = None,
        disable_field_options: bool | None = None,
        timeout: float | None = None,
    ) -> ConfigField:
        """Fetch a field with the options to choose from.

        Calls `POST /api/v2/public/config/field/{fieldId}`, which only reads.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            field_id: The field's id.
            value: The input of the field's data source: any JSON value, `None` included; default: no input.
            config_id: The config; default: the customer's own.
            workflow_id: The workflow that the field belongs to, if any.
            disable_field_options: Whether to leave the options out.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            BadRequestError: If the field has no options.
            NotFoundError: If there is no such config.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(
            operations.CONFIG_FIELDS_OPTIONS,
            ConfigField,
            field_id,
            query={"config_id": config_id, "workflow_id": workflow_id},
            headers={"slug": slug, "disable_field_options": flag(disable_field_options)},
            body=None if value is UNSET else {"value": value},
            timeout=timeout,
        )

    async def update(
        self,
        slug: str,
        field_id: str,
        value: object,
        *,
        config_id: str | None = None,
        workflow_id: str | None = None,
        disable_field_options: bool | None = None,
        timeout: float | None = None,
    ) -> ConfigField:
        """Set a field.

        Calls `PUT /api/v2/public/config/field/{fieldId}`.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            field_id: The field's id.
            value: The new value: any JSON value, `None` included.
            config_id: The config; default: the customer's own.
            workflow_id: The workflow that the field belongs to, if any.
            disable_field_options: Whether to leave the options out of the answer.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such config.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(
            operations.CONFIG_FIELDS_UPDATE,
            ConfigField,
            field_id,
            query={"config_id": config_id, "workflow_id": workflow_id},
            headers={"slug": slug, "disable_field_options": flag(disable_field_options)},
            body={"value": value},
            timeout=timeout,
        )

    async def delete(
        self,
        slug: str,
        field_id: str,
        *,
        config_id: str | None = None,
        workflow_id: str | None = None,
        disable_field_options: bool | None = None,
        timeout: float | None = None,
    ) -> ConfigField:
        """Clear a field's value.

        Calls `DELETE /api/v2/public/config/field/{fieldId}`.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            field_id: The field's id.
            config_id: The config; default: the customer's own.
            workflow_id: The workflow that the field belongs to, if any.
            disable_field_options: Whether to leave the options out of the answer.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            BadRequestError: If there is no such field.
            NotFoundError: If there is no such config.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(
            operations.CONFIG_FIELDS_DELETE,
            ConfigField,
            field_id,
            query={"config_id": config_id, "workflow_id": workflow_id},
            headers={"slug": slug, "disable_field_options": flag(disable_field_options)},
            timeout=timeout,
        )

    async def rule_options(
        self,
        slug: str,
        field_id: str,
        rule_column: Mapping[str, object],
        *,
        config_id: str | None = None,
        workflow_id: str | None = None,
        timeout: float | None = None,
    ) -> Record:
        """Fetch the options of a column of a rule-engine field.

        Calls `POST /api/v2/public/config/rule-engine/{fieldId}`, which only reads.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            field_id: The field's id.
            rule_column: The column, as the field's `rule_columns` describe it.
            config_id: The config; default: the customer's own.
            workflow_id: The workflow that the field belongs to, if any.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Returns:
            What the service answers; the options stand under `options`.

        Raises:
            BadRequestError: If the field has no rules.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(
            operations.CONFIG_FIELDS_RULE_OPTIONS,
            Record,
            field_id,
            query={"config_id": config_id, "workflow_id": workflow_id},
            headers={"slug": slug},
            body={"rule_column": check_mapping("rule_column", rule_column)},
            timeout=timeout,
        )
