"""A thin HTTP client of the sandbox: no retries, no interpretation of results."""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from refold_async.sandbox import Sandbox

ACTIONS = "/api/v2/integration-schema"
APPLICATIONS = "/api/v2/public/application"


async def until(condition: Callable[[], object]) -> None:
    """Wait until the other side of a socket has acted."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - the other side has no event to give
            await asyncio.sleep(0.002)


@dataclass
class Answer:
    status: int
    body: bytes
    headers: Mapping[str, str]

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        assert self.status == 200, self.body
        assert self.json["node_status"] == "Success", self.json
        return self.json["data"]


class RawClient:
    """Calls a sandbox as one linked account."""

    def __init__(self, sandbox: Sandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.session = session

    async def call(self, method: str, path: str, **more: Any) -> Answer:
        async with self.session.request(method, self.sandbox.base_url + path, **more) as response:
            return Answer(response.status, await response.read(), response.headers)

    def headers(self, account: str | None = "demo-user-1", key: str | None = None) -> dict[str, str]:
        named = {} if account is None else {"linked_account_id": account}
        return {"x-api-key": key or self.sandbox.api_key, **named}

    async def get(self, path: str, account: str | None = "demo-user-1", **more: Any) -> Answer:
        return await self.call("GET", path, headers=self.headers(account), **more)

    async def execute(
        self, slug: str, action_id: str, params: object = None, account: str = "demo-user-1"
    ) -> Answer:
        path = f"{ACTIONS}/{slug}/actions/{action_id}/execute"
        return await self.call(
            "POST", path, headers=self.headers(account), json={} if params is None else params
        )

    async def create_contact(self, email: str = "jane@example.com", account: str = "demo-user-1") -> Answer:
        return await self.execute("hubspot", "create_contact", {"email": email}, account)
