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
from refold_async.api.actions import plan_execute
from refold_async.caller import Caller
from refold_async.pipeline import Trip
from refold_async.plan import Plan
from refold_async.sessions import Session
from refold_async.settings import Settings
from refold_async.transport import Progress


def _layer(make: Callable[[Session, KeyAccount], Call]) -> Adapter:
    """A client that makes its calls out of an open session and an account."""

    @asynccontextmanager
    async def adapter(base_url: str, tls: ssl.SSLContext | None) -> AsyncIterator[Call]:
        async with Refold(API_KEY, base_url=base_url, ssl=tls or True) as client:
            account = client.account(ACCOUNT)
            await account.actions.execute(SLUG, ACTION, PARAMS)
            yield make(await account._caller.session(), account)

    return adapter


def _plan(caller: Caller) -> Plan[Any]:
    return plan_execute(caller, SLUG, ACTION, PARAMS)


def _road(session: Session, account: KeyAccount) -> Call:
    road, request, proof = session._transport._road, _plan(account._caller).request, session._proof

    async def call() -> object:
        reply = await road.exchange(request, proof, Progress(), session.loop.time() + 60)
        return data_of(reply.body)

    return call


def _transport(session: Session, account: KeyAccount) -> Call:
    request = _plan(account._caller).request

    async def call() -> object:
        reply = await session.exchange(request, Progress(), session.loop.time() + 60)
        return data_of(reply.body)

    return call


def _trip(session: Session, account: KeyAccount) -> Call:
    plan, settings = _plan(account._caller), Settings()
    return lambda: _data(Trip(session, settings, plan).run())


def _started(_: Session, account: KeyAccount) -> Call:
    caller, plan = account._caller, _plan(account._caller)

    async def call() -> object:
        return await _data((await caller.start(plan)).run())

    return call


def _whole(_: Session, account: KeyAccount) -> Call:
    return lambda: _data(account.actions.execute(SLUG, ACTION, PARAMS))


async def _data(result: Awaitable[Any]) -> object:
    data: object = (await result).data
    return data


LAYERS: dict[str, tuple[str, Adapter]] = {
    "the road": ("a kept connection, its timer, the request's bytes, aiohttp's parser", _layer(_road)),
    "the transport": ("what aiohttp raises, explained", _layer(_transport)),
    "the trip": ("deadline, rate limit, gate, budget, retries, listeners, a late result", _layer(_trip)),
    "the session": ("the session of this key and event loop", _layer(_started)),
    "the plan": ("path, effect and body, checked and written; `execute` itself", _layer(_whole)),
}
"""What each layer does, and a client of it and those before it."""
