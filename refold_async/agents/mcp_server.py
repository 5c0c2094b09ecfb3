"""An MCP server over an account's tools: on stdio for one account, over HTTP for the account of each token.

Requires the extra `mcp`.
"""

from __future__ import annotations

import errno
import hashlib
import json
import logging
import math
import os
import socket
import time
import unicodedata
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from secrets import token_urlsafe
from typing import Any, Final, TypeAlias, cast

import mcp_types as types
import uvicorn
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.stdio import stdio_server
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import AnyHttpUrl
from starlette.applications import Starlette

from refold_async import __version__
from refold_async._core.credentials import hide
from refold_async.agents.settings import ApprovalRequest, Approve, ToolOptions, cannot_ask
from refold_async.agents.stdin_lines import stdin_lines
from refold_async.agents.toolset import Tools
from refold_async.client import SessionManager
from refold_async.errors import RefoldError, SettingsError, name_error

logger: Final = logging.getLogger("refold_async")

NAME: Final = "refold"
_APPROVAL: Final = "approval"
_APPROVAL_SECONDS: Final = 300.0
_VERIFIED_SECONDS: Final = 60.0
_MOST_TOKENS: Final = 1000
_LONGEST_SHOWN: Final = 4000
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_BACKLOG: Final = 2048
_FORM: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"approve": {"type": "boolean", "title": "Approve this call"}},
    "required": ["approve"],
}

Context: TypeAlias = ServerRequestContext[Any, Any]


def make_server(tools_of: Callable[[], Tools]) -> Server[Any]:
    """Return a server of tools.

    Args:
        tools_of: Returns the tools of the request that is handled.
    """
    approvals = _Approvals()

    async def list_tools(_: Context, __: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[types.Tool.model_validate(each) for each in tools_of().mcp()])

    async def call_tool(
        context: Context, params: types.CallToolRequestParams
    ) -> types.CallToolResult | types.InputRequiredResult:
        asked: list[ApprovalRequest] = []
        approve = approvals.approver(context, params, asked)
        answer = await tools_of().call(params.name, params.arguments, approve=approve)
        if asked:
            return approvals.ask(asked[0])
        content = types.TextContent(type="text", text=answer.to_json())
        return types.CallToolResult(content=[content], is_error=not answer.ok)

    server: Server[Any] = Server(NAME, version=__version__, on_list_tools=list_tools, on_call_tool=call_tool)
    security = RequestStateSecurity.ephemeral(ttl=_APPROVAL_SECONDS)
    server.middleware.append(RequestStateBoundary(security, default_audience=NAME))
    return server


class _Approvals:
    """Asks the users of MCP clients, by elicitation, to approve calls.

    A client of a protocol before 2026-07-28 is asked within the call. A newer one gets the question as the
    call's result, and sends the call again with the answer: an answer is good once, for the same request.
    """

    def __init__(self) -> None:
        self._pending: OrderedDict[str, tuple[float, ApprovalRequest]] = OrderedDict()

    def approver(
        self, context: Context, params: types.CallToolRequestParams, asked: list[ApprovalRequest]
    ) -> Approve:
        """Return what approves a call, or adds its request to `asked`, to be asked of the user."""
        capabilities = context.session.client_capabilities
        if capabilities is None or capabilities.elicitation is None:
            return cannot_ask
        if context.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return partial(_elicit, context)
        if params.request_state is None:
            return partial(_postpone, asked)
        since, request = self._pending.pop(params.request_state, (-math.inf, None))
        answer = (params.input_responses or {}).get(_APPROVAL)
        is_good = time.monotonic() - since <= _APPROVAL_SECONDS and _is_approval(answer)
        return partial(_compare, request if is_good else None)

    def ask(self, request: ApprovalRequest) -> types.InputRequiredResult:
        """Return the result that has the client ask its user."""
        state = token_urlsafe()
        self._pending[state] = (time.monotonic(), request)
        while len(self._pending) > _MOST_TOKENS:
            self._pending.popitem(last=False)
        form = types.ElicitRequestFormParams(message=_question(request), requested_schema=_FORM)
        return types.InputRequiredResult(
            input_requests={_APPROVAL: types.ElicitRequest(params=form)}, request_state=state
        )


async def _postpone(asked: list[ApprovalRequest], request: ApprovalRequest) -> bool:
    asked.append(request)
    return False


async def _compare(approved: ApprovalRequest | None, request: ApprovalRequest) -> bool:
    # Also another verdict needs another approval: the person has not seen it.
    return request == approved


async def _elicit(context: Context, request: ApprovalRequest) -> bool:
    return _is_approval(await context.session.elicit_form(_question(request), _FORM, context.request_id))


def _is_approval(answer: object) -> bool:
    if not isinstance(answer, types.ElicitResult) or answer.action != "accept":
        return False
    return (answer.content or {}).get("approve") is True


def _question(request: ApprovalRequest) -> str:
    shown = _visible(json.dumps(request.params, ensure_ascii=False, indent=1))
    if len(shown) > _LONGEST_SHOWN:
        note = f"Only the first {_LONGEST_SHOWN} of {len(shown)} characters are shown."
        shown = f"{shown[:_LONGEST_SHOWN]}…\n{note}"
    warning = (
        ""
        if request.verdict is None
        else f"\nAn earlier call of this action may have been done: {request.verdict}. "
        "Approving this one may run it a second time."
    )
    return f"Run {request.slug}/{request.action_id} with these parameters?\n{shown}{warning}"


def _visible(text: str) -> str:
    """Return JSON with escapes for what is not seen, or reorders the text around it.

    The model chose the parameters: a person must not approve others than those that are shown.
    """
    return "".join(
        json.dumps(char)[1:-1] if unicodedata.category(char) in _INVISIBLE and char != "\n" else char
        for char in text
    )


async def serve_stdio(tools: Tools) -> None:
    """Serve one account's tools on stdin and stdout until stdin ends.

    Raises:
        BrokenPipeError: If the client has closed stdout.
    """
    server = make_server(lambda: tools)
    try:
        with stdin_lines() as lines:
            async with stdio_server(stdin=cast("Any", lines)) as (reader, writer):
                await server.run(reader, writer, server.create_initialization_options())
    except BaseExceptionGroup as failures:
        if failures.split(BrokenPipeError)[1] is not None:
            raise
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE)) from None


class TokenTools:
    """The tools of the account of each bearer token. A token is verified by a call, again each minute.

    Args:
        manager: Calls with the tokens.
        allowed: The actions to allow; see `Account.tools`.
        options: The settings of each toolset.
    """

    def __init__(self, manager: SessionManager, allowed: Any, options: ToolOptions) -> None:
        self._manager = manager
        self._allowed = allowed
        self._options = options
        self._of_token: OrderedDict[str, tuple[float, str, Tools]] = OrderedDict()
        self._of_account: dict[str, Tools] = {}

    async def verify_token(self, token: str) -> AccessToken | None:
        """Return whose token it is, or `None` if Refold does not accept it."""
        token = hide(token)
        key = hashlib.sha256(token.encode(errors="replace")).hexdigest()
        known = self._of_token.get(key)
        if known is None or time.monotonic() - known[0] > _VERIFIED_SECONDS:
            self._of_token.pop(key, None)
            try:
                known = time.monotonic(), *await self._load(token)
            except RefoldError as error:
                logger.warning("a bearer token was not accepted: %s", name_error(error))
                return None
            self._of_token[key] = known
            while len(self._of_token) > _MOST_TOKENS:
                self._of_token.popitem(last=False)
        # The id by which sessions are told apart: a hash, which shows neither token nor account.
        return AccessToken(token=key, client_id=key, scopes=[])

    async def _load(self, token: str) -> tuple[str, Tools]:
        account = self._manager.account(token)
        own = await account.linked_account.get()
        linked_account_id = own.linked_account_id
        if not linked_account_id:
            raise SettingsError("Refold does not say whose token it is")
        known = self._of_account.get(linked_account_id)
        if known is None:
            loaded = await account.tools(self._allowed, **self._options)
            # Another token of this customer may have loaded them meanwhile: both must share what is closed.
            known = self._of_account.setdefault(linked_account_id, loaded)
        return linked_account_id, known.with_requester(account._requester)  # noqa: SLF001

    def current(self) -> Tools:
        """Return the tools of the token of the request that is handled.

        Raises:
            SettingsError: If the request has none that was verified.
        """
        verified = get_access_token()
        known = None if verified is None else self._of_token.get(verified.token)
        if known is None:
            raise SettingsError("the request has no token that was verified")
        return known[2]


def http_app(tools: TokenTools, base_url: str, host: str = "127.0.0.1") -> Starlette:
    """Return the ASGI app of a server at `/mcp` that takes its account from the bearer token alone."""
    auth = AuthSettings(issuer_url=AnyHttpUrl(base_url), resource_server_url=None)
    app: Starlette = make_server(tools.current).streamable_http_app(
        host=host, auth=auth, token_verifier=tools
    )
    return app


async def serve_http(app: Starlette, host: str, port: int, started: Callable[[int], object]) -> None:
    """Serve an app until the process is signalled to end.

    Args:
        app: The app.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        started: Called with the port, once connections are accepted.

    Raises:
        OSError: If it cannot listen there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.create_server((host, port), family=family, backlog=_BACKLOG) as listener:
        started(listener.getsockname()[1])
        config = uvicorn.Config(app, log_level="warning", access_log=False)
        await uvicorn.Server(config).serve(sockets=[listener])
