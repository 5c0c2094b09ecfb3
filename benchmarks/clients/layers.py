"""refold_async by layers, from the inside out.

Each client includes the layers of the one before it; the difference between the two is the cost of a layer.
"""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.clients.adapter import Adapter, Call, data_of
from benchmarks.payloads import ACCOUNT, ACTION, API_KEY, PARAMS, SLUG
from refold_async import KeyAccount, Refold
from refold_async._core.pipeline import start_call
from refold_async._core.prepared import PreparedCall
from refold_async._core.requester import Requester
from refold_async._core.responses import AttemptState
from refold_async._core.sessions import Session
from refold_async.api.actions import prepare_execute
from refold_async.settings import Settings


def _layer(make: Callable[[Session, KeyAccount], Call]) -> Adapter:
    """Return a client that makes its calls from an open session and an account."""

    @asynccontextmanager
    async def adapter(base_url: str, tls: ssl.SSLContext | None) -> AsyncIterator[Call]:
        async with Refold(API_KEY, base_url=base_url, ssl=tls or True) as client:
            account = client.account(ACCOUNT)
            await account.actions.execute(SLUG, ACTION, PARAMS)
            yield make(await account._requester.session(), account)

    return adapter


def _prepared(requester: Requester) -> PreparedCall[Any]:
    return prepare_execute(requester, SLUG, ACTION, PARAMS)


def _transport(session: Session, account: KeyAccount) -> Call:
    transport, request, proof = (
        session._connections._transport,
        _prepared(account._requester).request,
        session._auth_headers,
    )

    async def call() -> object:
        reply = await transport.exchange(request, proof, AttemptState(), session.loop.time() + 60)
        return data_of(reply.body)

    return call


def _pool(session: Session, account: KeyAccount) -> Call:
    request = _prepared(account._requester).request

    async def call() -> object:
        reply = await session.exchange(request, AttemptState(), session.loop.time() + 60)
        return data_of(reply.body)

    return call


def _attempts(session: Session, account: KeyAccount) -> Call:
    call, settings = _prepared(account._requester), Settings()
    return lambda: _data(start_call(session, settings, call).run())


def _started(_: Session, account: KeyAccount) -> Call:
    requester, prepared = account._requester, _prepared(account._requester)

    async def call() -> object:
        return await _data((await requester.start(prepared)).run())

    return call


def _whole(_: Session, account: KeyAccount) -> Call:
    return lambda: _data(account.actions.execute(SLUG, ACTION, PARAMS))


async def _data(result: Awaitable[Any]) -> object:
    data: object = (await result).data
    return data


LAYERS: dict[str, tuple[str, Adapter]] = {
    "transport": (
        "a pooled connection, its timer, the request bytes, aiohttp's parser",
        _layer(_transport),
    ),
    "connection pool": ("mapping of aiohttp's exceptions", _layer(_pool)),
    "attempts": (
        "deadline, rate limit, connection limit, retry budget, retries, hooks, lazy result",
        _layer(_attempts),
    ),
    "session": ("lookup of the session for this key and event loop", _layer(_started)),
    "preparation": ("path, effect and body, checked and encoded; `execute` itself", _layer(_whole)),
}
"""What each layer does, and a client that includes it and the layers before it."""
