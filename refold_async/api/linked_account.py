"""One linked account, as seen from itself."""

from __future__ import annotations

from collections.abc import Mapping

from refold_async.api import operations
from refold_async.api.linked_accounts import LinkedAccount, account_body
from refold_async.api.resource import Resource


class OwnAccount(Resource):
    """The linked account itself: `account.linked_account`."""

    __slots__ = ()

    async def upsert(
        self,
        *,
        name: str | None = None,
        udf: Mapping[str, str] | None = None,
        auth_credentials: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> LinkedAccount:
        """Change this linked account, or create it where it does not exist yet.

        Calls `PUT /api/v2/public/linked-account`.

        Args:
            name: Its name for people.
            udf: Fields of your own, by name.
            auth_credentials: The customer's credentials for your own app, by name.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Returns:
            The linked account; its `new_account` tells whether it was made just now.

        Raises:
            RefoldError: Any failure of a call.
        """
        body = account_body(self._requester.linked_account_id, name, udf, auth_credentials)
        return await self._requester.call(
            operations.LINKED_ACCOUNTS_UPSERT, LinkedAccount, body=body, timeout=timeout
        )


class KeyOwnAccount(OwnAccount):
    """The linked account itself, reached with the API key: `account.linked_account`."""

    __slots__ = ()

    async def get(self, *, timeout: float | None = None) -> LinkedAccount:
        """Fetch this linked account.

        Calls `GET /api/v2/public/linked-account/{linked_account_id}`.

        Args:
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            NotFoundError: It does not exist.
            RefoldError: Any other failure of a call.
        """
        return await self._requester.call(
            operations.LINKED_ACCOUNTS_GET, LinkedAccount, self._account_id, timeout=timeout
        )

    async def delete_integration(
        self, slug: str, *, auth_type: str | None = None, timeout: float | None = None
    ) -> LinkedAccount:
        """Disconnect an app of this linked account.

        Calls `DELETE /api/v2/public/linked-account/integration/{slug}`.

        Args:
            slug: The app, as `hubspot`.
            auth_type: Only the connection of this kind, as `oauth2`; default: all.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Returns:
            The linked account with the integrations that are left.

        Raises:
            RefoldError: Any failure of a call.
        """
        query = {"linked_account_id": self._account_id, "auth_type": auth_type}
        return await self._requester.call(
            operations.LINKED_ACCOUNT_DELETE_INTEGRATION, LinkedAccount, slug, query=query, timeout=timeout
        )


class TokenOwnAccount(OwnAccount):
    """The linked account itself, reached with its token: `account.linked_account`."""

    __slots__ = ()

    async def get(self, *, timeout: float | None = None) -> LinkedAccount:
        """Fetch the linked account that the token is bound to.

        Calls `GET /api/v2/public/session/active-linked-account`.

        Args:
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            AuthenticationError: The token is invalid, or has expired.
            RefoldError: Any other failure of a call.
        """
        return await self._requester.call(operations.LINKED_ACCOUNT_GET, LinkedAccount, timeout=timeout)
