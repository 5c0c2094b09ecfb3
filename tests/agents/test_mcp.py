"""The MCP server, driven by the official client over stdio and HTTP."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp", reason="the extra mcp is not installed")

import httpx2
import mcp_types as types
import msgspec
from mcp.client.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError

from refold_async import KeyAccount, Refold
from refold_async.agents import mcp_server
from refold_async.agents.mcp_server import make_server
from refold_async.agents.settings import ApprovalRequest, cannot_ask
from refold_async.sandbox import Fault, Sandbox

from .conftest import ACCOUNT, ALLOWED, CREATE, READ, written

ALLOW = "hubspot:get_contact,search_contacts,create_contact"
YES: Any = {"action": "accept", "content": {"approve": True}}
NO: Any = {"action": "accept", "content": {"approve": False}}
ANN = {"email": "ann@example.com", "firstname": "Ann"}
INITIALIZE = (
    b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",'
    b'"capabilities":{},"clientInfo":{"name":"test","version":"1"}}}\n'
)
MODES = ["legacy", "auto"]
CALLS = int(os.environ.get("REFOLD_MCP_CALLS", "10"))
"""Calls of each tenant; `REFOLD_MCP_CALLS=100` is the long version."""


def environment(sandbox: Sandbox) -> dict[str, str]:
    return {**os.environ, "REFOLD_API_KEY": sandbox.api_key, "REFOLD_BASE_URL": sandbox.base_url}


def stdio(sandbox: Sandbox, *arguments: str) -> StdioServerParameters:
    command = ["-m", "refold_async.cli", "mcp", "--account", ACCOUNT, "--allow", ALLOW, *arguments]
    return StdioServerParameters(command=sys.executable, args=command, env=environment(sandbox))


@pytest.mark.parametrize("ends", ["interrupt", "closed stdout"])
async def test_a_server_on_stdio_ends_although_its_client_keeps_stdin_open(
    sandbox: Sandbox, ends: str
) -> None:
    # A suite that a shell runs in the background ignores SIGINT, and its processes would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    given, pipe = stdio(sandbox), asyncio.subprocess.PIPE
    reading, writing = os.pipe()
    server = await asyncio.create_subprocess_exec(
        given.command, *given.args, stdin=pipe, stdout=writing, stderr=pipe, env=given.env
    )
    os.close(writing)
    assert server.stdin
    assert server.stderr
    with os.fdopen(reading, "rb", closefd=ends == "interrupt") as output:
        server.stdin.write(b"not JSON\n" + INITIALIZE)
        assert b"serverInfo" in await asyncio.to_thread(output.readline)
        if ends == "interrupt":
            server.send_signal(signal.SIGINT)
        else:
            os.close(reading)
            server.stdin.write(INITIALIZE)
        async with asyncio.timeout(20):
            assert await server.wait() == (130 if ends == "interrupt" else 141)
        assert await server.stderr.read() == b""


def answer_of(result: Any) -> Any:
    (content,) = result.content
    return json.loads(content.text)


def answering(**given: Any) -> Any:
    async def elicited(context: Any, params: Any) -> types.ElicitResult:
        return types.ElicitResult(**given)

    return elicited


async def test_the_official_client_over_stdio(sandbox: Sandbox) -> None:
    sandbox.connect(ACCOUNT, "hubspot")
    async with Client(stdio(sandbox)) as client:
        listed = await client.list_tools()
        assert [tool.name for tool in listed.tools] == [READ, "hubspot_search_contacts_action"]
        assert all(tool.annotations and tool.annotations.read_only_hint for tool in listed.tools)
        answer = answer_of(await client.call_tool(READ, {"limit": "2"}))
        assert len(answer["data"]["results"]) == 2
        wrong = await client.call_tool(READ, {"limt": "2"})
        assert wrong.is_error
        assert "did you mean 'limit'" in answer_of(wrong)["problems"][0]
        assert (await client.call_tool(CREATE, ANN)).is_error
    assert not written(sandbox)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("said", [YES, NO, {"action": "decline"}, {"action": "accept"}, None])
async def test_the_clients_user_approves_writes(
    sandbox: Sandbox, account: KeyAccount, mode: str, said: Any
) -> None:
    tools = await account.tools(ALLOWED, writes="ask", approve=cannot_ask)
    callback = None if said is None else answering(**said)
    async with Client(make_server(lambda: tools), mode=mode, elicitation_callback=callback) as client:
        answer = answer_of(await client.call_tool(CREATE, ANN))
    assert answer["ok"] is (said is YES)
    assert written(sandbox) == ([ANN] if said is YES else [])
    if said is None:
        assert "cannot be asked" in answer["error"]


LOOKUPS = """
from fields import BY_EMAIL
from refold_async import Lookup, Settle

def by_email(call):
    email = call.params["email"]
    params = {**BY_EMAIL, "value": email}
    found = lambda data: [each for each in data["results"] if each["properties"]["email"] == email]
    return Lookup("search_contacts", params, found=found)

SETTLE = {"hubspot": {"create_contact": Settle(by_email, after=(0,))}}
"""


async def test_look_ups_come_from_a_file(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.connect(ACCOUNT, "hubspot")
    (tmp_path / "lookups.py").write_text(LOOKUPS)
    (tmp_path / "fields.py").write_text('BY_EMAIL = {"propertyName": "email", "operator": "EQ"}')
    sandbox.faults.add(Fault(action_id="create_contact", operation="actions.execute", drop="after", times=1))
    options = ("--writes", "allow", "--settle", f"{tmp_path}/lookups.py:SETTLE")
    async with Client(stdio(sandbox, *options)) as client:
        assert answer_of(await client.call_tool(CREATE, ANN))["fate"] == "unknown"
        again = answer_of(await client.call_tool(CREATE, ANN))
    assert again["data"]["properties"]["email"] == ANN["email"]
    assert written(sandbox) == [ANN]


def test_a_question_shows_what_is_invisible_or_reorders_text() -> None:
    params = {"amount": "1\u202e00", "to": "a\u200bnn\U000e0041", "name": "Zoë 漢 🙂", "half": "\ud83d"}
    request = ApprovalRequest(account="a", slug="bank", action_id="pay", params=params, effect="write")
    shown = mcp_server._question(request)
    assert r'"1\u202e00"' in shown
    assert r'"a\u200bnn\udb40\udc41"' in shown
    assert '"Zoë 漢 🙂"' in shown
    assert json.loads(shown.partition("?\n")[2]) == params
    long = mcp_server._question(msgspec.structs.replace(request, params={"text": "x" * 5000}))
    assert "\nOnly the first 4000 of 5015 characters are shown." in long


@asynccontextmanager
async def serving(sandbox: Sandbox, *arguments: str) -> AsyncIterator[str]:
    """Run `refold mcp --http`; yield its URL."""
    command = ["-m", "refold_async.cli", "mcp", "--allow", ALLOW, "--http", "0", *arguments]
    env = environment(sandbox)
    del env["REFOLD_API_KEY"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    assert process.stdout is not None
    try:
        line = (await process.stderr.readline()).decode()
        assert re.match(r"http://\S+/mcp$", line.strip()), line
        yield line.strip()
    finally:
        process.terminate()
        out, _ = await process.communicate()
    assert out == b""


@asynccontextmanager
async def connected(url: str, token: str, **options: Any) -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http), **options) as client,
    ):
        yield client


async def tokens_of(refold: Refold, *accounts: str) -> list[str]:
    return [str((await refold.session_tokens.create(account)).token) for account in accounts]


async def test_two_tenants_over_http_are_never_crossed(sandbox: Sandbox, refold: Refold) -> None:
    accounts = (ACCOUNT, "demo-user-2")
    for account in accounts:
        sandbox.connect(account, "hubspot")
    tokens = await tokens_of(refold, *accounts)
    async with serving(sandbox, "--writes", "ask") as url:
        await refuses_wrong_tokens(url, sandbox)
        options = {"elicitation_callback": answering(**YES)}
        async with (
            connected(url, tokens[0], **options) as one,
            connected(url, tokens[1], mode="legacy", **options) as two,
        ):
            at_once = asyncio.Semaphore(40)  # each holds a connection of its client, which has 100

            async def create(client: Client, account: str, number: int) -> None:
                params = {"email": f"{number}@example.com", "company": account}
                async with at_once:
                    assert answer_of(await client.call_tool(CREATE, params))["ok"]

            clients = list(zip((one, two), accounts, strict=True))
            await asyncio.gather(*(create(*each, number) for number in range(CALLS) for each in clients))
    runs = [run for run in sandbox.ledger.runs if run.action_id == "create_contact"]
    assert len(runs) == 2 * CALLS
    assert all(run.linked_account_id == run.params["company"] for run in runs)


async def refuses_wrong_tokens(url: str, sandbox: Sandbox) -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    headers = {"Accept": "application/json, text/event-stream"}
    async with httpx2.AsyncClient(headers=headers) as http:
        for authorization in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": f"Bearer {sandbox.api_key}"},
        ):
            response = await http.post(url, json=request, headers=authorization)
            assert response.status_code == 401
            assert "hubspot" not in response.text


async def test_an_approval_is_good_once_and_for_its_request(sandbox: Sandbox, account: KeyAccount) -> None:
    tools = await account.tools(ALLOWED, writes="ask", approve=cannot_ask)
    async with Client(make_server(lambda: tools), elicitation_callback=answering(**YES)) as client:
        send = client.session.call_tool
        asked = await send(CREATE, ANN, allow_input_required=True)
        assert isinstance(asked, types.InputRequiredResult)
        approval: Any = {"approval": types.ElicitResult(**YES)}
        again: Any = {"input_responses": approval, "request_state": asked.request_state}
        with pytest.raises(MCPError):
            await send(CREATE, {"email": "b@example.com"}, **again)
        assert answer_of(await send(CREATE, ANN, **again))["ok"]
        assert not answer_of(await send(CREATE, ANN, **again))["ok"]
    assert written(sandbox) == [ANN]
