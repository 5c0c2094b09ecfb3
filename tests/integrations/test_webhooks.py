"""The webhook endpoint over real HTTP: valid webhooks are passed on, others refused."""

import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import aiohttp
import pytest
from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from refold_async import SettingsError
from refold_async.integrations.fastapi import webhook_of
from refold_async.webhooks import ConnectionExpired, WebhookDelivery

from .serving import serving

EXPIRED = json.dumps(
    {
        "event": "Connection Expired",
        "linked_account_id": "demo-user-1",
        "slug": "hubspot",
        "environment": "test",
    }
).encode()


def sign(body: bytes, key: str) -> dict[str, str]:
    return {"x-cobalt-signature": hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}


class Received:
    def __init__(self) -> None:
        self.events: list[WebhookDelivery] = []


@pytest.fixture
def received() -> Received:
    return Received()


def in_fastapi(received: Received, webhook: Callable[..., Any]) -> Any:
    app = FastAPI()

    @app.post("/webhooks")
    async def receive(event: Annotated[WebhookDelivery, Depends(webhook)]) -> None:
        received.events.append(event)

    return app


def in_starlette(received: Received, webhook: Callable[..., Any]) -> Any:
    async def receive(request: Request) -> Response:
        received.events.append(await webhook(request))
        return PlainTextResponse("")

    return Starlette(routes=[Route("/webhooks", receive, methods=["POST"])])


@pytest.fixture
async def http(guard: None) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.mark.parametrize("home", [in_fastapi, in_starlette])
async def test_a_valid_webhook_is_passed_on_as_its_event(
    home: Callable[..., Any], received: Received, http: aiohttp.ClientSession
) -> None:
    async with (
        serving(home(received, webhook_of("tk_1"))) as url,
        http.post(f"{url}/webhooks", data=EXPIRED, headers=sign(EXPIRED, "tk_1")) as answer,
    ):
        assert answer.status == 200
    [event] = received.events
    assert isinstance(event, ConnectionExpired)
    assert (event.linked_account_id, event.slug) == ("demo-user-1", "hubspot")


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (EXPIRED, {}, 401),
        (EXPIRED, {"x-cobalt-signature": ""}, 401),
        (EXPIRED, sign(EXPIRED, "tk_other"), 401),
        (EXPIRED.replace(b"user-1", b"user-2"), sign(EXPIRED, "tk_1"), 401),
        (b"no json", sign(b"no json", "tk_1"), 400),
        (b"[1]", sign(b"[1]", "tk_1"), 400),
        (b" " * 5000 + EXPIRED, sign(b" " * 5000 + EXPIRED, "tk_1"), 413),
    ],
)
async def test_an_invalid_webhook_is_refused(
    received: Received, http: aiohttp.ClientSession, body: bytes, headers: dict[str, str], status: int
) -> None:
    async with (
        serving(in_fastapi(received, webhook_of("tk_1", max_bytes=4096))) as url,
        http.post(f"{url}/webhooks", data=body, headers=headers) as answer,
    ):
        assert answer.status == status
        assert "tk_1" not in await answer.text()
    assert received.events == []


async def test_a_body_of_unknown_length_is_read_up_to_the_limit(
    received: Received, http: aiohttp.ClientSession
) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(200):
            yield b" " * 1000

    async with (
        serving(in_fastapi(received, webhook_of("tk_1", max_bytes=4096))) as url,
        http.post(f"{url}/webhooks", data=endless()) as answer,
    ):
        assert answer.status == 413


async def test_keys_may_rotate(received: Received, http: aiohttp.ClientSession) -> None:
    async def current() -> str:
        return "tk_new"

    async with serving(in_fastapi(received, webhook_of(current, "tk_old"))) as url:
        for key, status in (("tk_old", 200), ("tk_new", 200), ("tk_older", 401)):
            async with http.post(f"{url}/webhooks", data=EXPIRED, headers=sign(EXPIRED, key)) as answer:
                assert answer.status == status


async def test_the_environment_s_key_serves_by_default(
    received: Received, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = in_fastapi(received, webhook_of())
    monkeypatch.setenv("REFOLD_API_KEY", "tk_env")
    async with (
        serving(app) as url,
        http.post(f"{url}/webhooks", data=EXPIRED, headers=sign(EXPIRED, "tk_env")) as answer,
    ):
        assert answer.status == 200


def test_an_invalid_key_is_refused_at_once() -> None:
    with pytest.raises(SettingsError):
        webhook_of("two words")
