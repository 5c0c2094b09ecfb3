"""Applications: the apps that a customer can connect, and the state of its connections."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from refold_async.api import operations
from refold_async.api.common import ApiModel, Identified
from refold_async.api.resource import Resource, flag

if TYPE_CHECKING:
    AuthType = Literal["oauth2", "keybased"] | str
else:
    AuthType = str

ConnectionState = Literal["connect", "connected", "reconnect"]
"""`connect`: never connected. `connected`: ready. `reconnect`: once connected, and must be again."""


class AuthField(ApiModel, frozen=True, kw_only=True):
    """A field that a customer fills in to connect an app."""

    name: str | None = None
    label: str | None = None
    placeholder: str | None = None
    required: bool | None = None
    type: str | None = None


class ConnectedAccount(ApiModel, frozen=True, kw_only=True):
    """One of the customer's accounts in the app.

    Attributes:
        identifier: What the app calls it: an object or a string.
        connected_at: When it was connected.
        status: `active`, …
        auth_type: How it was connected.
    """

    identifier: dict[str, Any] | str | None = None
    connected_at: datetime | None = msgspec.field(default=None, name="connectedAt")
    status: str | None = None
    auth_type: AuthType | None = None


class Application(Identified, frozen=True, kw_only=True):
    """An app, as one customer sees it.

    Attributes:
        name: Its display name.
        slug: Its identifier in calls, e.g. `hubspot`.
        type: Its type; the slug, for the apps of Refold's catalogue.
        app_id: Refold's id of it.
        description: What it is.
        icon: The URL of its logo.
        tags: Its categories.
        ecosystem: Whether it is one of an ecosystem.
        auth_type: How it is connected by default.
        auth_type_options: The fields of each way to connect it.
        auth_input_map: The fields of the default way.
        connected: Whether the customer has connected it.
        connected_accounts: The customer's accounts in it.
        reauth_required: Whether a connection that was good must be made again.
        webhook_url: Where the app sends its events.
    """

    name: str | None = None
    slug: str | None = None
    type: str | None = None
    app_id: str | None = None
    description: str | None = None
    icon: str | None = None
    tags: list[str] | None = None
    ecosystem: bool | None = None
    auth_type: AuthType | None = None
    auth_type_options: dict[str, list[AuthField]] | None = None
    auth_input_map: list[AuthField] | None = None
    connected: bool | None = None
    connected_accounts: list[ConnectedAccount] | None = None
    reauth_required: bool | None = None
    webhook_url: str | None = None

    @property
    def connection(self) -> ConnectionState:
        """What the customer's connection needs: `connect`, `connected` (nothing) or `reconnect`."""
        if self.reauth_required:
            return "reconnect"
        return "connected" if self.connected else "connect"


class Applications(Resource):
    """The apps that one customer can connect: `account.applications`."""

    __slots__ = ()

    async def list(
        self,
        *,
        slug: str | None = None,
        tags: str | None = None,
        ecosystem: bool | None = None,
        auth_type: AuthType | None = None,
        timeout: float | None = None,
    ) -> list[Application]:
        """List the apps, each with the state of the customer's connection.

        Calls `GET /api/v2/public/application`.

        Args:
            slug: Only the app with this slug, e.g. `hubspot`.
            tags: Only apps with one of these tags, separated by commas.
            ecosystem: Only apps that are, or are not, of an ecosystem.
            auth_type: Only apps that are connected this way.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            RefoldError: If the call fails.
        """
        query = {"slug": slug, "tags": tags, "ecosystem": flag(ecosystem), "auth_type": auth_type}
        return await self._requester.call(
            operations.APPLICATIONS_LIST, list[Application], query=query, timeout=timeout
        )

    async def get(self, slug: str, *, timeout: float | None = None) -> Application:
        """Fetch one app with the state of the customer's connection.

        Calls `GET /api/v2/public/application/{slug}`.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such app.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.APPLICATIONS_GET, Application, slug, timeout=timeout)
