"""Persistent tables: records that outlive the workflows that write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from refold_async._core.checks import check_list, check_mapping
from refold_async.api import operations
from refold_async.api.common import Record, Records
from refold_async.api.paging import Page, Paginator, PaginatorOf, paginate
from refold_async.api.table_columns import TableEditing
from refold_async.api.table_models import AddedRecords, CreatedTable, Table, TableRecords


class Tables(TableEditing):
    """One customer's persistent tables: `account.tables`."""

    __slots__ = ()

    def list(
        self,
        *,
        page: int | None = None,
        limit: int | None = None,
        name: str | None = None,
        timeout: float | None = None,
    ) -> Paginator[Table]:
        """List the tables.

        Calls `GET /api/v2/public/tables`.

        Args:
            page: The number of the page, or of the first one if you iterate; default: 1.
            limit: Tables on a page; default: the service's, 10.
            name: Only those whose name this regular expression matches.
            timeout: Seconds for each page with its retries; default: the client's.

        Raises:
            RefoldError: Any failure of a call.
        """
        query = {"name": name}
        return paginate(
            self._requester,
            operations.TABLES_LIST,
            Page[Table],
            page=page,
            limit=limit,
            query=query,
            timeout=timeout,
        )

    async def create(
        self, table_name: str, columns: Sequence[str], *, timeout: float | None = None
    ) -> CreatedTable:
        """Create a table, or find the one that has this name.

        Calls `POST /api/v2/public/tables`.

        Args:
            table_name: Its name.
            columns: The names of its columns, 20 at most.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            BadRequestError: The name or the columns are missing, or there are too many columns.
            RefoldError: Any other failure of a call.
        """
        check_list("columns", columns)
        named = [{"column_name": column} for column in columns]
        body = {"table_name": table_name, "columns": named}
        return await self._requester.call(operations.TABLES_CREATE, CreatedTable, body=body, timeout=timeout)

    def records(
        self,
        table_id: str,
        *,
        page: int | None = None,
        limit: int | None = None,
        timeout: float | None = None,
    ) -> PaginatorOf[Record, TableRecords]:
        """List a table's records.

        Calls `GET /api/v2/public/tables/{table_id}`.

        Args:
            table_id: The table's id.
            page: The number of the page, or of the first one if you iterate; default: 1.
            limit: Records on a page; default: the service's, 100.
            timeout: Seconds for each page with its retries; default: the client's.

        Raises:
            NotFoundError: There is no such table.
            RefoldError: Any other failure of a call.
        """
        return paginate(
            self._requester,
            operations.TABLES_RECORDS,
            TableRecords,
            table_id,
            page=page,
            limit=limit,
            timeout=timeout,
        )

    async def search(
        self, table_id: str, fields: Mapping[str, object], *, timeout: float | None = None
    ) -> Records:
        """Find the records of a table whose fields match.

        Calls `POST /api/v2/public/tables/{table_id}/search`, which only reads.

        Args:
            table_id: The table's id.
            fields: A regular expression for each column that must match.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            NotFoundError: There is no such table.
            RefoldError: Any other failure of a call.
        """
        return await self._requester.call(
            operations.TABLES_SEARCH,
            list[Record],
            table_id,
            body=check_mapping("fields", fields),
            timeout=timeout,
        )

    async def add_records(
        self,
        table_id: str,
        data: Mapping[str, object] | Sequence[Mapping[str, object]],
        *,
        timeout: float | None = None,
    ) -> AddedRecords:
        """Add records to a table, which holds 10,000 at most.

        Calls `PATCH /api/v2/public/tables/{table_id}`.

        Args:
            table_id: The table's id.
            data: A record, or several; what is under no column's name is dropped.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            NotFoundError: There is no such table.
            RefoldError: Any other failure of a call.
        """
        if not isinstance(data, Mapping):
            check_list("data", data)
        return await self._requester.call(
            operations.TABLES_ADD_RECORDS, AddedRecords, table_id, body={"data": data}, timeout=timeout
        )

    async def delete_record(self, table_id: str, record_id: str, *, timeout: float | None = None) -> Record:
        """Delete one record of a table.

        Calls `DELETE /api/v2/public/tables/{table_id}/{record_id}`.

        Args:
            table_id: The table's id.
            record_id: The record's id.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Returns:
            The record that was deleted.

        Raises:
            NotFoundError: There is no such record.
            RefoldError: Any other failure of a call.
        """
        return await self._requester.call(
            operations.TABLES_DELETE_RECORD, Record, table_id, record_id, timeout=timeout
        )

    async def delete(self, table_id: str, *, timeout: float | None = None) -> bool:
        """Delete a table; the service keeps it, marked as deleted.

        Calls `DELETE /api/v2/public/tables/{table_id}`.

        Args:
            table_id: The table's id.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Returns:
            Whether it is deleted.

        Raises:
            NotFoundError: There is no such table.
            RefoldError: Any other failure of a call.
        """
        return await self._requester.call(operations.TABLES_DELETE, bool, table_id, timeout=timeout)

    async def edit_group(self, table_ids: Sequence[str], group: str, *, timeout: float | None = None) -> None:
        """File tables under a group.

        Calls `PUT /api/v2/public/tables/group/edit`.

        Args:
            table_ids: The ids of the tables.
            group: The group; an empty text takes them out of theirs.
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            RefoldError: Any failure of a call.
        """
        body = {"tableIds": check_list("table_ids", table_ids), "group": group}
        await self._requester.call(operations.TABLES_EDIT_GROUP, type(None), body=body, timeout=timeout)
