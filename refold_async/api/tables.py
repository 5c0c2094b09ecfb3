"""Persistent tables: records that outlive the workflows that write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from refold_async._core.checks import check_list, check_mapping
from refold_async.api import operations
from refold_async.api.common import ApiModel, Dated, Environment, Record, Records
from refold_async.api.paging import Page, Paginator, PaginatorOf, paginate
from refold_async.api.resource import Resource


class Table(Dated, frozen=True, kw_only=True):
    """A table.

    Attributes:
        name: Its name.
        org_id: The organisation's id.
        linked_account_id: The customer that it belongs to.
        environment: `test` or `production`.
        table_type: `persistent`.
        is_deleted: Whether it was deleted.
        associated_instance: The execution that made it.
        record_count: How many records it holds.
        group: Its group.
    """

    name: str | None = None
    org_id: str | None = None
    linked_account_id: str | None = None
    environment: Environment | None = None
    table_type: str | None = None
    is_deleted: bool | None = None
    associated_instance: str | None = None
    record_count: int | None = None
    group: str | None = None


class TableRecords(Page[Record], frozen=True, kw_only=True):
    """A page of a table's records; each has its `record_id`.

    Attributes:
        name: The table's name.
        columns: The names of its columns.
    """

    name: str | None = None
    columns: list[str] | None = None


class CreatedTable(ApiModel, frozen=True, kw_only=True):
    """The outcome of creating a table.

    Attributes:
        table_id: Its id.
        already_exists: Whether there was one of that name.
    """

    table_id: str | None = None
    already_exists: bool | None = None


class AddedRecords(ApiModel, frozen=True, kw_only=True):
    """Records that were added.

    Attributes:
        add_record_result: The records as they stand in the table, each with its `record_id`.
        transformed_add_data: What was made of what was sent.
    """

    add_record_result: list[Record] | None = None
    transformed_add_data: Any = None


class TableColumns(ApiModel, frozen=True, kw_only=True):
    """The columns of a table after a change.

    Attributes:
        columns: Their names.
    """

    columns: list[str] | None = None


class TableEditing(Resource):
    """Changing the columns of a customer's tables."""

    __slots__ = ()

    async def add_columns(
        self, table_id: str, columns: Sequence[str], *, timeout: float | None = None
    ) -> TableColumns:
        """Add columns to a table, which has 20 at most.

        Calls `PATCH /api/v2/public/tables/{table_id}/columns/add`.

        Args:
            table_id: The table's id.
            columns: The names of the columns to add.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            BadRequestError: If the table has such a column, or too many.
            NotFoundError: If there is no such table.
            RefoldError: If the call fails in any other way.
        """
        body = {"columns": check_list("columns", columns)}
        return await self._requester.call(
            operations.TABLES_ADD_COLUMNS, TableColumns, table_id, body=body, timeout=timeout
        )

    async def remove_columns(
        self, table_id: str, columns: Sequence[str], *, timeout: float | None = None
    ) -> TableColumns:
        """Remove columns of a table with their values; one must be left.

        Calls `DELETE /api/v2/public/tables/{table_id}/columns/remove`.

        Args:
            table_id: The table's id.
            columns: The names of the columns to remove.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            BadRequestError: If there is no such column, or none would be left.
            NotFoundError: If there is no such table.
            RefoldError: If the call fails in any other way.
        """
        body = {"columns": check_list("columns", columns)}
        return await self._requester.call(
            operations.TABLES_REMOVE_COLUMNS, TableColumns, table_id, body=body, timeout=timeout
        )

    async def rename_columns(
        self, table_id: str, renames: Mapping[str, str], *, timeout: float | None = None
    ) -> TableColumns:
        """Rename columns of a table, in one step: `{"a": "b", "b": "c"}` is two renames.

        Calls `PATCH /api/v2/public/tables/{table_id}/columns/rename`.

        Args:
            table_id: The table's id.
            renames: From each old name to the new one.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            BadRequestError: If there is no such column, or the new name is taken.
            NotFoundError: If there is no such table.
            RefoldError: If the call fails in any other way.
        """
        check_mapping("renames", renames)
        body = {"renames": [{"old_name": old, "new_name": new} for old, new in renames.items()]}
        return await self._requester.call(
            operations.TABLES_RENAME_COLUMNS, TableColumns, table_id, body=body, timeout=timeout
        )


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
            name: Only those whose name matches this regular expression.
            timeout: Deadline for each page, retries included, in seconds; default: the client's.

        Raises:
            RefoldError: If the call fails.
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
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            BadRequestError: If the name or the columns are missing, or there are too many columns.
            RefoldError: If the call fails in any other way.
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
            timeout: Deadline for each page, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such table.
            RefoldError: If the call fails in any other way.
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
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such table.
            RefoldError: If the call fails in any other way.
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
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such table.
            RefoldError: If the call fails in any other way.
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
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Returns:
            The record that was deleted.

        Raises:
            NotFoundError: If there is no such record.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(
            operations.TABLES_DELETE_RECORD, Record, table_id, record_id, timeout=timeout
        )

    async def delete(self, table_id: str, *, timeout: float | None = None) -> bool:
        """Delete a table; the service keeps it, marked as deleted.

        Calls `DELETE /api/v2/public/tables/{table_id}`.

        Args:
            table_id: The table's id.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Returns:
            Whether it is deleted.

        Raises:
            NotFoundError: If there is no such table.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(operations.TABLES_DELETE, bool, table_id, timeout=timeout)

    async def edit_group(self, table_ids: Sequence[str], group: str, *, timeout: float | None = None) -> None:
        """Assign tables to a group.

        Calls `PUT /api/v2/public/tables/group/edit`.

        Args:
            table_ids: The ids of the tables.
            group: The group; an empty string removes them from their group.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            RefoldError: If the call fails.
        """
        body = {"tableIds": check_list("table_ids", table_ids), "group": group}
        await self._requester.call(operations.TABLES_EDIT_GROUP, type(None), body=body, timeout=timeout)
