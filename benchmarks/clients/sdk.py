"""refold_async with its default settings."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from benchmarks.clients.adapter import Adapter, Call
from benchmarks.payloads import ACCOUNT, ACTION, API_KEY, PARAMS, SLUG
from refold_async import Refold


def wide(connections: int) -> Adapter:
    """Return a client that permits as many connections."""

    @asynccontextmanager
    async def adapter(base_url: str, tls: ssl.SSLContext | None) -> AsyncIterator[Call]:
        async with Refold(API_KEY, base_url=base_url, ssl=tls or True, max_connections=connections) as client:
            account = client.account(ACCOUNT)

            async def call() -> object:
                data: object = (await account.actions.execute(SLUG, ACTION, PARAMS)).data
                return data

            yield call

    return adapter


@asynccontextmanager
async def refold(base_url: str, tls: ssl.SSLContext | None) -> AsyncIterator[Call]:
    """All features on: deadline, retries, retry budget, connection limit, redaction, lazy results."""
    async with Refold(API_KEY, base_url=base_url, ssl=tls or True) as client:
        account = client.account(ACCOUNT)

        async def call() -> object:
            result = await account.actions.execute(SLUG, ACTION, PARAMS)
            data: object = result.data
            return data

        yield call
