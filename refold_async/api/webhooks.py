"""Webhooks: the URLs that the service notifies of events.

What arrives there is verified and read by `refold_async.webhooks`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

from msgspec import UNSET, UnsetType

from refold_async._core.checks import check_list, check_mapping
from refold_async.api import operations
from refold_async.api.common import Dated, Environment
from refold_async.api.resource import Resource, given

if TYPE_CHECKING:
    WebhookEvent = (
        Literal[
            "Connection Created",
            "Connection Deleted",
            "Connection Expired",
            "Workflow Completed",
            "Workflow Errored",
        ]
        | str
    )
    WebhookType = Literal["default", "slack", "custom"] | str
    WebhookMethod = Literal["POST", "PUT", "PATCH"] | str
else:
    WebhookEvent = WebhookType = WebhookMethod = str


class Webhook(Dated, frozen=True, kw_only=True):
    """A webhook: a URL that is called when something happens.

    Attributes:
        org_id: The organisation's id.
        environment: `test` or `production`.
        is_enabled: Whether it is called.
        webhook_events: The events it is called for.
        webhook_url: The URL to call.
        webhook_type: Whose format its body has: `default`, `slack` or `custom`.
        webhook_body: The template of its body.
        webhook_headers: Headers that it is called with.
        webhook_description: What it is for.
        description: What it is for.
        method: The HTTP method that it is called with.
        slug: The app whose events it is called for; `None` for all.
        workflow_ids: The workflows whose events it is called for; `None` for all.
        group: Its group.
    """

    org_id: str | None = None
    environment: Environment | None = None
    is_enabled: bool | None = None
    webhook_events: list[WebhookEvent] | None = None
    webhook_url: str | None = None
    webhook_type: WebhookType | None = None
    webhook_body: Any = None
    webhook_headers: dict[str, Any] | None = None
    webhook_description: str | None = None
    description: str | None = None
    method: WebhookMethod | None = None
    slug: str | None = None
    workflow_ids: list[str] | None = None
    group: str | None = None


WebhookList = list[Webhook]


class TokenWebhooks(Resource):
    """The webhooks, as far as a token may change them: `account.webhooks`."""

    __slots__ = ()

    async def create(
        self,
        webhook_url: str,
        webhook_events: Sequence[WebhookEvent],
        *,
        webhook_type: WebhookType | None = None,
        webhook_body: object | UnsetType = UNSET,
        webhook_headers: Mapping[str, str] | None = None,
        webhook_description: str | None = None,
        description: str | None = None,
        method: WebhookMethod | None = None,
        slug: str | None = None,
        workflow_ids: Sequence[str] | None = None,
        is_enabled: bool | None = None,
        group: str | None = None,
        timeout: float | None = None,
    ) -> Webhook:
        """Register a webhook.

        Calls `POST /api/v2/public/webhook`.

        Args:
            webhook_url: The URL to call: an `https://` URL of yours.
            webhook_events: The events it is called for, e.g. `Connection Expired`.
            webhook_type: Whose format its body has: `default`, `slack` or `custom`.
            webhook_body: The template of a `custom` body: any JSON.
            webhook_headers: Headers that it is called with.
            webhook_description: What it is for.
            description: What it is for.
            method: The HTTP method that it is called with; default: `POST`.
            slug: The app whose events it is called for; default: all.
            workflow_ids: The workflows whose events it is called for; default: all.
            is_enabled: Whether it is called from now on.
            group: Its group.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            BadRequestError: If an event is not known, or the URL cannot be called.
            RefoldError: If the call fails in any other way.
        """
        body = given(
            webhook_url=webhook_url,
            webhook_events=check_list("webhook_events", webhook_events),
            webhook_type=webhook_type,
            webhook_headers=check_mapping("webhook_headers", webhook_headers, optional=True),
            webhook_description=webhook_description,
            description=description,
            method=method,
            slug=slug,
            workflow_ids=check_list("workflow_ids", workflow_ids, optional=True),
            is_enabled=is_enabled,
            group=group,
        )
        return await self._requester.call(
            operations.WEBHOOKS_CREATE, Webhook, body=_with_template(body, webhook_body), timeout=timeout
        )

    async def update(
        self,
        id: str,  # noqa: A002 - the reference's own name
        *,
        webhook_url: str | None = None,
        webhook_events: Sequence[WebhookEvent] | None = None,
        webhook_type: WebhookType | None = None,
        webhook_body: object | UnsetType = UNSET,
        webhook_headers: Mapping[str, str] | None = None,
        description: str | None = None,
        method: WebhookMethod | None = None,
        slug: str | None = None,
        workflow_ids: Sequence[str] | None = None,
        is_enabled: bool | None = None,
        timeout: float | None = None,
    ) -> Webhook:
        """Change what is given of a webhook; the rest stays.

        Calls `PUT /api/v2/public/webhook/{id}`.

        Args:
            id: The webhook's id.
            webhook_url: The URL to call: an `https://` URL of yours.
            webhook_events: The events it is called for, e.g. `Connection Expired`.
            webhook_type: Whose format its body has: `default`, `slack` or `custom`.
            webhook_body: The template of a `custom` body: any JSON.
            webhook_headers: Headers that it is called with.
            description: What it is for.
            method: The HTTP method that it is called with.
            slug: The app whose events it is called for.
            workflow_ids: The workflows whose events it is called for.
            is_enabled: Whether it is called from now on.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            BadRequestError: If there is no such webhook, or an event is not known.
            RefoldError: If the call fails in any other way.
        """
        body = given(
            webhook_url=webhook_url,
            webhook_events=check_list("webhook_events", webhook_events, optional=True),
            webhook_type=webhook_type,
            webhook_headers=check_mapping("webhook_headers", webhook_headers, optional=True),
            description=description,
            method=method,
            slug=slug,
            workflow_ids=check_list("workflow_ids", workflow_ids, optional=True),
            is_enabled=is_enabled,
        )
        return await self._requester.call(
            operations.WEBHOOKS_UPDATE, Webhook, id, body=_with_template(body, webhook_body), timeout=timeout
        )

    async def delete(self, id: str, *, timeout: float | None = None) -> WebhookList:  # noqa: A002
        """Delete a webhook.

        Calls `DELETE /api/v2/public/webhook/{id}`.

        Args:
            id: The webhook's id.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Returns:
            The webhooks that are left.

        Raises:
            BadRequestError: If there is no such webhook.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.WEBHOOKS_DELETE, list[Webhook], id, timeout=timeout)


class Webhooks(TokenWebhooks):
    """The organisation's webhooks: `refold.webhooks`."""

    __slots__ = ()

    async def list(self, *, timeout: float | None = None) -> WebhookList:
        """List the webhooks.

        Calls `GET /api/v2/public/webhook`.

        Args:
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            RefoldError: If the call fails.
        """
        return await self._requester.call(operations.WEBHOOKS_LIST, list[Webhook], timeout=timeout)

    async def get(self, id: str, *, timeout: float | None = None) -> Webhook:  # noqa: A002
        """Fetch a webhook.

        Calls `GET /api/v2/public/webhook/{id}`.

        Args:
            id: The webhook's id.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            BadRequestError: If there is no such webhook.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.WEBHOOKS_GET, Webhook, id, timeout=timeout)

    async def edit_group(
        self, webhook_ids: Sequence[str], group: str, *, timeout: float | None = None
    ) -> WebhookList:
        """Assign webhooks to a group.

        Calls `PUT /api/v2/public/webhooks/group/edit`.

        Args:
            webhook_ids: The ids of the webhooks.
            group: The group; an empty string removes them from their group.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Returns:
            The webhooks that were filed.

        Raises:
            RefoldError: If the call fails.
        """
        body = {"webhookIds": check_list("webhook_ids", webhook_ids), "group": group}
        return await self._requester.call(
            operations.WEBHOOKS_EDIT_GROUP, list[Webhook], body=body, timeout=timeout
        )


def _with_template(body: dict[str, object], template: object) -> dict[str, object]:
    """Add a webhook's body if it was given, also if it is `None`."""
    return body if template is UNSET else {**body, "webhook_body": template}
