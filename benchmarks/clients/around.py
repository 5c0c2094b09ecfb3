"""refold_async with hooks and within a web application: what the integrations add to a call."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.clients.adapter import Adapter, Call
from benchmarks.payloads import ACCOUNT, ACTION, API_KEY, PARAMS, SLUG
from refold_async import Hooks, KeyAccount, Refold
from refold_async.integrations.otel import instrument
from refold_async.integrations.starlette import ActionResponse, get_refold, install, lifespan

Handler = Callable[[Request], Any]


async def _execute(account: KeyAccount) -> object:
    data: object = (await account.actions.execute(SLUG, ACTION, PARAMS)).data
    return data


def with_hooks(*hooks: Hooks) -> Adapter:
    """Return a client with hooks."""

    @asynccontextmanager
    async def adapter(base_url: str, tls: ssl.SSLContext | None) -> AsyncIterator[Call]:
        async with Refold(API_KEY, base_url=base_url, ssl=tls or True, hooks=hooks) as client:
            account = client.account(ACCOUNT)
            yield lambda: _execute(account)

    return adapter


def traced() -> Adapter:
    """Return a client whose spans and metrics are recorded but not exported."""
    return with_hooks(*instrument(tracer_provider=TracerProvider(), meter_provider=MeterProvider()))


def untraced() -> Adapter:
    """Return an instrumented client in a program without the OpenTelemetry SDK."""
    return with_hooks(*instrument())


@asynccontextmanager
async def in_bare_handler(base_url: str, tls: ssl.SSLContext | None) -> AsyncIterator[Call]:
    """Call a Starlette handler that manages its own client, without a server."""
    async with Refold(API_KEY, base_url=base_url, ssl=tls or True) as client:

        async def handler(_: Request) -> Response:
            result = await client.account(ACCOUNT).actions.execute(SLUG, ACTION, PARAMS)
            return Response(bytes(result.raw), media_type="application/json")

        yield _request_to(Starlette(routes=[Route("/", handler)]), {})


@asynccontextmanager
async def in_handler(base_url: str, tls: ssl.SSLContext | None) -> AsyncIterator[Call]:
    """Call a handler that uses the integration: lifespan, disconnects, deadline and responses."""

    async def handler(request: Request) -> Response:
        account = get_refold(request).account(ACCOUNT)
        return ActionResponse(await account.actions.execute(SLUG, ACTION, PARAMS))

    managed: Callable[[Any], AbstractAsyncContextManager[Any]] = lifespan(
        API_KEY, base_url=base_url, ssl=tls or True
    )
    app = Starlette(routes=[Route("/", handler)], lifespan=managed)
    install(app, deadline=30)
    async with managed(app) as state:
        yield _request_to(app, dict(state))


def _request_to(app: Starlette, state: dict[str, Any]) -> Call:
    async def call() -> object:
        sent: list[Any] = []
        messages = iter([{"type": "http.request", "body": b"", "more_body": False}])
        gone: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        async def receive() -> Any:
            return next(messages, None) or await gone

        async def send(message: Any) -> None:
            sent.append(message)

        await app({**_SCOPE, "state": dict(state)}, receive, send)
        return sent[1]["body"]

    return call


_SCOPE = {
    "type": "http",
    "http_version": "1.1",
    "method": "GET",
    "path": "/",
    "raw_path": b"/",
    "root_path": "",
    "scheme": "http",
    "query_string": b"",
    "headers": [(b"host", b"localhost")],
    "client": ("127.0.0.1", 1),
    "server": ("127.0.0.1", 80),
}
