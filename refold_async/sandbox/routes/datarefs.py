"""Datarefs: list, create, read as a table, clear, delete, and put into groups."""

from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Reply, success
from refold_async.sandbox.resources.datarefs import Datarefs, rows_of
from refold_async.sandbox.resources.documents import Document, without
from refold_async.sandbox.resources.paging import page_of
from refold_async.sandbox.resources.reading import flag, items, require, text
from refold_async.sandbox.resources.refusals import not_in_sandbox
from refold_async.sandbox.routing import Route


async def list_datarefs(call: Call) -> Reply:
    """A page of an account's datarefs, or of all accounts', without their records."""
    if flag(call, "unique"):
        raise not_in_sandbox("The list of unique datarefs")
    found = _datarefs(call).of(call.query("linked_account_id") or call.header("linked_account_id"))
    return page_of(call, found, lambda dataref: without(dataref, "data"))


async def create(call: Call) -> Reply:
    """An empty dataref for the account."""
    require(call.params, "refName", field="error")
    return success(_datarefs(call).create(call.account, text(call.params, "refName"), {}))


async def get(call: Call) -> Reply:
    """The records as a table, a hundred rows a page."""
    rows = rows_of(_named(call))
    headers = dict.fromkeys(name for row in rows for name in row) or ["record_id"]
    return page_of(call, rows, limit=100, name="rows", more={"headers": list(headers)})


async def delete(call: Call) -> Reply:
    """Delete one; of an unknown one, the answer counts none."""
    count = _datarefs(call).remove_where(
        name=call.path_params["refName"], linked_account_id=call.account.account_id
    )
    return success({"acknowledged": True, "deletedCount": count})


async def clear_records(call: Call) -> Reply:
    """Let all records go and keep the dataref."""
    return success(_datarefs(call).update(str(_named(call)["_id"]), {"data": {}}))


async def set_group(call: Call) -> Reply:
    """Put datarefs into a group, or out of theirs; the answer is empty."""
    require(call.params, "refNames", field="error")
    datarefs = _datarefs(call)
    chosen = [datarefs.named(call.account, str(name)) for name in items(call.params, "refNames")]
    datarefs.set_group(chosen, text(call.params, "group"))
    return Reply(204, b"")


def _datarefs(call: Call) -> Datarefs:
    return call.organisation.own(Datarefs)


def _named(call: Call) -> Document:
    return _datarefs(call).named(call.account, call.path_params["refName"])


_BASE = "/api/v2/public/dataref"
_ONE = _BASE + "/{refName}"

ROUTES = (
    Route("datarefs.list", "GET", _BASE, list_datarefs),
    Route("datarefs.create", "POST", _BASE, create, "account_key"),
    Route("datarefs.get", "GET", _ONE, get, "account_key"),
    Route("datarefs.delete", "DELETE", _ONE, delete, "account_key"),
    Route("datarefs.clear", "PUT", _ONE + "/clear-records", clear_records, "account_key"),
    Route("datarefs.edit_group", "PUT", "/api/v2/public/datarefs/group", set_group, "account_key"),
)
