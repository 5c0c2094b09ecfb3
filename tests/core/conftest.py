"""The two roads that calls travel, a customer on each, and a watch for calls that block the event loop."""

import inspect
from collections.abc import AsyncIterator, Iterator

import pytest
from blockbuster import blockbuster_ctx  # type: ignore[import-not-found,import-untyped,unused-ignore]

from refold_async import Refold
from refold_async.sandbox import Sandbox


@pytest.fixture(autouse=True)
def no_blocking(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a coroutine test that blocks the event loop: files, sockets, sleeping. The sandbox's ledger may."""
    if not inspect.iscoroutinefunction(request.function):
        yield
        return
    with blockbuster_ctx("refold_async", excluded_modules=["refold_async.sandbox"]):
        yield


@pytest.fixture(params=["direct", "public"])
def road(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Have every call take the direct road, or the one over aiohttp's public session."""
    name: str = request.param
    monkeypatch.setenv("REFOLD_TRANSPORT", name)
    return name


@pytest.fixture
async def refold(sandbox: Sandbox) -> AsyncIterator[Refold]:
    async with Refold(sandbox.api_key, base_url=sandbox.base_url, timeout=5) as client:
        yield client
