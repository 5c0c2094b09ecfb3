"""Configs: how a customer has set up an app and its workflows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from refold_async._core.checks import check_list, check_mapping
from refold_async.api import operations
from refold_async.api.common import ApiModel, Identified, Message, Record
from refold_async.api.resource import Resource, flag, given


class ConfigField(ApiModel, frozen=True, kw_only=True, omit_defaults=True):
    """A field that a customer sets. Written into a body, it leaves out what it does not hold.

    Attributes:
        id: Its id.
        name: Its display name.
        help_text: Help text to display.
        field_type: How it is filled in, e.g. `select`.
        value: Its value.
        default_value: Its default value.
        required: Whether it must be set.
        multiple: Whether it takes several values.
        hidden: Whether it is shown.
        options: The values to choose from, each with `name` and `value`.
        parent: The field that it hangs on.
        labels: The labels of a mapping.
        mapping: What is mapped to what.
        rule_columns: The columns of a rule-engine field.
        data_source: The source of its options.
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


class ConfigWorkflow(ApiModel, frozen=True, kw_only=True, omit_defaults=True):
    """A workflow in a config. Written into a body, it leaves out what it does not hold.

    Attributes:
        id: Its id.
        name: Its display name.
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


class Config(ApiModel, frozen=True, kw_only=True):
    """A customer's config of an app.

    Attributes:
        slug: The app's slug.
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
    """A config's id.

    Attributes:
        config_id: The config's id.
        tenant_config: Whether it is the tenant's.
    """

    config_id: str | None = None
    tenant_config: bool | None = None


class ToggledWorkflows(ApiModel, frozen=True, kw_only=True):
    """A config's workflows after one was switched.

    Attributes:
        workflows: All of them.
    """

    workflows: list[ConfigWorkflow] | None = None


Entries = list[ConfigEntry]
Fields = Sequence[ConfigField | Mapping[str, object]]
ConfigWorkflows = Sequence[ConfigWorkflow | Mapping[str, object]]


class Configs(Resource):
    """The customer's configs: `account.configs`."""

    __slots__ = ()

    async def list(self, slug: str, *, timeout: float | None = None) -> Entries:
        """List the ids of the customer's configs of an app.

        Calls `GET /api/v2/public/slug/{slug}/configs`.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            RefoldError: If the call fails.
        """
        return await self._requester.call(operations.CONFIGS_LIST, Entries, slug, timeout=timeout)

    async def update(
        self,
        slug: str,
        *,
        config_id: str | None = None,
        fields: Fields | None = None,
        application_data_slots: Fields | None = None,
        workflows: ConfigWorkflows | None = None,
        labels: Mapping[str, object] | None = None,
        map_fields_object: Mapping[str, object] | None = None,
        disable_field_options: bool | None = None,
        timeout: float | None = None,
    ) -> Config:
        """Replace the fields and workflows of a config.

        Calls `PUT /api/v2/public/config`.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            config_id: The config; default: the customer's own.
            fields: What is set for the whole app: each field with its `id` and `value`.
            application_data_slots: The same, by its older name.
            workflows: The workflows, each with its `id`, `enabled` and `fields`.
            labels: The labels of mappings.
            map_fields_object: The same, by its older name.
            disable_field_options: Whether to leave the fields' options out of the answer.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Returns:
            The config; its `field_errors` list the fields that were refused.

        Raises:
            NotFoundError: If there is no such config.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(
            operations.CONFIGS_UPDATE,
            Config,
            headers={"disable_field_options": flag(disable_field_options)},
            body=given(
                slug=slug,
                config_id=config_id,
                fields=check_list("fields", fields, optional=True),
                application_data_slots=check_list(
                    "application_data_slots", application_data_slots, optional=True
                ),
                workflows=check_list("workflows", workflows, optional=True),
                labels=check_mapping("labels", labels, optional=True),
                map_fields_object=check_mapping("map_fields_object", map_fields_object, optional=True),
            ),
            timeout=timeout,
        )

    async def toggle_workflow(
        self, slug: str, config_id: str, workflow_id: str, *, enabled: bool, timeout: float | None = None
    ) -> ToggledWorkflows:
        """Switch one workflow of a config on or off.

        Calls `PATCH /api/v2/public/slug/{slug}/config/{configId}/workflows/{workflowId}`.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            config_id: The config.
            workflow_id: The workflow.
            enabled: Whether it is to run.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such config.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(
            operations.CONFIGS_TOGGLE_WORKFLOW,
            ToggledWorkflows,
            slug,
            config_id,
            workflow_id,
            body={"enabled": enabled},
            timeout=timeout,
        )


class KeyConfigs(Configs):
    """The customer's configs, also made and deleted: `account.configs`."""

    __slots__ = ()

    async def get_or_create(
        self,
        slug: str,
        *,
        config_id: str | None = None,
        fields: Fields | None = None,
        application_data_slots: Fields | None = None,
        workflows: ConfigWorkflows | None = None,
        labels: Mapping[str, object] | None = None,
        map_fields_object: Mapping[str, object] | None = None,
        disable_field_options: bool | None = None,
        timeout: float | None = None,
    ) -> Config:
        """Fetch a config, and create it first if it does not exist.

        Calls `POST /api/v2/public/config`.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            config_id: The config; default: the customer's own.
            fields: What is set for the whole app: each field with its `id` and `value`.
            application_data_slots: The same, by its older name.
            workflows: The workflows, each with its `id`, `enabled` and `fields`.
            labels: The labels of mappings.
            map_fields_object: The same, by its older name.
            disable_field_options: Whether to leave the fields' options out of the answer.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such app.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(
            operations.CONFIGS_GET_OR_CREATE,
            Config,
            headers={"disable_field_options": flag(disable_field_options)},
            body=given(
                slug=slug,
                config_id=config_id,
                fields=check_list("fields", fields, optional=True),
                application_data_slots=check_list(
                    "application_data_slots", application_data_slots, optional=True
                ),
                workflows=check_list("workflows", workflows, optional=True),
                labels=check_mapping("labels", labels, optional=True),
                map_fields_object=check_mapping("map_fields_object", map_fields_object, optional=True),
            ),
            timeout=timeout,
        )

    async def get(
        self,
        slug: str,
        config_id: str | None = None,
        *,
        tenant_config: bool | None = None,
        disable_field_options: bool | None = None,
        timeout: float | None = None,
    ) -> Config:
        """Fetch a config.

        Calls `GET /api/v2/public/slug/{slug}/config/{configId}`, or without an id
        `GET /api/v2/public/slug/{slug}/config`.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            config_id: The config; default: the customer's own.
            tenant_config: Whether to fetch the tenant's.
            disable_field_options: Whether to leave the fields' options out.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such config.
            RefoldError: If the call fails in any other way.
        """
        path = (slug,) if config_id is None else (slug, config_id)
        return await self._requester.call(
            operations.CONFIGS_GET_DEFAULT if config_id is None else operations.CONFIGS_GET,
            Config,
            *path,
            headers={"disable_field_options": flag(disable_field_options)},
            body=None if tenant_config is None else {"tenant_config": tenant_config},
            timeout=timeout,
        )

    async def delete(
        self, slug: str, config_id: str | None = None, *, timeout: float | None = None
    ) -> Message:
        """Delete a config; its workflows no longer run for the customer.

        Calls `DELETE /api/v2/public/slug/{slug}/config/{configId}`, or without an id
        `DELETE /api/v2/public/slug/{slug}/config`.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            config_id: The config; default: the customer's own.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such config.
            RefoldError: If the call fails in any other way.
        """
        if config_id is None:
            return await self._requester.call(
                operations.CONFIGS_DELETE_DEFAULT, Message, slug, timeout=timeout
            )
        return await self._requester.call(
            operations.CONFIGS_DELETE, Message, slug, config_id, timeout=timeout
        )
