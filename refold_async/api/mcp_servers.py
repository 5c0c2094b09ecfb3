"""MCP servers: what agents may use of a customer's apps and workflows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from refold_async._core.checks import check_list
from refold_async.api import operations
from refold_async.api.common import ApiModel, Dated, Environment, Record
from refold_async.api.paging import Page, Paginator, paginate
from refold_async.api.resource import Resource, given


class McpSuggestion(ApiModel, frozen=True, kw_only=True):
    """A prompt to suggest to users.

    Attributes:
        name: What it is called.
        prompt: The prompt.
    """

    name: str | None = None
    prompt: str | None = None


class McpApp(ApiModel, frozen=True, kw_only=True, omit_defaults=True):
    """An app that an MCP server offers.

    Attributes:
        slug: The app's slug.
        workflows: The ids of its workflows that are offered.
        actions: The ids of its actions that are offered.
    """

    slug: str | None = None
    workflows: list[str] | None = None
    actions: list[str] | None = None


class McpServer(Dated, frozen=True, kw_only=True):
    """An MCP server.

    Attributes:
        name: Its name.
        description: What it is for.
        associated_apps: What it offers.
        associated_org_id: The organisation's id.
        environment: `test` or `production`.
        agent_name: The name of its agent.
        base_prompt: The first prompt of its agent.
        safe_mode: Whether its agent asks before it changes anything.
        suggestions: Prompts that are suggested.
        primary_color: The first colour of its page.
        secondary_color: The second.
        chains: Its chains.
        notebooks: Its notebooks.
    """

    name: str | None = None
    description: str | None = None
    associated_apps: list[McpApp] | None = None
    associated_org_id: str | None = None
    environment: Environment | None = None
    agent_name: str | None = None
    base_prompt: str | None = None
    safe_mode: bool | None = None
    suggestions: list[McpSuggestion] | None = None
    primary_color: str | None = None
    secondary_color: str | None = None
    chains: list[Record] | None = None
    notebooks: list[Record] | None = None


class McpServers(Resource):
    """The MCP servers, as one customer reaches them: `account.mcp_servers`."""

    __slots__ = ()

    def list(
        self, *, page: int | None = None, limit: int | None = None, timeout: float | None = None
    ) -> Paginator[McpServer]:
        """List the MCP servers, the newest first.

        Calls `GET /api/v2/public/mcp-servers`.

        Args:
            page: The number of the page, or of the first one if you iterate; default: 1.
            limit: MCP servers on a page; default: the service's, 10.
            timeout: Deadline for each page, retries included, in seconds; default: the client's.

        Raises:
            RefoldError: If the call fails.
        """
        return paginate(
            self._requester,
            operations.MCP_SERVERS_LIST,
            Page[McpServer],
            page=page,
            limit=limit,
            timeout=timeout,
        )

    async def create(self, name: str, description: str, *, timeout: float | None = None) -> McpServer:
        """Create an MCP server.

        Calls `POST /api/v2/public/mcp-servers`.

        Args:
            name: Its name.
            description: What it is for.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            BadRequestError: If the name or the description is missing.
            RefoldError: If the call fails in any other way.
        """
        body = {"name": name, "description": description}
        return await self._requester.call(
            operations.MCP_SERVERS_CREATE, McpServer, body=body, timeout=timeout
        )

    async def get(self, mcp_server_id: str, *, timeout: float | None = None) -> McpServer:
        """Fetch an MCP server.

        Calls `GET /api/v2/public/mcp-servers/{mcp_server_id}`.

        Args:
            mcp_server_id: Its id.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such MCP server.
            RefoldError: If the call fails in any other way.
        """
        return await self._requester.call(
            operations.MCP_SERVERS_GET, McpServer, mcp_server_id, timeout=timeout
        )

    async def update(
        self,
        mcp_server_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        associated_apps: Sequence[McpApp | Mapping[str, object]] | None = None,
        suggestions: Sequence[McpSuggestion | Mapping[str, object]] | None = None,
        agent_name: str | None = None,
        base_prompt: str | None = None,
        safe_mode: bool | None = None,
        primary_color: str | None = None,
        secondary_color: str | None = None,
        chains: Sequence[Mapping[str, object]] | None = None,
        timeout: float | None = None,
    ) -> McpServer:
        """Change what is given of an MCP server; the rest stays.

        Calls `PUT /api/v2/public/mcp-servers/{mcp_server_id}`.

        Args:
            mcp_server_id: Its id.
            name: Its name.
            description: What it is for.
            associated_apps: What it offers.
            suggestions: Prompts that are suggested.
            agent_name: The name of its agent.
            base_prompt: The first prompt of its agent.
            safe_mode: Whether its agent asks before it changes anything.
            primary_color: The first colour of its page.
            secondary_color: The second.
            chains: Its chains.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such MCP server.
            RefoldError: If the call fails in any other way.
        """
        body = given(
            name=name,
            description=description,
            associated_apps=check_list("associated_apps", associated_apps, optional=True),
            suggestions=check_list("suggestions", suggestions, optional=True),
            agent_name=agent_name,
            base_prompt=base_prompt,
            safe_mode=safe_mode,
            primary_color=primary_color,
            secondary_color=secondary_color,
            chains=check_list("chains", chains, optional=True),
        )
        return await self._requester.call(
            operations.MCP_SERVERS_UPDATE, McpServer, mcp_server_id, body=body, timeout=timeout
        )

    async def delete(self, mcp_server_id: str, *, timeout: float | None = None) -> None:
        """Delete an MCP server.

        Calls `DELETE /api/v2/public/mcp-servers/{mcp_server_id}`.

        Args:
            mcp_server_id: Its id.
            timeout: Deadline of the whole call, retries included, in seconds; default: the client's.

        Raises:
            NotFoundError: If there is no such MCP server.
            RefoldError: If the call fails in any other way.
        """
        await self._requester.call(operations.MCP_SERVERS_DELETE, type(None), mcp_server_id, timeout=timeout)
