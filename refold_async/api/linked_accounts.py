"""Linked accounts: the organisation's customers, and what each has connected."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from refold_async._core import checks
from refold_async._core.checks import check_mapping
from refold_async.api import operations
from refold_async.api.common import Dated, Environment, Message
from refold_async.api.paging import Page, Paginator, paginate
from refold_async.api.resource import Resource, given


class UserField(Dated, frozen=True, kw_only=True):
    """A field of yours on a linked account.

    Attributes:
        key_name: Its name.
        key_value: Its value.
    """

    key_name: str | None = None
    key_value: str | None = None


class Integration(Dated, frozen=True, kw_only=True):
    """An app that a linked account has connected. Its credentials are never read.

    Attributes:
        type: The app's slug, or `custom`.
        name: The app's display name.
        icon: The URL of its logo.
        identifier: What the app calls the customer's account in it.
        app_id: Refold's id of the app.
        refresh_token_expired: Whether the connection can no longer renew itself.
        reauth_required: Whether the customer must connect the app again.
    """

    type: str | None = None
    name: str | None = None
    icon: str | None = None
    identifier: Any = None
    app_id: str | None = None
    refresh_token_expired: bool | None = None
    reauth_required: bool | None = None


class LinkedAccount(Dated, frozen=True, kw_only=True):
    """A linked account: one customer.

    Attributes:
        linked_account_id: Your own stable id for the customer.
        name: Its display name.
        associated_org: The organisation's id.
        environment: `test` or `production`.
        udf: Your own fields.
        integrations: The apps that it has connected.
        is_seed: Whether Refold created it as an example.
        tenant_account_id: The account that it belongs to, if any.
        new_account: After an upsert: whether it was made just now.
    """

    linked_account_id: str | None = msgspec.field(default=None, name="account_id")
    name: str | None = None
    associated_org: str | None = None
    environment: Environment | None = None
    udf: list[UserField] | None = None
    integrations: list[Integration] | None = None
    is_seed: bool | None = None
    tenant_account_id: str | None = None
    new_account: bool | None = None


class LinkedAccounts(Resource):
    """The organisation's customers: `refold.linked_accounts`."""

    __slots__ = ()

    def list(
        self,
        *,
        page: int | None = None,
        limit: int | None = None,
        env_variable_name: str | None = None,
        env_variable_value: str | None = None,
        timeout: float | None = None,
    ) -> Paginator[LinkedAccount]:
        """List the linked accounts.

        Calls `GET /api/v2/public/linked-account`.

        Args:
            page: The number of the page, or of the first one if you iterate; default: 1.
            limit: Linked accounts on a page; default: the service's, 10.
            env_variable_name: Only those that have an environment variable of this name.
            env_variable_value: Only those whose environment variable has this value.
            timeout: Deadline for each page, retries included, in seconds; default: the client's.

        Raises:
            RefoldError: If the call fails.
        """
        query = {"env_variable_name": env_variable_name, "env_variable_value": env_variable_value}
        return paginate(
            self._requester,
            operations.LINKED_ACCOUNTS_LIST,
            Page[LinkedAccount],
            page=page,
            limit=limit,
            query=query,
            timeout=timeout,
        )

    async def create(
        self,
        linked_account_id: str,
        *,
        name: str | None = None,
        udf: Mapping[str, str] | None = None,
        auth_credentials: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> LinkedAccount:
        """Create a linked account.

        Calls `POST /api/v2/public/linked-account`.

        Args:
            linked_account_id: Your own stable id for the customer: any string.
            name: Its display name.
            udf: Your own fields, by name.
            auth_credentials: The customer's credentials for your own app, by name.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            BadRequestError: If the id is taken, or cannot be one.
            RefoldError: If the call fails in any other way.
        """
        body = account_body(linked_account_id, name, udf, auth_credentials)
        return await self._requester.call(
            operations.LINKED_ACCOUNTS_CREATE, LinkedAccount, body=body, timeout=timeout
        )

    async def upsert(
        self,
        linked_account_id: str,
        *,
        name: str | None = None,
        udf: Mapping[str, str] | None = None,
        auth_credentials: Mapping[str, str] | None = None,
        timeout: float | None = None,
    ) -> LinkedAccount:
        """Update a linked account, or create it if it does not exist.

        Calls `PUT /api/v2/public/linked-account`.

        Args:
            linked_account_id: Your own stable id for the customer: any string.
            name: Its display name.
            udf: Your own fields, by name.
            auth_credentials: The customer's credentials for your own app, by name.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Returns:
            The linked account; its `new_account` says whether it was created just now.

        Raises:
            RefoldError: If the call fails.
        """
        body = account_body(linked_account_id, name, udf, auth_credentials)
        return await self._requester.call(
            operations.LINKED_ACCOUNTS_UPSERT, LinkedAccount, body=body, timeout=timeout
        )

    async def get(self, linked_account_id: str, *, timeout: float | None = None) -> LinkedAccount:
        """Fetch a linked account.

        Calls `GET /api/v2/public/linked-account/{linked_account_id}`.

        Args:
            linked_account_id: Your own id for the customer.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such linked account.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(
            operations.LINKED_ACCOUNTS_GET, LinkedAccount, linked_account_id, timeout=timeout
        )

    async def delete(self, linked_account_id: str, *, timeout: float | None = None) -> Message:
        """Delete a linked account with its connections, its installed workflows and its tokens.

        Calls `DELETE /api/v2/public/linked-account/{linked_account_id}`.

        Args:
            linked_account_id: Your own id for the customer.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such linked account.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(
            operations.LINKED_ACCOUNTS_DELETE, Message, linked_account_id, timeout=timeout
        )


def account_body(
    linked_account_id: str | None,
    name: str | None,
    udf: Mapping[str, str] | None,
    auth_credentials: Mapping[str, str] | None,
) -> dict[str, object]:
    """Make the body that creates or changes a linked account.

    Raises:
        InvalidCallError: If the id is not a non-empty string, or one of the mappings is not a mapping.
    """
    if linked_account_id is not None:
        checks.check_text("linked_account_id", linked_account_id)
    check_mapping("udf", udf, optional=True)
    check_mapping("auth_credentials", auth_credentials, optional=True)
    your_app = None if auth_credentials is None else {"auth_credentials": auth_credentials}
    return given(linked_account_id=linked_account_id, name=name, udf=udf, your_app=your_app)


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
        """Update this linked account, or create it if it does not exist.

        Calls `PUT /api/v2/public/linked-account`.

        Args:
            name: Its display name.
            udf: Your own fields, by name.
            auth_credentials: The customer's credentials for your own app, by name.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Returns:
            The linked account; its `new_account` says whether it was created just now.

        Raises:
            RefoldError: If the call fails.
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
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If it does not exist.
            RefoldError: If the call fails in any other way.
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
            slug: The app's slug, e.g. `hubspot`.
            auth_type: Only the connection of this type, e.g. `oauth2`; default: all.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Returns:
            The linked account with the integrations that are left.

        Raises:
            RefoldError: If the call fails.
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
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            AuthenticationError: If the token is invalid, or has expired.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.LINKED_ACCOUNT_GET, LinkedAccount, timeout=timeout)
