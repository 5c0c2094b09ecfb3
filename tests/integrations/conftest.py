from collections.abc import AsyncIterator

import pytest

from refold_async import Options, Refold, Retry
from refold_async.sandbox import Sandbox

QUICK = Retry(base=0.01, cap=0.02)


@pytest.fixture
def options(sandbox: Sandbox) -> Options:
    return Options(base_url=sandbox.base_url, retry=QUICK, timeout=30)


@pytest.fixture
async def refold(sandbox: Sandbox, options: Options) -> AsyncIterator[Refold]:
    async with Refold(sandbox.api_key, **options) as client:
        yield client
