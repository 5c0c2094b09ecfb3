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
    """What became of a credential that was saved.

    Attributes:
        action: `added` or `updated`.
    """

    action: Change | None = None


class Migration(Confirmation, frozen=True, kw_only=True):
    """What became of a connection that was brought along.

    Attributes:
        error: Why it was not, where it was not.
    """

    error: str | None = None


class Credentials(Resource):
    """The customer's credentials for the organisation's own app: `account.credentials`."""

    __slots__ = ()

    async def upsert(self, key: str, value: object, *, timeout: float | None = None) -> SavedCredential:
        """Save one credential for the organisation's own app, over one of that name.

        Calls `PUT /api/v2/public/linked-account/default-app/auth-credentials/{key}`.

        Args:
            key: The credential's name.
            value: What it is: any JSON. The service keeps it encrypted.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            NotFoundError: The linked account has no connection to the organisation's own app.
            RefoldError: Any other failure of a call.
        """
        return await self._requester.call(
            operations.CREDENTIALS_UPSERT, SavedCredential, key, body={"value": value}, timeout=timeout
        )

    async def delete(self, key: str, *, timeout: float | None = None) -> Confirmation:
        """Delete one credential for the organisation's own app.

        Calls `DELETE /api/v2/public/linked-account/default-app/auth-credentials/{key}`.

        Args:
            key: The credential's name.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            NotFoundError: There is no such credential.
            RefoldError: Any other failure of a call.
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
            slug: The app, as `netsuite`.
            fields: The fields that `auth.structure` names for the app, by name.
            auth_type: The way to connect it, where it is not the app's default.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            ServerError: The app refused the credentials: the service answers 500.
            RefoldError: Any other failure of a call.
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
        """Bring along a connection that was made elsewhere, with its tokens.

        Calls `PUT /api/v2/public/migrate-token`.

        Args:
            slug: The app, as `hubspot`; none of the organisation's own.
            auth_object: The tokens, as `auth.structure` names them for the app.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            RefusedError: The service answered 200, and that it was not done.
            ServerError: The app refused the credentials: the service answers 500.
            RefoldError: Any other failure of a call.
        """
        body = {"slug": slug, "auth_object": check_mapping("auth_object", auth_object)}
        return await self._requester.call(
            operations.CREDENTIALS_MIGRATE, Migration, body=body, timeout=timeout, read=read_migration
        )


def read_migration(answer: type[Migration], reply: Response, secret: str = "") -> Migration:
    """Read the reply to a migration.

    Raises:
        StatusError: The reply's status is not a success.
        RefusedError: It is, and the body says that nothing was migrated.
    """
    migration = responses.read(answer, reply, secret)
    if migration.error is None and migration.success is not False:
        return migration
    said = responses.bounded(responses.redact(str(migration.error or migration.message), secret))
    raise RefusedError(f"the connection was not migrated: {said}", fate="rejected", status=reply.status)
