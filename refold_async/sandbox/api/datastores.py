"""Datastores: the records that workflows keep with a config."""

from __future__ import annotations

from refold_async.sandbox.api.configs import ConfigStore, StoredConfig
from refold_async.sandbox.documents import Document
from refold_async.sandbox.params import matching
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import SandboxResponse, refused_bare, success
from refold_async.sandbox.routing import Route


async def list_names(request: SandboxRequest) -> SandboxResponse:
    """Return the names of a config's datastores."""
    return success(list(_config(request).datastores))


async def list_records(request: SandboxRequest) -> SandboxResponse:
    """Return all records of a datastore."""
    return success(_records(request))


async def search(request: SandboxRequest) -> SandboxResponse:
    """Return the records whose fields match the patterns of the body."""
    return success(matching(_records(request), request.params))


def _config(request: SandboxRequest) -> StoredConfig:
    config_id = request.query("config_id") or request.account.account_id
    config = request.account.own(ConfigStore).find(request.path_params["slug"], config_id)
    if config is None:
        raise refused_bare(404, "Config not found")
    return config


def _records(request: SandboxRequest) -> list[Document]:
    records = _config(request).datastores.get(request.path_params["datastore_name"])
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
