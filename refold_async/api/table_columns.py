"""The columns of a persistent table: adding, removing and renaming them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from refold_async._core.checks import check_list, check_mapping
from refold_async.api import operations
from refold_async.api.resource import Resource
from refold_async.api.table_models import TableColumns


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
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            BadRequestError: The table has such a column, or too many.
            NotFoundError: There is no such table.
            RefoldError: Any other failure of a call.
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
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            BadRequestError: There is no such column, or none would be left.
            NotFoundError: There is no such table.
            RefoldError: Any other failure of a call.
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
            timeout: Seconds for the whole call with its retries; default: the client's.

        Raises:
            BadRequestError: There is no such column, or the new name is taken.
            NotFoundError: There is no such table.
            RefoldError: Any other failure of a call.
        """
        check_mapping("renames", renames)
        body = {"renames": [{"old_name": old, "new_name": new} for old, new in renames.items()]}
        return await self._requester.call(
            operations.TABLES_RENAME_COLUMNS, TableColumns, table_id, body=body, timeout=timeout
        )
