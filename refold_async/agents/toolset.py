"""`Tools`: an account's actions and workflows for a language model, and calling them for it."""

from __future__ import annotations

import asyncio
import difflib
import logging
from collections.abc import Mapping
from functools import lru_cache, partial
from time import perf_counter
from typing import Any, Final, cast
from urllib.parse import urlsplit

from anyio import move_on_after

from refold_async._core.encoding import EncodedJSON, dump
from refold_async._core.requester import Requester
from refold_async.agents.answers import UNKNOWN, Hidden, ToolAnswer, done, failed, of_error
from refold_async.agents.loading import Allowed, check_allowed, load_tools
from refold_async.agents.schemas import Provider, definition
from refold_async.agents.searching import CALL, INDIRECT, MOST_TOOLS, SEARCH, search, unwrapped
from refold_async.agents.settings import (
    ApprovalRequest,
    Approve,
    ToolOptions,
    ToolRecord,
    ToolSettings,
    cannot_ask,
)
from refold_async.agents.tool import Tool, read_arguments
from refold_async.agents.unsettled import UnsettledWrites
from refold_async.api.actions import Actions
from refold_async.api.hosted_connect import ConnectUrl, HostedConnect, reconnect_link
from refold_async.api.linked_accounts import TokenOwnAccount
from refold_async.api.workflows import Workflows
from refold_async.calls import Call, Unresolved, Verdict
from refold_async.errors import InvalidCallError, RefoldError

logger: Final = logging.getLogger("refold_async")


class Tools:
    """An account's actions as tools for a language model: `await account.tools(...)`.

    It is bound to one account, and calls nothing outside its allow-list. One event loop uses it.
    """

    def __init__(
        self,
        requester: Requester,
        tools: Mapping[str, Tool],
        settings: ToolSettings,
        unsettled: Mapping[str, UnsettledWrites] | None = None,
    ) -> None:
        self._requester = requester
        self._tools = tools
        self._settings = settings
        self._failed = partial(failed, max_bytes=settings.max_bytes)
        self._actions = Actions(requester)
        self._workflows = Workflows(requester)
        self._unsettled = unsettled or {
            name: UnsettledWrites(settings.settle_of(tool))
            for name, tool in tools.items()
            if tool.effect != "read"
        }
        self._offered = {
            name: tool for name, tool in tools.items() if tool.effect == "read" or settings.writes != "deny"
        }
        self._searches = len(self._offered) > MOST_TOOLS

    def with_requester(self, requester: Requester) -> Tools:
        """Return these tools with another credential of the same customer: what is closed stays closed."""
        return Tools(requester, self._tools, self._settings, self._unsettled)

    def __repr__(self) -> str:
        return f"Tools({list(self._tools)!r})"

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the tools that may be called."""
        return tuple(self._offered)

    @property
    def unsettled(self) -> dict[str, tuple[Call, ...]]:
        """The calls whose fate is unknown, by the name of the tool that is closed because of them."""
        return {name: each.calls for name, each in self._unsettled.items() if each.calls}

    def reopen(self, name: str) -> None:
        """Reopen a closed tool: you know what became of its `unsettled` calls."""
        self._unsettled[name].clear()

    def openai(self) -> list[dict[str, Any]]:
        """Return function tools for OpenAI's Responses API."""
        return self._definitions("openai")

    def anthropic(self) -> list[dict[str, Any]]:
        """Return tools for Anthropic's Messages API."""
        return self._definitions("anthropic")

    def gemini(self) -> list[dict[str, Any]]:
        """Return function declarations for the Gemini API."""
        return self._definitions("gemini")

    def mcp(self) -> list[dict[str, Any]]:
        """Return tools of the Model Context Protocol."""
        return self._definitions("mcp")

    def _definitions(self, provider: Provider) -> list[dict[str, Any]]:
        if self._searches:
            return [definition(provider, *each) for each in INDIRECT]
        return [_defined(provider, tool) for tool in self._offered.values()]

    async def call(
        self, name: str, arguments: object = None, *, approve: Approve | None = None
    ) -> ToolAnswer:
        """Call a tool for a model.

        Args:
            name: The tool's name, as the model gave it.
            arguments: Its arguments as the model gave them: JSON as text, or a mapping.
            approve: Approves this call instead of the toolset's `approve`.

        Returns:
            The answer, also to the model's mistakes and for a call that failed: only the host's own
            functions raise.
        """
        began = perf_counter()
        if self._searches and name == SEARCH:
            return self._search(arguments)
        if self._searches and name == CALL:
            name, arguments = unwrapped(arguments)
        tool = self._offered.get(name) if isinstance(name, str) else None
        answer = await self._call(tool, name, arguments, approve or self._settings.approve)
        self._record(tool, name, answer, perf_counter() - began)
        return answer

    async def reconnect_link(self, properties: Mapping[str, object] | None = None) -> ConnectUrl:
        """Return the link to a page on which the customer connects its apps again.

        It contains a token that acts for the customer: pass it to the customer, never to the model. With an
        API key, that is a new one; the account of a session token has only its own.

        Args:
            properties: Properties of the page, e.g. `redirect_url`.

        Raises:
            InvalidCallError: If this is the account of a token, and the service does not say whose it is.
            RefoldError: If a call fails.
        """
        requester, timeout = self._requester, self._settings.timeout
        if requester.linked_account_id is not None:
            return await reconnect_link(requester, requester.linked_account_id, properties, timeout)
        own = await TokenOwnAccount(requester).get(timeout=timeout)
        if not own.linked_account_id:
            raise InvalidCallError("no link: the service does not say whose token this account has")
        page = HostedConnect(requester)
        return await page.create_url(own.linked_account_id, properties, timeout=timeout)

    async def _call(
        self, tool: Tool | None, name: object, arguments: object, approve: Approve | None
    ) -> ToolAnswer:
        if tool is None:
            return self._failed(self._unknown(name), retry=True)
        params = read_arguments(tool, arguments)
        if isinstance(params, list):
            return self._failed("the arguments are wrong; correct them", retry=True, problems=params)
        if tool.effect == "read":
            return await self._run(tool, params)
        async with self._unsettled[tool.name].lock:
            return await self._write(tool, params, approve)

    def _unknown(self, name: object) -> str:
        if isinstance(name, str) and name in self._tools:
            return f"{name} changes data, which is not allowed"
        near = difflib.get_close_matches(str(name)[:200], list(self._offered), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        return f"there is no tool {str(name)[:100]!r}{hint}"

    async def _write(self, tool: Tool, params: EncodedJSON, approve: Approve | None) -> ToolAnswer:
        settings, unsettled = self._settings, self._unsettled[tool.name]
        call = Call(
            self._requester.linked_account_id or "",
            tool.slug,
            tool.target,
            cast("Any", params),
            effect=tool.effect,
        )
        verdict = await unsettled.verdict(self._actions, _now())
        if (written := unsettled.written(call)) is not None:
            return await self._written_before(*written)
        if settings.writes == "ask" or isinstance(verdict, Unresolved):
            refusal = await self._refusal(tool, call, verdict, approve)
            if refusal is not None:
                return refusal
            unsettled.clear()
        try:
            answer = await self._run(tool, params)
        except BaseException:
            if tool.effect == "write":
                # A cancelled call may have been sent: without this, its repetition would run twice.
                unsettled.add(call, _now())
            raise
        if answer.fate == "unknown" and tool.effect == "write":
            unsettled.add(call, _now())
        return answer

    async def _written_before(self, record: Any, same: bool) -> ToolAnswer:  # noqa: FBT001 - a pair
        hidden = await self._hidden()
        if same:
            note = "an earlier call whose fate was unknown had done this: nothing was done now"
            return done(dump(record), hidden, self._settings.max_bytes, note)
        error = "an earlier call whose fate was unknown had written this record: nothing was done now"
        return self._failed(error, record=hidden.out_of_data(dump(record)))

    async def _refusal(
        self, tool: Tool, call: Call, verdict: Verdict | None, approve: Approve | None
    ) -> ToolAnswer | None:
        """Ask the host; return the answer to a call that it does not approve."""
        if approve is not None:
            request = ApprovalRequest(
                account=self._requester.linked_account_id,
                slug=tool.slug,
                action_id=tool.target,
                params=call.params or {},
                effect=tool.effect,
                verdict=verdict,
            )
            if await _approved(approve, request, self._settings.approval_timeout):
                return None
        if isinstance(verdict, Unresolved):
            return self._failed(f"not done: of an earlier call, {UNKNOWN}", verdict=verdict)
        why = "the user did not approve it"
        if approve is cannot_ask:
            why = "the user cannot be asked to approve it here"
        return self._failed(f"not done: {why}. Do not repeat it")

    async def _run(self, tool: Tool, params: EncodedJSON) -> ToolAnswer:
        try:
            raw = await self._raw(tool, params)
        except RefoldError as error:
            return of_error(error, tool.effect, await self._hidden(), self._settings.max_bytes)
        return done(raw, await self._hidden(), self._settings.max_bytes)

    async def _raw(self, tool: Tool, params: EncodedJSON) -> bytes:
        timeout = self._settings.timeout
        if tool.kind == "action":
            sent = cast("Any", params)
            result = await self._actions.execute(
                tool.slug, tool.target, sent, effect=tool.effect, timeout=timeout
            )
            return bytes(result.raw)
        payload = params.decode()
        outcome = await self._workflows.execute_and_wait(
            tool.target, tool.slug, payload, effect=tool.effect, timeout=timeout
        )
        return dump(outcome.return_value)

    async def _hidden(self) -> Hidden:
        try:
            session = await self._requester.session()
        except RefoldError:
            return Hidden(names=_names(self._requester.linked_account_id, ""))
        return Hidden(session.secret, _names(self._requester.linked_account_id, session.base_url))

    def _search(self, arguments: object) -> ToolAnswer:
        found = search(arguments, self._offered.values())
        if isinstance(found, str):
            return self._failed(found, retry=True)
        shown = dump([_defined("anthropic", tool) for tool in found])
        return done(shown, Hidden(), self._settings.max_bytes)

    def _record(self, tool: Tool | None, name: object, answer: ToolAnswer, seconds: float) -> None:
        if self._settings.on_call is None:
            return
        record = ToolRecord(
            tool=str(name),
            account=self._requester.linked_account_id,
            slug=None if tool is None else tool.slug,
            action_id=None if tool is None else tool.target,
            effect=None if tool is None else tool.effect,
            ok=answer.ok,
            fate=answer.fate,
            needs_reconnect=answer.needs_reconnect,
            seconds=seconds,
        )
        try:
            self._settings.on_call(record)
        except Exception:  # an observer must not change what the model is told of a call
            logger.warning("on_call raised an exception", exc_info=True)


@lru_cache(maxsize=64)
def _names(account: str | None, base_url: str) -> tuple[str, ...]:
    parts = urlsplit(base_url)
    return tuple(dict.fromkeys(each for each in (account, parts.netloc, parts.hostname) if each))


async def _approved(approve: Approve, request: ApprovalRequest, timeout: float) -> bool:
    """Ask, and refuse if nobody answers in time. Anything but `True`, e.g. a string, approves nothing."""
    with move_on_after(timeout):
        return await approve(request) is True
    return False


def _defined(provider: Provider, tool: Tool) -> dict[str, Any]:
    return definition(provider, tool.name, tool.description, tool.schema, tool.effect)


def _now() -> float:
    return asyncio.get_running_loop().time()


async def make_tools(requester: Requester, allowed: Allowed, options: ToolOptions) -> Tools:
    """Load an account's tools; see `Account.tools`."""
    settings = ToolSettings(**options)
    check_allowed("allowed", allowed, unsafe=settings.unsafe)
    tools = await load_tools(
        Actions(requester), Workflows(requester), allowed, settings.workflows, settings.effects
    )
    settings.check_known(tools.values())
    writing = [name for name, tool in tools.items() if tool.effect != "read"]
    if writing and settings.writes == "deny":
        logger.warning('not offered, as writes is "deny": %s', ", ".join(writing))
    return Tools(requester, tools, settings)
