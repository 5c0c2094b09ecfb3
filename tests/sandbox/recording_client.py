"""An HTTP client that calls operations by their documented paths and keeps every response."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import aiohttp

from refold_async.sandbox import Sandbox

V2 = "/api/v2/public"
SCHEDULED = "/api/v1/workflow/public/scheduled"
ME = "user_12345"
UNKNOWN_ID = "699fec7a5bd27ed2af7243ad"

Key = tuple[str, str, int]


@dataclass
class RecordingClient:
    """Calls operations by their documented paths and keeps every response; `status` is the latest one."""

    sandbox: Sandbox
    session: aiohttp.ClientSession
    status: int = 0
    answers: dict[Key, list[Any]] = field(default_factory=lambda: defaultdict(list))

    async def call(
        self,
        method: str,
        template: str,
        *path: str,
        json: object = None,
        data: aiohttp.FormData | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        account: str | None = ME,
        token: str | None = None,
        key: str | None = None,
    ) -> Any:
        """Send one request and return the decoded body of its response."""
        values = iter(path)
        url = self.sandbox.base_url + re.sub(r"{\w+}", lambda _: quote(next(values), safe=""), template)
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        else:
            sent |= {"x-api-key": key or self.sandbox.api_key}
            sent |= {} if account is None else {"linked_account_id": account}
        async with self.session.request(
            method, url, json=json, data=data, params=query, headers=sent
        ) as response:
            body = await response.json() if await response.read() else None
            self.status = response.status
            self.answers[method, template, response.status].append(body)
            return body

    async def call_without_credentials(self, operations: list[tuple[str, str]]) -> None:
        """Call each operation with invalid credentials and without any."""
        for method, template in operations:
            path = ["x"] * template.count("{")
            await self.call(method, template, *path, key="tk_wrong")
            for token in ("", "nonsense"):
                await self.call(method, template, *path, token=token)
            await self.call(method, template, *path, account=None)
