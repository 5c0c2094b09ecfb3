"""MCP servers: what an organisation offers to agents."""

from __future__ import annotations

from refold_async.sandbox.documents import DocumentStore, given
from refold_async.sandbox.params import page_of, require, settable
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import SandboxResponse, envelope, success
from refold_async.sandbox.routing import Route
from refold_async.sandbox.state import Organisation

SETTABLE = (
    "name",
    "description",
    "associated_apps",
    "suggestions",
    "agent_name",
    "primary_color",
    "secondary_color",
    "chains",
    "base_prompt",
    "safe_mode",
)


class McpServerStore(DocumentStore):
    """The MCP servers of an organisation."""

    def __init__(self, organisation: Organisation) -> None:
        super().__init__(organisation, envelope(404, "MCPEntry not found"))


async def list_servers(request: SandboxRequest) -> SandboxResponse:
    """Return a page of the servers, newest first."""
    return page_of(request, list(_servers(request))[::-1])


async def create(request: SandboxRequest) -> SandboxResponse:
    """Create a server from a name and a description."""
    require(request.params, "name", "description")
    server = _servers(request).add(
        {
            **settable(request.params, ("name", "description")),
            "associated_org_id": request.organisation.id,
            "environment": request.organisation.environment,
            "associated_apps": [],
            "chains": [],
            "suggestions": [],
            "notebooks": [],
        }
    )
    return success(given(server, ("_id", "name", "description")), 201)


async def get(request: SandboxRequest) -> SandboxResponse:
    """Return the whole record."""
    return success(_servers(request).get(request.path_params["mcp_server_id"]))


async def update(request: SandboxRequest) -> SandboxResponse:
    """Update the fields in the body."""
    fields = settable(request.params, SETTABLE)
    return success(_servers(request).update(request.path_params["mcp_server_id"], fields))


async def delete(request: SandboxRequest) -> SandboxResponse:
    """Delete a server; the response is empty."""
    _servers(request).remove(request.path_params["mcp_server_id"])
    return SandboxResponse(204, b"")


def _servers(request: SandboxRequest) -> McpServerStore:
    return request.organisation.own(McpServerStore)


_BASE = "/api/v2/public/mcp-servers"
_ONE = _BASE + "/{mcp_server_id}"

ROUTES = (
    Route("mcp_servers.list", "GET", _BASE, list_servers, "account"),
    Route("mcp_servers.create", "POST", _BASE, create, "account"),
    Route("mcp_servers.get", "GET", _ONE, get, "account"),
    Route("mcp_servers.update", "PUT", _ONE, update, "account"),
    Route("mcp_servers.delete", "DELETE", _ONE, delete, "account"),
)
