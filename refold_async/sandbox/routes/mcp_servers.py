"""MCP servers: what an organisation offers to agents."""

from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import Reply, envelope, success
from refold_async.sandbox.resources.documents import Documents, given
from refold_async.sandbox.resources.paging import page_of
from refold_async.sandbox.resources.reading import require
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


class McpServers(Documents):
    """The MCP servers of an organisation."""

    def __init__(self, organisation: Organisation) -> None:
        super().__init__(organisation, envelope(404, "MCPEntry not found"))


async def list_servers(call: Call) -> Reply:
    """A page of them, the newest first."""
    return page_of(call, list(_servers(call))[::-1])


async def create(call: Call) -> Reply:
    """A server of a name and a description."""
    require(call.params, "name", "description")
    server = _servers(call).add(
        {
            **given(call.params, ("name", "description")),
            "associated_org_id": call.organisation.id,
            "environment": call.organisation.environment,
            "associated_apps": [],
            "chains": [],
            "suggestions": [],
            "notebooks": [],
        }
    )
    return success(given(server, ("_id", "name", "description")), 201)


async def get(call: Call) -> Reply:
    """The whole record."""
    return success(_servers(call).get(call.path_params["mcp_server_id"]))


async def update(call: Call) -> Reply:
    """Change the fields that came."""
    fields = given(call.params, SETTABLE)
    return success(_servers(call).update(call.path_params["mcp_server_id"], fields))


async def delete(call: Call) -> Reply:
    """Delete one; the answer is empty."""
    _servers(call).remove(call.path_params["mcp_server_id"])
    return Reply(204, b"")


def _servers(call: Call) -> McpServers:
    return call.organisation.own(McpServers)


_BASE = "/api/v2/public/mcp-servers"
_ONE = _BASE + "/{mcp_server_id}"

ROUTES = (
    Route("mcp_servers.list", "GET", _BASE, list_servers, "account"),
    Route("mcp_servers.create", "POST", _BASE, create, "account"),
    Route("mcp_servers.get", "GET", _ONE, get, "account"),
    Route("mcp_servers.update", "PUT", _ONE, update, "account"),
    Route("mcp_servers.delete", "DELETE", _ONE, delete, "account"),
)
