from collections.abc import AsyncIterator

import aiohttp
import pytest

from refold_async.sandbox import Sandbox

from .bare import Bare


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox() as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    timeout = aiohttp.ClientTimeout(total=10)
    async with aiohttp.ClientSession(timeout=timeout) as opened:
        yield opened


@pytest.fixture
def bare(sandbox: Sandbox, session: aiohttp.ClientSession) -> Bare:
    return Bare(sandbox, session)
