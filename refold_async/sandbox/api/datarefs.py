"""Datarefs: named maps from a record's id to its values, which workflows write and the API reads."""

from __future__ import annotations

from collections.abc import Mapping

from refold_async.sandbox.documents import Document, DocumentStore, without
from refold_async.sandbox.params import flag, items, page_of, require, text
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import SandboxResponse, envelope, refused, success
from refold_async.sandbox.routing import Route
from refold_async.sandbox.seeds import load_seeds
from refold_async.sandbox.state import Organisation, StoredAccount


class DatarefStore(DocumentStore):
    """The datarefs of all accounts; the organisation's first account starts with one that has records."""

    def __init__(self, organisation: Organisation) -> None:
        super().__init__(organisation, envelope(404, "Dataref not found", code_field="error"))
        first = next(iter(organisation.account_ids), None)
        for seed in load_seeds().datarefs if first else ():
            account = organisation.account(str(first))
            if account is not None:
                self.create(account, seed.name, dict(seed.records))

    def create(self, account: StoredAccount, name: str, data: Document) -> Document:
        """Add a dataref; refuses a name that the account already uses."""
        if any(each["name"] == name for each in self.of(account.account_id)):
            raise refused(400, f"Dataref {name} already exists", field="error")
        owner = {
            "linked_account_id": account.account_id,
            "org_id": account.organisation.id,
            "environment": account.organisation.environment,
        }
        return self.add({**owner, "name": name, "data": data, "__v": 0})

    def of(self, account_id: str | None) -> list[Document]:
        """Return the datarefs of one account, or of all."""
        return [each for each in self if account_id in (None, each["linked_account_id"])]

    def named(self, account: StoredAccount, name: str) -> Document:
        """Return an account's dataref by name; refuses an unknown one."""
        found = [each for each in self.of(account.account_id) if each["name"] == name]
        return found[0] if found else self.get("")


def rows_of(dataref: Document) -> list[Document]:
    """Return the records as rows of a table, each with its `record_id`."""
    data = dataref["data"]
    records = data.items() if isinstance(data, Mapping) else ()
    return [{"record_id": record_id, **fields} for record_id, fields in records]


async def list_datarefs(request: SandboxRequest) -> SandboxResponse:
    """Return a page of the datarefs of one account, or of all, without their records.

    With `unique`, only the oldest of each name.
    """
    found = _datarefs(request).of(request.query("linked_account_id") or request.header("linked_account_id"))
    if flag(request, "unique"):
        found = list({each["name"]: each for each in reversed(found)}.values())[::-1]
    return page_of(request, found, lambda dataref: without(dataref, "data"))


async def create(request: SandboxRequest) -> SandboxResponse:
    """Create an empty dataref for the account."""
    require(request.params, "refName", field="error")
    return success(_datarefs(request).create(request.account, text(request.params, "refName"), {}))


async def get(request: SandboxRequest) -> SandboxResponse:
    """Return the records as a table, 100 rows per page."""
    rows = rows_of(_named(request))
    headers = dict.fromkeys(name for row in rows for name in row) or ["record_id"]
    return page_of(request, rows, limit=100, name="rows", more={"headers": list(headers)})


async def delete(request: SandboxRequest) -> SandboxResponse:
    """Delete a dataref; for an unknown one, the deleted count is 0."""
    count = _datarefs(request).remove_where(
        name=request.path_params["refName"], linked_account_id=request.account.account_id
    )
    return success({"acknowledged": True, "deletedCount": count})


async def clear_records(request: SandboxRequest) -> SandboxResponse:
    """Delete all records and keep the dataref."""
    return success(_datarefs(request).update(str(_named(request)["_id"]), {"data": {}}))


async def set_group(request: SandboxRequest) -> SandboxResponse:
    """Set or clear the group of datarefs; the response is empty."""
    require(request.params, "refNames", field="error")
    datarefs = _datarefs(request)
    chosen = [datarefs.named(request.account, str(name)) for name in items(request.params, "refNames")]
    datarefs.set_group(chosen, text(request.params, "group"))
    return SandboxResponse(204, b"")


def _datarefs(request: SandboxRequest) -> DatarefStore:
    return request.organisation.own(DatarefStore)


def _named(request: SandboxRequest) -> Document:
    return _datarefs(request).named(request.account, request.path_params["refName"])


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
