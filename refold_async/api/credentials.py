"""Credentials: a customer's own, handed over by the organisation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from refold_async._core import responses
from refold_async._core.checks import check_mapping
from refold_async._core.responses import Response
from refold_async.api import operations
from refold_async.api.common import Confirmation, Record
from refold_async.api.resource import Resource
from refold_async.errors import RefusedError

if TYPE_CHECKING:
    Change = Literal["added", "updated"] | str
else:
    Change = str


class SavedCredential(Confirmation, frozen=True, kw_only=True):
    """The outcome of saving a credential.

    Attributes:
        action: `added` or `updated`.
    """

    action: Change | None = None


class Migration(Confirmation, frozen=True, kw_only=True):
    """The outcome of importing a connection.

    Attributes:
        error: The reason, if it failed.
    """

    error: str | None = None


class Credentials(Resource):
    """The customer's credentials for the organisation's own app: `account.credentials`."""

    __slots__ = ()

    async def upsert(self, key: str, value: object, *, timeout: float | None = None) -> SavedCredential:
        """Save one credential for the organisation's own app, replacing one of that name.

        Calls `PUT /api/v2/public/linked-account/default-app/auth-credentials/{key}`.

        Args:
            key: The credential's name.
            value: Its value: any JSON value. The service stores it encrypted.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If the linked account has no connection to the organisation's own app.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(
            operations.CREDENTIALS_UPSERT, SavedCredential, key, body={"value": value}, timeout=timeout
        )

    async def delete(self, key: str, *, timeout: float | None = None) -> Confirmation:
        """Delete one credential for the organisation's own app.

        Calls `DELETE /api/v2/public/linked-account/default-app/auth-credentials/{key}`.

        Args:
            key: The credential's name.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such credential.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.CREDENTIALS_DELETE, Confirmation, key, timeout=timeout)


class KeyCredentials(Credentials):
    """The customer's credentials, for its apps too: `account.credentials`."""

    __slots__ = ()

    async def save_keys(
        self,
        slug: str,
        fields: Mapping[str, object],
        *,
        auth_type: str | None = None,
        timeout: float | None = None,
    ) -> Record:
        """Connect an app by its keys.

        Calls `PUT /api/v2/public/linked-account/integration/save-key-credentials/{slug}`.

        Args:
            slug: The app's slug, e.g. `netsuite`.
            fields: The fields that `auth.structure` names for the app, by name.
            auth_type: How to connect it, if not the app's default way.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            ServerError: If the app refused the credentials (the service answers 500).
            RefoldError: If the call fails in any other way.
        """
        query = {"auth_type": auth_type}
        return await self._requester.call(
            operations.CREDENTIALS_SAVE_KEYS,
            Record,
            slug,
            query=query,
            body=check_mapping("fields", fields),
            timeout=timeout,
        )

    async def migrate(
        self, slug: str, auth_object: Mapping[str, object], *, timeout: float | None = None
    ) -> Migration:
        """Import a connection that was made elsewhere, with its tokens.

        Calls `PUT /api/v2/public/migrate-token`.

        Args:
            slug: The app's slug, e.g. `hubspot`; not one of the organisation's own apps.
            auth_object: The tokens, e.g. `auth.structure` names them for the app.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            RefusedError: If the service answered 200, but did not do it.
            ServerError: If the app refused the credentials (the service answers 500).
            RefoldError: If the call fails in any other way.
        """
        body = {"slug": slug, "auth_object": check_mapping("auth_object", auth_object)}
        return await self._requester.call(
            operations.CREDENTIALS_MIGRATE, Migration, body=body, timeout=timeout, read=read_migration
        )


def read_migration(answer: type[Migration], reply: Response, secret: str = "") -> Migration:
    """Read the reply to a migration.

    Raises:
        StatusError: If the reply's status is not a success.
        RefusedError: If the status is a success, but the body says that nothing was migrated.
    """
    migration = responses.read(answer, reply, secret)
    if migration.error is None and migration.success is not False:
        return migration
    said = responses.bounded(responses.redact(str(migration.error or migration.message), secret))
    raise RefusedError(f"the connection was not migrated: {said}", fate="rejected", status=reply.status)
