"""Webhooks: registration, and what is delivered."""

import asyncio
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from .raw_client import until
from .recording_client import V2, RecordingClient

BASE = f"{V2}/webhook"


@dataclass
class Endpoint:
    """Receives deliveries and responds with the given statuses, then with 200."""

    statuses: list[int]
    url: str = ""
    received: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    async def take(self, request: web.BaseRequest) -> web.Response:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append((request.method, headers, await request.read()))
        return web.Response(status=self.statuses.pop(0) if self.statuses else 200)


@asynccontextmanager
async def endpoint(*statuses: int) -> AsyncIterator[Endpoint]:
    made = Endpoint(list(statuses))
    runner = web.ServerRunner(web.Server(made.take), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{site.port}/hook?x=1"
    try:
        yield made
    finally:
        await runner.cleanup()


async def register(recorder: RecordingClient, url: str, *events: str, **more: object) -> str:
    body = {"webhook_url": url, "webhook_events": list(events), **more}
    return str((await recorder.call("POST", BASE, account=None, json=body))["_id"])


async def test_an_event_arrives_signed(recorder: RecordingClient) -> None:
    async with endpoint() as receiver:
        await register(recorder, receiver.url, "Connection Expired", webhook_headers={"X-Mine": "1"})
        recorder.sandbox.expire("demo-user-1", "hubspot")
        recorder.sandbox.disconnect("demo-user-1", "slack")
        await until(lambda: recorder.sandbox.deliveries[0].delivered)
        [(method, headers, body)] = receiver.received
    assert (method, headers["x-mine"], headers["content-type"]) == ("POST", "1", "application/json")
    signed = hmac.new(recorder.sandbox.api_key.encode(), body, "sha256").hexdigest()
    assert headers["x-cobalt-signature"] == signed
    event = json.loads(body)
    told = (event["event"], event["slug"], event["linked_account_id"], event["environment"])
    assert told == ("Connection Expired", "hubspot", "demo-user-1", "test")


@pytest.mark.parametrize(
    ("statuses", "tries"),
    [((500,), [500, 200]), ((204, 404, 302), [204, 404, 302, 200]), ((500,) * 9, [500] * 4)],
)
async def test_a_delivery_is_retried_three_times(
    recorder: RecordingClient, monkeypatch: pytest.MonkeyPatch, statuses: tuple[int, ...], tries: list[int]
) -> None:
    monkeypatch.setattr("refold_async.sandbox.api.webhooks.RETRY_WAITS", (0.001, 0.001, 0.001))
    async with endpoint(*statuses) as receiver:
        await register(recorder, receiver.url, "Connection Created")
        recorder.sandbox.connect("demo-user-1", "netsuite")
        await until(lambda: recorder.sandbox.deliveries[0].statuses == tries)
        assert len({body for _, _, body in receiver.received}) == 1


async def test_workflows_send_a_webhook_at_their_end(recorder: RecordingClient) -> None:
    async with endpoint() as receiver:
        await register(recorder, receiver.url, "Workflow Completed", "Workflow Errored")
        for alias in ("lead_sync", "failing_sync"):
            run = f"{V2}/workflow/{{workflowId}}/execute"
            await recorder.call(
                "POST", run, alias, account="demo-user-1", headers={"slug": "hubspot"}, json={}
            )
        await until(lambda: len(receiver.received) == 2)
        told = {
            (each["event"], each["status"]) for each in (json.loads(body) for _, _, body in receiver.received)
        }
    assert told == {("Workflow Completed", "COMPLETED"), ("Workflow Errored", "ERRORED")}


async def test_disabled_and_unsubscribed_webhooks_receive_nothing(recorder: RecordingClient) -> None:
    async with endpoint() as receiver:
        await register(recorder, receiver.url, "Connection Created", is_enabled=False)
        await register(recorder, receiver.url, "Workflow Completed")
        await register(recorder, "https://example.com/hook", "Connection Created")
        recorder.sandbox.connect("demo-user-1", "netsuite")
        await asyncio.sleep(0.02)
        assert not receiver.received
    [skipped] = recorder.sandbox.deliveries
    assert (skipped.skipped, skipped.statuses) == (True, [])


async def test_a_custom_body_includes_the_event(recorder: RecordingClient) -> None:
    async with endpoint() as receiver:
        own = {"webhook_type": "custom", "webhook_body": '{"text": {{event}}}', "method": "PUT"}
        await register(recorder, receiver.url, "Connection Created", **own)
        recorder.sandbox.connect("demo-user-1", "netsuite")
        await until(lambda: receiver.received)
        method, _, body = receiver.received[0]
    assert (method, json.loads(body)["text"]["slug"]) == ("PUT", "netsuite")


async def test_an_unreachable_endpoint_is_ignored(recorder: RecordingClient) -> None:
    await register(recorder, "http://127.0.0.1:1/hook", "Connection Created")
    recorder.sandbox.connect("demo-user-1", "netsuite")
    await until(lambda: recorder.sandbox.deliveries[0].statuses)
    assert recorder.sandbox.deliveries[0].statuses[0] is None


async def test_a_stopped_sandbox_delivers_nothing(recorder: RecordingClient) -> None:
    async with endpoint() as receiver:
        await register(recorder, receiver.url, "Connection Created")
        await recorder.sandbox.stop()
        recorder.sandbox.connect("demo-user-1", "netsuite")
        await asyncio.sleep(0.02)
        assert not receiver.received
    assert [each.statuses for each in recorder.sandbox.deliveries] == [[]]


async def test_webhooks_are_changed_grouped_and_deleted(recorder: RecordingClient) -> None:
    first, second = [await register(recorder, "http://localhost/h", "Connection Created") for _ in range(2)]
    changed = await recorder.call("PUT", BASE + "/{id}", first, account=None, json={"is_enabled": False})
    assert (changed["is_enabled"], changed["webhook_events"]) == (False, ["Connection Created"])
    for group in ("billing", ""):
        body = {"webhookIds": [first], "group": group}
        [grouped] = await recorder.call("PUT", f"{V2}/webhooks/group/edit", account=None, json=body)
        assert grouped.get("group", "") == group
    left = await recorder.call("DELETE", BASE + "/{id}", first, account=None)
    assert [each["_id"] for each in left] == [second]


@pytest.mark.parametrize(
    "body",
    [
        {"webhook_url": "ftp://x/y", "webhook_events": ["Connection Created"]},
        {"webhook_url": "http://x/y", "webhook_events": ["Connection Created"], "slug": "hubspot"},
        {"webhook_url": "http://x/y", "webhook_events": ["Connection Created"], "method": "GET"},
        {"webhook_url": "http://x/y"},
    ],
)
async def test_invalid_webhooks_are_refused(recorder: RecordingClient, body: dict[str, object]) -> None:
    await recorder.call("POST", BASE, account=None, json=body)
    assert recorder.status == 400
    assert await recorder.call("GET", BASE, account=None) == []
