"""Datastores: the records that workflows keep with a config."""

from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Reply, success
from refold_async.sandbox.resources.configs import Config, Configs
from refold_async.sandbox.resources.documents import Document
from refold_async.sandbox.resources.reading import matching
from refold_async.sandbox.resources.refusals import refused_bare
from refold_async.sandbox.routing import Route


async def list_names(call: Call) -> Reply:
    """The names of a config's datastores."""
    return success(list(_config(call).datastores))


async def list_records(call: Call) -> Reply:
    """All records of a datastore."""
    return success(_records(call))


async def search(call: Call) -> Reply:
    """The records whose fields match the patterns of the body."""
    return success(matching(_records(call), call.params))


def _config(call: Call) -> Config:
    config_id = call.query("config_id") or call.account.account_id
    config = call.account.own(Configs).find(call.path_params["slug"], config_id)
    if config is None:
        raise refused_bare(404, "Config not found")
    return config


def _records(call: Call) -> list[Document]:
    records = _config(call).datastores.get(call.path_params["datastore_name"])
    if records is None:
        raise refused_bare(404, "Datastore not found")
    return records


_BASE = "/api/v2/public/datastore/config/{slug}"
_ONE = _BASE + "/{datastore_name}"

ROUTES = (
    Route("datastores.list", "GET", _BASE, list_names, "account_key"),
    Route("datastores.records", "GET", _ONE + "/records", list_records, "account_key"),
    Route("datastores.search", "POST", _ONE + "/search", search, "account_key", "read"),
)
