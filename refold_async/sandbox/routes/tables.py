"""Persistent tables: create and list them, and read, add, search and delete their records."""

from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Reply, success
from refold_async.sandbox.resources.paging import page_of
from refold_async.sandbox.resources.reading import items, mapping, matching, objects, pattern, require, text
from refold_async.sandbox.resources.refusals import refused
from refold_async.sandbox.resources.tables import Table, Tables
from refold_async.sandbox.routing import Route


async def list_tables(call: Call) -> Reply:
    """A page of the account's tables whose names fit a pattern."""
    name = pattern(call.query("name") or "")
    return page_of(call, [each for each in _tables(call).all() if name.search(each.name)], Table.summary)


async def create(call: Call) -> Reply:
    """A table of a name and columns, or the one that has the name already."""
    if not call.params.get("table_name") or not call.params.get("columns"):
        raise refused(400, "table_name and columns are required")
    name = text(call.params, "table_name")
    columns = [text(column, "column_name") for column in objects(call.params, "columns")]
    if not all(columns):
        raise refused(400, "Each column needs a column_name")
    found = [table for table in _tables(call).all() if table.name == name]
    if found:
        return success({"table_id": found[0].document["_id"], "already_exists": True})
    return success({"table_id": _tables(call).create(name, columns).document["_id"]})


async def list_records(call: Call) -> Reply:
    """A page of the records, a hundred of them, with the columns and the name."""
    table = _table(call)
    more = {"name": table.name, "columns": table.columns}
    return page_of(call, list(table.records.values()), limit=100, more=more)


async def add_records(call: Call) -> Reply:
    """Add one record or several."""
    table = _table(call)
    require(call.params, "data")
    single = not isinstance(call.params["data"], list)
    rows = [mapping(call.params, "data")] if single else objects(call.params, "data")
    return success({"add_record_result": table.add(rows)})


async def search(call: Call) -> Reply:
    """The records whose fields match the patterns of the body."""
    return success(matching(_table(call).records.values(), call.params))


async def delete(call: Call) -> Reply:
    """Mark a table as deleted; from then on it is not found."""
    _table(call).document["is_deleted"] = True
    return success(value=True)


async def delete_record(call: Call) -> Reply:
    """Delete one record and answer it."""
    return success(_table(call).remove(call.path_params["record_id"]))


async def add_columns(call: Call) -> Reply:
    """Add columns and answer all."""
    table = _table(call)
    table.add_columns(_columns(call))
    return success({"columns": table.columns})


async def remove_columns(call: Call) -> Reply:
    """Remove columns and answer those that are left."""
    table = _table(call)
    table.remove_columns(_columns(call))
    return success({"columns": table.columns})


async def rename_columns(call: Call) -> Reply:
    """Rename columns and answer all."""
    table = _table(call)
    require(call.params, "renames")
    renames = objects(call.params, "renames")
    for rename in renames:
        require(rename, "old_name", "new_name")
    table.rename_columns({text(rename, "old_name"): text(rename, "new_name") for rename in renames})
    return success({"columns": table.columns})


async def set_group(call: Call) -> Reply:
    """Put tables into a group, or out of theirs; the answer is empty."""
    require(call.params, "tableIds")
    chosen = [_tables(call).get(str(each)) for each in items(call.params, "tableIds")]
    _tables(call).set_group(chosen, text(call.params, "group"))
    return Reply(204, b"")


def _tables(call: Call) -> Tables:
    return call.account.own(Tables)


def _table(call: Call) -> Table:
    return _tables(call).get(call.path_params["table_id"])


def _columns(call: Call) -> list[str]:
    require(call.params, "columns")
    columns = items(call.params, "columns")
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
