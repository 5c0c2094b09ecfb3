"""Persistent tables: named columns and records of one linked account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from refold_async.sandbox.apps.values import object_id
from refold_async.sandbox.documents import Document, DocumentStore, IdSequence
from refold_async.sandbox.params import items, mapping, matching, objects, page_of, pattern, require, text
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import SandboxResponse, refused, success
from refold_async.sandbox.routing import Route
from refold_async.sandbox.state import StoredAccount

MOST_COLUMNS = 20
MOST_RECORDS = 10_000


class StoredTable:
    """One table. A deleted one is kept but no longer found."""

    def __init__(self, document: Document, columns: Sequence[str], ids: IdSequence) -> None:
        self.document = document
        self.columns: list[str] = []
        self.records: dict[str, Document] = {}
        self._ids = ids
        self.add_columns(columns)

    @property
    def name(self) -> str:
        """The table's name."""
        return str(self.document["name"])

    def summary(self) -> Document:
        """Return the table as lists show it."""
        return {**self.document, "record_count": len(self.records)}

    def add(self, rows: Sequence[Mapping[str, object]]) -> list[Document]:
        """Add rows as records; values without a column are dropped."""
        if len(self.records) + len(rows) > MOST_RECORDS:
            raise refused(400, f"A table cannot have more than {MOST_RECORDS} records")
        added = [{"record_id": self._record_id(), **self._strip(row)} for row in rows]
        self.records |= {str(record["record_id"]): record for record in added}
        return added

    def remove(self, record_id: str) -> Document:
        """Remove one record and return it; refuses an unknown one."""
        record = self.records.pop(record_id, None)
        if record is None:
            raise refused(404, "Record not found")
        return record

    def add_columns(self, columns: Sequence[str]) -> None:
        """Add columns, all or none."""
        if len({*self.columns, *columns}) < len(self.columns) + len(columns):
            raise refused(400, "Duplicate columns are not allowed")
        if len(self.columns) + len(columns) > MOST_COLUMNS:
            raise refused(400, f"A table cannot have more than {MOST_COLUMNS} columns")
        self.columns += columns

    def remove_columns(self, columns: Sequence[str]) -> None:
        """Remove columns and their values, all or none; at least one column must remain."""
        self._check_known(columns)
        if not set(self.columns) - set(columns):
            raise refused(400, "A table must keep at least one column")
        self.columns = [column for column in self.columns if column not in columns]
        for record in self.records.values():
            for column in columns:
                record.pop(column, None)

    def rename_columns(self, names: Mapping[str, str]) -> None:
        """Rename columns in the table and its records, all at once: A to B and B to C do not interfere."""
        self._check_known(names)
        renamed = [names.get(column, column) for column in self.columns]
        if len(set(renamed)) < len(renamed):
            raise refused(400, "Duplicate columns are not allowed")
        self.columns = renamed
        self.records = {
            record_id: {names.get(name, name): value for name, value in record.items()}
            for record_id, record in self.records.items()
        }

    def _check_known(self, columns: Sequence[str] | Mapping[str, str]) -> None:
        unknown = [column for column in columns if column not in self.columns]
        if unknown:
            raise refused(400, f"Columns not found: {', '.join(unknown)}")

    def _strip(self, row: Mapping[str, object]) -> Document:
        return {column: row[column] for column in self.columns if column in row}

    def _record_id(self) -> str:
        return str(UUID(hex=object_id(self._ids.next()) + self._ids.next()[:8]))


class TableStore:
    """The tables of one linked account."""

    def __init__(self, account: StoredAccount) -> None:
        self._account = account
        self._ids = account.organisation.own(IdSequence)
        self._documents = DocumentStore(account.organisation)
        self._tables: dict[str, StoredTable] = {}

    def all(self) -> list[StoredTable]:
        """Return all tables that are not deleted, oldest first."""
        return [table for table in self._tables.values() if not table.document["is_deleted"]]

    def get(self, table_id: str) -> StoredTable:
        """Return a table; refuses an unknown or deleted one."""
        table = self._tables.get(table_id)
        if table is None or table.document["is_deleted"]:
            raise refused(404, "Table not found")
        return table

    def create(self, name: str, columns: Sequence[str]) -> StoredTable:
        """Create a table. The caller checks that the name is free."""
        organisation = self._account.organisation
        document: Document = {
            "org_id": organisation.id,
            "linked_account_id": self._account.account_id,
            "name": name,
            "environment": organisation.environment,
            "table_type": "persistent",
            "is_deleted": False,
        }
        table = StoredTable(document, columns, self._ids)
        table.document = self._documents.add(document)
        self._tables[str(table.document["_id"])] = table
        return table

    def set_group(self, tables: Sequence[StoredTable], group: str) -> None:
        """Set or clear the group of tables."""
        self._documents.set_group([table.document for table in tables], group)


async def list_tables(request: SandboxRequest) -> SandboxResponse:
    """Return a page of the account's tables whose names match a pattern."""
    name = pattern(request.query("name") or "")
    return page_of(
        request, [each for each in _tables(request).all() if name.search(each.name)], StoredTable.summary
    )


async def create(request: SandboxRequest) -> SandboxResponse:
    """Create a table, or return the one that already has the name."""
    if not request.params.get("table_name") or not request.params.get("columns"):
        raise refused(400, "table_name and columns are required")
    name = text(request.params, "table_name")
    columns = [text(column, "column_name") for column in objects(request.params, "columns")]
    if not all(columns):
        raise refused(400, "Each column needs a column_name")
    found = [table for table in _tables(request).all() if table.name == name]
    if found:
        return success({"table_id": found[0].document["_id"], "already_exists": True})
    return success({"table_id": _tables(request).create(name, columns).document["_id"]})


async def list_records(request: SandboxRequest) -> SandboxResponse:
    """Return a page of up to 100 records, with the columns and the name."""
    table = _table(request)
    more = {"name": table.name, "columns": table.columns}
    return page_of(request, list(table.records.values()), limit=100, more=more)


async def add_records(request: SandboxRequest) -> SandboxResponse:
    """Add one record or several."""
    table = _table(request)
    require(request.params, "data")
    single = not isinstance(request.params["data"], list)
    rows = [mapping(request.params, "data")] if single else objects(request.params, "data")
    return success({"add_record_result": table.add(rows)})


async def search(request: SandboxRequest) -> SandboxResponse:
    """Return the records whose fields match the patterns of the body."""
    return success(matching(_table(request).records.values(), request.params))


async def delete(request: SandboxRequest) -> SandboxResponse:
    """Mark a table as deleted; it is no longer found."""
    _table(request).document["is_deleted"] = True
    return success(value=True)


async def delete_record(request: SandboxRequest) -> SandboxResponse:
    """Delete one record and return it."""
    return success(_table(request).remove(request.path_params["record_id"]))


async def add_columns(request: SandboxRequest) -> SandboxResponse:
    """Add columns and return all of them."""
    table = _table(request)
    table.add_columns(_columns(request))
    return success({"columns": table.columns})


async def remove_columns(request: SandboxRequest) -> SandboxResponse:
    """Remove columns and return the remaining ones."""
    table = _table(request)
    table.remove_columns(_columns(request))
    return success({"columns": table.columns})


async def rename_columns(request: SandboxRequest) -> SandboxResponse:
    """Rename columns and return all of them."""
    table = _table(request)
    require(request.params, "renames")
    renames = objects(request.params, "renames")
    for rename in renames:
        require(rename, "old_name", "new_name")
    table.rename_columns({text(rename, "old_name"): text(rename, "new_name") for rename in renames})
    return success({"columns": table.columns})


async def set_group(request: SandboxRequest) -> SandboxResponse:
    """Set or clear the group of tables; the response is empty."""
    require(request.params, "tableIds")
    chosen = [_tables(request).get(str(each)) for each in items(request.params, "tableIds")]
    _tables(request).set_group(chosen, text(request.params, "group"))
    return SandboxResponse(204, b"")


def _tables(request: SandboxRequest) -> TableStore:
    return request.account.own(TableStore)


def _table(request: SandboxRequest) -> StoredTable:
    return _tables(request).get(request.path_params["table_id"])


def _columns(request: SandboxRequest) -> list[str]:
    require(request.params, "columns")
    columns = items(request.params, "columns")
    if not all(isinstance(column, str) and column for column in columns):
        raise refused(400, "columns must be an array of names", "VALIDATION_ERROR")
    return [str(column) for column in columns]


_BASE = "/api/v2/public/tables"
_ONE = _BASE + "/{table_id}"


ROUTES = (
    Route("tables.list", "GET", _BASE, list_tables, "account_key"),
    Route("tables.create", "POST", _BASE, create, "account_key"),
    Route("tables.records", "GET", _ONE, list_records, "account_key"),
    Route("tables.add_records", "PATCH", _ONE, add_records, "account_key"),
    Route("tables.search", "POST", _ONE + "/search", search, "account_key", "read"),
    Route("tables.delete", "DELETE", _ONE, delete, "account_key"),
    Route("tables.delete_record", "DELETE", _ONE + "/{record_id}", delete_record, "account_key"),
    Route("tables.add_columns", "PATCH", _ONE + "/columns/add", add_columns, "account_key"),
    Route("tables.remove_columns", "DELETE", _ONE + "/columns/remove", remove_columns, "account_key"),
    Route("tables.rename_columns", "PATCH", _ONE + "/columns/rename", rename_columns, "account_key"),
    Route("tables.edit_group", "PUT", _BASE + "/group/edit", set_group, "account_key"),
)
