"""The client against a sandbox, with every call checked against the request that arrived for it."""

import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from refold_async import KeyAccount, Refold, TokenAccount
from refold_async.api import operations
from refold_async.sandbox import Sandbox
from refold_async.sandbox.request_log import ReceivedRequest
from tests.api import specification
from tests.api.recorder import Arrived
from tests.api.sample import NOTHING

T = TypeVar("T")

ME = "demo-user-1"
OPERATIONS = {operation.name: operation for operation in operations.OPERATIONS}

Scope = Literal["organisation", "account", "token"]


@dataclass
class CheckedClient:
    """The client's three scopes on one sandbox, and the operations that were called.

    Attributes:
        refold: The organisation.
        account: One customer, by the API key.
        token: The same customer, by its token.
    """

    sandbox: Sandbox
    refold: Refold
    account: KeyAccount
    token: TokenAccount
    secret: str
    called: set[str] = field(default_factory=set)

    async def call(
        self,
        name: str,
        outcome: Awaitable[T],
        *path: str,
        by: Scope = "account",
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Any = NOTHING,
    ) -> T:
        """Await one call, check the one request that it sent and return the call's result."""
        before = len(self.sandbox.requests)
        answer = await outcome
        [arrived] = self.sandbox.requests[before:]
        operation = OPERATIONS[name]
        values = iter(path)
        filled = re.sub(r"{\w+}", lambda _: next(values), operation.path)
        assert (arrived.method, arrived.path) == (operation.method, filled)
        assert 200 <= (arrived.status or 0) < 300
        assert arrived.query == (query or {})
        sent = arrived.json() if arrived.body else NOTHING
        assert sent == body
        self._check_headers(arrived, by, headers or {})
        assert specification.faults(_as_recorded(arrived, sent)) == []
        self.called.add(name)
        return answer

    def _check_headers(self, arrived: ReceivedRequest, by: Scope, own: Mapping[str, str]) -> None:
        who = {
            "organisation": {"x-api-key": self.sandbox.api_key},
            "account": {"x-api-key": self.sandbox.api_key, "linked_account_id": ME},
            "token": {"Authorization": f"Bearer {self.secret}"},
        }[by]
        told = {"x-api-key", "linked_account_id", "Authorization", *own}
        got = {name: arrived.headers[name] for name in told if name in arrived.headers}
        assert got == {**who, **own}


def _as_recorded(arrived: ReceivedRequest, body: Any) -> Arrived:
    return Arrived(
        arrived.method, arrived.path, arrived.raw_path, arrived.query, dict(arrived.headers), body, {}
    )
