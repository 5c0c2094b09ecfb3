"""Hosted connect: a page of Refold's on which a customer connects its apps."""

from __future__ import annotations

from collections.abc import Mapping

from refold_async._core import checks
from refold_async._core.checks import check_mapping
from refold_async._core.requester import Requester
from refold_async._core.responses import RedactedRepr
from refold_async.api import operations
from refold_async.api.common import Record
from refold_async.api.resource import Resource
from refold_async.api.session_tokens import SessionTokens
from refold_async.errors import UnreadableReplyError


class ConnectUrl(RedactedRepr, frozen=True, kw_only=True):
    """The URL of a page to connect on. It contains a token, so its repr is hidden.

    Attributes:
        hosted_url: The URL.
    """

    hosted_url: str | None = None

    def __repr__(self) -> str:
        return "ConnectUrl(***)"


async def reconnect_link(
    requester: Requester,
    linked_account_id: str,
    properties: Mapping[str, object] | None,
    timeout: float | None,
) -> ConnectUrl:
    """Create a session token of a customer, and the URL of its connect page; see `Refold.reconnect_link`."""
    session = await SessionTokens(requester).create(linked_account_id, timeout=timeout)
    if session.token is None:
        raise UnreadableReplyError("the response holds no token", fate="unknown")
    page = HostedConnect(requester.for_token(session.token))
    link = await page.create_url(linked_account_id, properties, timeout=timeout)
    if link.hosted_url is None:
        raise UnreadableReplyError("the response holds no URL", fate="unknown")
    return link


class HostedConnect(Resource):
    """The page on which a customer connects its apps: `account.hosted_connect`."""

    __slots__ = ()

    async def create_url(
        self,
        linked_account_id: str,
        properties: Mapping[str, object] | None = None,
        *,
        config_id: str | None = None,
        timeout: float | None = None,
    ) -> ConnectUrl:
        """Create the URL of a page on which the customer connects its apps.

        Calls `POST /api/v2/public/connect-url`.

        Args:
            linked_account_id: Your own id for the customer, the one that the token is bound to.
            properties: Properties of the page, e.g. `base_color`, `button_color` or `redirect_url`.
            config_id: The config that the page shows.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            AuthenticationError: If the token is invalid, or has expired.
            RefoldError: If the call fails in any other way.
        """
        checks.check_text("linked_account_id", linked_account_id)
        body = check_mapping("properties", properties, optional=True) or {}
        query = {"linked_account_id": linked_account_id, "config_id": config_id}
        return await self._requester.call(
            operations.HOSTED_CONNECT_CREATE_URL, ConnectUrl, query=query, body=body, timeout=timeout
        )

    async def properties(self, *, timeout: float | None = None) -> Record:
        """Fetch the properties that `create_url` was given in this session.

        Calls `GET /api/v2/public/hosted-properties`.

        Args:
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            AuthenticationError: If the token is invalid, or has expired.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.HOSTED_CONNECT_PROPERTIES, Record, timeout=timeout)
