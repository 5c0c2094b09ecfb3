"""Calls over a bare aiohttp session, to see how aiohttp itself reports a fault."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from .answers import POISON, good_body
from .certs import client_context
from .fault import Fault, Wire
from .steps import Request

ACTIONS_PATH = "/api/v2/integration-schema/hubspot/actions"
PATHS = {"GET": ACTIONS_PATH, "POST": f"{ACTIONS_PATH}/get_contact/execute"}
SHORT, LONG = 0.1, 10.0
"""Timeouts in seconds: for a call that must time out, and for one that must not."""


@dataclass(frozen=True, slots=True)
class Met:
    """The outcome of a bare call, the number of requests the server read for it, and the next call's outcome."""

    outcome: str
    requests: int
    next: str


@asynccontextmanager
async def bare_session() -> AsyncIterator[aiohttp.ClientSession]:
    """Open a session that keeps no cookies and trusts the test CA."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=client_context()),
        cookie_jar=aiohttp.DummyCookieJar(),
    ) as session:
        yield session


async def bare_call(
    session: aiohttp.ClientSession, base_url: str, method: str, deadline: float = LONG
) -> str:
    """Make one call; return e.g. `200 good`, `200 poison`, `500 other`, or the exception's class name."""
    path = PATHS[method]
    body = b"{}" if method == "POST" else None
    try:
        async with session.request(
            method,
            base_url + path,
            data=body,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(total=deadline),
        ) as response:
            content = await response.read()
    except (aiohttp.ClientError, TimeoutError) as error:
        return type(error).__name__
    return f"{response.status} {_kind(content, path)}"


def _kind(content: bytes, path: str) -> str:
    if POISON.encode() in content:
        return "poison"
    return "good" if content.strip() == good_body(Request("", path, (), b"", 0)) else "other"


async def meet(fault: Fault, wire: Wire, method: str, deadline: float = LONG) -> Met:
    """Make a call that meets the fault once, then another call on the same session."""
    async with fault.server(wire) as server, bare_session() as session:
        url = server.base_url(fault.host)
        if fault.warms_up:
            assert await bare_call(session, url, method) == "200 good"
            await fault.between_calls(server)
        before = len(server.requests)
        outcome = await bare_call(session, url, method, deadline)
        requests = len(server.requests) - before
        server.relieve()
        return Met(outcome, requests, await bare_call(session, url, method))
