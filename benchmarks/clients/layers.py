"""refold_async from the inside out: each client goes through one more of its layers.

Each does what the one before it does, so that the difference of the two is what the layer costs.
"""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from benchmarks.clients.adapter import Adapter, Call, data_of
from benchmarks.payloads import ACCOUNT, ACTION, API_KEY, PARAMS, SLUG
from refold_async import KeyAccount, Refold
from refold_async._core.pipeline import CallAttempts
from refold_async._core.prepared import PreparedCall
from refold_async._core.requester import Requester
from refold_async._core.responses import AttemptState
from refold_async._core.sessions import Session
from refold_async.api.actions import prepare_execute
from refold_async.settings import Settings


def _layer(make: Callable[[Session, KeyAccount], Call]) -> Adapter:
    """A client that makes its calls out of an open session and an account."""

    @asynccontextmanager
    async def adapter(base_url: str, tls: ssl.SSLContext | None) -> AsyncIterator[Call]:
        async with Refold(API_KEY, base_url=base_url, ssl=tls or True) as client:
            account = client.account(ACCOUNT)
            await account.actions.execute(SLUG, ACTION, PARAMS)
            yield make(await account._requester.session(), account)

    return adapter


def _plan(requester: Requester) -> PreparedCall[Any]:
    return prepare_execute(requester, SLUG, ACTION, PARAMS)


def _transport(session: Session, account: KeyAccount) -> Call:
    transport, request, proof = (
        session._connections._transport,
        _plan(account._requester).request,
        session._auth_headers,
    )

    async def call() -> object:
        reply = await transport.exchange(request, proof, AttemptState(), session.loop.time() + 60)
        return data_of(reply.body)

    return call


def _pool(session: Session, account: KeyAccount) -> Call:
    request = _plan(account._requester).request

    async def call() -> object:
        reply = await session.exchange(request, AttemptState(), session.loop.time() + 60)
        return data_of(reply.body)

    return call


def _attempts(session: Session, account: KeyAccount) -> Call:
    plan, settings = _plan(account._requester), Settings()
    return lambda: _data(CallAttempts(session, settings, plan).run())


def _started(_: Session, account: KeyAccount) -> Call:
    requester, plan = account._requester, _plan(account._requester)

    async def call() -> object:
        return await _data((await requester.start(plan)).run())

    return call


def _whole(_: Session, account: KeyAccount) -> Call:
    return lambda: _data(account.actions.execute(SLUG, ACTION, PARAMS))


async def _data(result: Awaitable[Any]) -> object:
    data: object = (await result).data
    return data


LAYERS: dict[str, tuple[str, Adapter]] = {
    "the transport": (
        "a kept connection, its timer, the request's bytes, aiohttp's parser",
        _layer(_transport),
    ),
    "the pool": ("what aiohttp raises, explained", _layer(_pool)),
    "the attempts": (
        "deadline, rate limit, gate, budget, retries, listeners, a late result",
        _layer(_attempts),
    ),
    "the session": ("the session of this key and event loop", _layer(_started)),
    "the plan": ("path, effect and body, checked and written; `execute` itself", _layer(_whole)),
}
"""What each layer does, and a client of it and those before it."""
