"""Datarefs: records that a customer's workflows keep under a name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from refold_async._core.checks import check_list
from refold_async.api import operations
from refold_async.api.common import ApiModel, Dated, Environment, Record, Records
from refold_async.api.paging import Page, Paginator, PaginatorOf, paginate
from refold_async.api.resource import Resource, flag


class Dataref(Dated, frozen=True, kw_only=True):
    """Records that workflows keep under a name.

    Attributes:
        name: Its name.
        linked_account_id: The customer that it belongs to.
        org_id: The organisation's id.
        environment: `test` or `production`.
        data: The records, by their ids.
        group: Its group.
    """

    name: str | None = None
    linked_account_id: str | None = None
    org_id: str | None = None
    environment: Environment | None = None
    data: dict[str, Any] | None = None
    group: str | None = None


class DatarefTable(Page[Record], frozen=True, kw_only=True):
    """A page of a dataref's records.

    Attributes:
        items: The records; each has its `record_id`.
        headers: The names of their columns.
    """

    items: Records = msgspec.field(default_factory=list, name="rows")
    headers: list[str] | None = None


class DatarefDeletion(ApiModel, frozen=True, kw_only=True):
    """The outcome of deleting a dataref.

    Attributes:
        acknowledged: Whether the service did it.
        deleted_count: How many were deleted: 0 or 1.
    """

    acknowledged: bool | None = None
    deleted_count: int | None = msgspec.field(default=None, name="deletedCount")


class OrganisationDatarefs(Resource):
    """The datarefs of all customers: `refold.datarefs`."""

    __slots__ = ()

    def list(
        self,
        *,
        page: int | None = None,
        limit: int | None = None,
        unique: bool | None = None,
        timeout: float | None = None,
    ) -> Paginator[Dataref]:
        """List the datarefs; those of one customer, on an account.

        Calls `GET /api/v2/public/dataref`.

        Args:
            page: The number of the page, or of the first one if you iterate; default: 1.
            limit: Datarefs on a page; default: the service's, 10.
            unique: Whether to name each only once, however many customers have it.
            timeout: Deadline for each page, retries included, in seconds; default: the client's.

        Raises:
            RefoldError: If the call fails.
        """
        query = {"unique": flag(unique), "linked_account_id": self._requester.linked_account_id}
        return paginate(
            self._requester,
            operations.DATAREFS_LIST,
            Page[Dataref],
            page=page,
            limit=limit,
            query=query,
            timeout=timeout,
        )


class Datarefs(OrganisationDatarefs):
    """One customer's datarefs: `account.datarefs`."""

    __slots__ = ()

    async def create(self, ref_name: str, *, timeout: float | None = None) -> Dataref:
        """Create an empty dataref.

        Calls `POST /api/v2/public/dataref`.

        Args:
            ref_name: Its name.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            RefoldError: If the call fails.
        """
        return await self._requester.call(
            operations.DATAREFS_CREATE, Dataref, body={"refName": ref_name}, timeout=timeout
        )

    def get(
        self,
        ref_name: str,
        *,
        page: int | None = None,
        limit: int | None = None,
        timeout: float | None = None,
    ) -> PaginatorOf[Record, DatarefTable]:
        """List a dataref's records.

        Calls `GET /api/v2/public/dataref/{refName}`.

        Args:
            ref_name: Its name.
            page: The number of the page, or of the first one if you iterate; default: 1.
            limit: Records on a page; default: the service's, 100.
            timeout: Deadline for each page, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such dataref.
            RefoldError: If the call fails in any other way.
        """
        return paginate(
            self._requester,
            operations.DATAREFS_GET,
            DatarefTable,
            ref_name,
            page=page,
            limit=limit,
            timeout=timeout,
        )

    async def delete(self, ref_name: str, *, timeout: float | None = None) -> DatarefDeletion:
        """Delete a dataref with its records.

        Calls `DELETE /api/v2/public/dataref/{refName}`.

        Args:
            ref_name: Its name.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            RefoldError: If the call fails.
        """
        return await self._requester.call(
            operations.DATAREFS_DELETE, DatarefDeletion, ref_name, timeout=timeout
        )

    async def clear(self, ref_name: str, *, timeout: float | None = None) -> Dataref:
        """Delete all records of a dataref, but not the dataref.

        Calls `PUT /api/v2/public/dataref/{refName}/clear-records`.

        Args:
            ref_name: Its name.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such dataref.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.DATAREFS_CLEAR, Dataref, ref_name, timeout=timeout)

    async def edit_group(self, ref_names: Sequence[str], group: str, *, timeout: float | None = None) -> None:
        """Assign datarefs to a group.

        Calls `PUT /api/v2/public/datarefs/group`.

        Args:
            ref_names: The names of the datarefs.
            group: The group; an empty string removes them from their group.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            RefoldError: If the call fails.
        """
        body = {"refNames": check_list("ref_names", ref_names), "group": group}
        await self._requester.call(operations.DATAREFS_EDIT_GROUP, type(None), body=body, timeout=timeout)
