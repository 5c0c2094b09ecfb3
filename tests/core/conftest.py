"""The two transports that calls travel, and a customer on each."""

from collections.abc import AsyncIterator

import pytest

from refold_async import Refold
from refold_async.sandbox import Sandbox


@pytest.fixture(params=["direct", "public"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have every call take the direct transport, or the one over aiohttp's public session."""
    name: str = request.param
    monkeypatch.setenv("REFOLD_TRANSPORT", name)
    return name


@pytest.fixture
async def refold(sandbox: Sandbox) -> AsyncIterator[Refold]:
    async with Refold(sandbox.api_key, base_url=sandbox.base_url, timeout=5) as client:
        yield client
