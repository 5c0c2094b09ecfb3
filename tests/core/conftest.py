"""Fixtures: each transport, and a client of the sandbox."""

from collections.abc import AsyncIterator

import pytest

from refold_async import Refold
from refold_async.sandbox import Sandbox


@pytest.fixture(params=["fast", "public"])
def transport(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make every call use the fast transport, or the one over aiohttp's public session."""
    name: str = request.param
    monkeypatch.setenv("REFOLD_TRANSPORT", name)
    return name


@pytest.fixture
async def refold(sandbox: Sandbox) -> AsyncIterator[Refold]:
    async with Refold(sandbox.api_key, base_url=sandbox.base_url, timeout=5) as client:
        yield client
