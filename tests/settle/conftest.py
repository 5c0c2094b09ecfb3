from collections.abc import AsyncIterator

import pytest

from refold_async import Refold, Retry
from refold_async.sandbox import Sandbox


@pytest.fixture
async def refold(sandbox: Sandbox) -> AsyncIterator[Refold]:
    """Return a client of the sandbox that retries fast."""
    async with Refold(sandbox.api_key, base_url=sandbox.base_url, retry=Retry(base=0.001)) as client:
        yield client
