"""How an app is connected: the fields that it requires, and the URL that starts OAuth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from refold_async._core.checks import check_mapping
from refold_async.api import operations
from refold_async.api.common import ApiModel
from refold_async.api.resource import Resource

AuthStructure = dict[str, dict[str, Any]]
"""The fields of each way to connect an app.

From the way (`oauth2`, `keybased`, …) to its fields, each with its type: `"string"`, or
`{"type": "string", "required": False}` if it is optional.
"""


class OAuthUrl(ApiModel, frozen=True, kw_only=True):
    """The URL on which a customer authorises an app.

    Attributes:
        auth_url: The URL at the app.
    """

    auth_url: str | None = None


class Auth(Resource):
    """How apps are connected: `refold.auth`, `account.auth`."""

    __slots__ = ()

    async def structure(self, slug: str, *, timeout: float | None = None) -> AuthStructure:
        """Fetch the fields that each way to connect an app requires.

        Calls `GET /api/v2/public/auth-structure/{slug}`, which needs no credential.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            ServerError: If there is no such app (the service answers 500).
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.AUTH_STRUCTURE, AuthStructure, slug, timeout=timeout)


class KeyAuth(Auth):
    """How one customer's apps are connected: `account.auth`."""

    __slots__ = ()

    async def oauth_url(
        self, slug: str, *, fields: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> OAuthUrl:
        """Create the URL on which this customer authorises an app by OAuth.

        Calls `GET /api/v2/public/linked-account/integration/oauth-url/{slug}`.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            fields: Input that some apps require, e.g. their subdomain, by name.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            RefoldError: If the call fails.
        """
        check_mapping("fields", fields, optional=True)
        return await self._requester.call(
            operations.AUTH_OAUTH_URL, OAuthUrl, slug, query=fields, timeout=timeout
        )
