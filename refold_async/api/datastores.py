"""Datastores: what the workflows of a customer's config have stored."""

from __future__ import annotations

from collections.abc import Mapping

from refold_async._core.checks import check_mapping
from refold_async.api import operations
from refold_async.api.common import Record, Records
from refold_async.api.resource import Resource

Names = list[str]


class Datastores(Resource):
    """Data stored by one customer's workflows: `account.datastores`."""

    __slots__ = ()

    async def list(self, slug: str, *, config_id: str | None = None, timeout: float | None = None) -> Names:
        """List the names of a config's datastores.

        Calls `GET /api/v2/public/datastore/config/{slug}`.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            config_id: The config; default: the customer's own.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such config.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(
            operations.DATASTORES_LIST, Names, slug, query={"config_id": config_id}, timeout=timeout
        )

    async def records(
        self, slug: str, datastore_name: str, *, config_id: str | None = None, timeout: float | None = None
    ) -> Records:
        """Fetch all records of a datastore.

        Calls `GET /api/v2/public/datastore/config/{slug}/{datastore_name}/records`.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            datastore_name: The datastore's name.
            config_id: The config; default: the customer's own.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such config or datastore.
            RefoldError: If the call fails in any other way.
        """
        query = {"config_id": config_id}
        return await self._requester.call(
            operations.DATASTORES_RECORDS, list[Record], slug, datastore_name, query=query, timeout=timeout
        )

    async def search(
        self,
        slug: str,
        datastore_name: str,
        fields: Mapping[str, object],
        *,
        config_id: str | None = None,
        timeout: float | None = None,
    ) -> Records:
        """Find the records of a datastore whose fields match.

        Calls `POST /api/v2/public/datastore/config/{slug}/{datastore_name}/search`, which only reads.

        Args:
            slug: The app's slug, e.g. `hubspot`.
            datastore_name: The datastore's name.
            fields: A regular expression for each field that must match; case is ignored.
            config_id: The config; default: the customer's own.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such config or datastore.
            RefoldError: If the call fails in any other way.
        """
        query = {"config_id": config_id}
        return await self._requester.call(
            operations.DATASTORES_SEARCH,
            list[Record],
            slug,
            datastore_name,
            query=query,
            body=check_mapping("fields", fields),
            timeout=timeout,
        )
