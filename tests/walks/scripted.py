"""A walk over answers that a test writes: the real client, a real socket, the sandbox's own actions replaced."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager

from refold_async import Refold
from refold_async.client import KeyAccount
from refold_async.sandbox import Sandbox
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import SandboxResponse, success
from refold_async.sandbox.routing import Route

BASE = "/api/v2/integration-schema/{slug}/actions/{action_id}"

Answer = Callable[[Mapping[str, object]], object]
"""Returns an answer's data for the parameters that were sent."""


@asynccontextmanager
async def answering(answer: Answer, names: Sequence[str]) -> AsyncIterator[KeyAccount]:
    """Yield an account whose actions give scripted answers and take these parameters."""

    async def execute(request: SandboxRequest) -> SandboxResponse:
        return success({"node_status": "Success", "data": answer(request.params)})

    async def schema(request: SandboxRequest) -> SandboxResponse:
        return success([{"name": name, "type": "text"} for name in names])

    routes = [
        Route("actions.execute", "POST", f"{BASE}/execute", execute, "account"),
        Route("actions.schema", "GET", BASE, schema, "account"),
    ]
    async with (
        Sandbox(accounts=1, routes=routes) as sandbox,
        Refold(sandbox.api_key, base_url=sandbox.base_url) as refold,
    ):
        yield refold.account("demo-user-1")


def rows(*numbers: int) -> list[dict[str, int]]:
    return [{"id": number} for number in numbers]
