"""Webhooks: registered endpoints, and the signed deliveries to those on this machine."""

from __future__ import annotations

import asyncio
import hmac
from collections import deque
from collections.abc import Iterable, Mapping
from email.utils import formatdate
from urllib.parse import SplitResult, urlsplit

import msgspec

from refold_async.sandbox.documents import Document, DocumentStore, given
from refold_async.sandbox.params import is_web_url, items, require, settable, text
from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import SandboxResponse, envelope, not_in_sandbox, refused, success
from refold_async.sandbox.routing import Route
from refold_async.sandbox.state import Organisation, SandboxContext, StoredAccount
from refold_async.sandbox.tasks import BackgroundTasks

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SIGNATURE = "x-cobalt-signature"
EVENT_MARK = "{{event}}"

RETRY_WAITS = (0.05, 0.1, 0.2)
"""Seconds before each of the three retries; the service itself waits longer."""
DELIVERY_TIMEOUT = 5.0
"""The timeout of an endpoint, in seconds."""


class Delivery(msgspec.Struct):
    """One event sent to one webhook.

    Attributes:
        webhook_id: The webhook.
        url: The endpoint.
        body: The sent and signed bytes.
        signature: Their signature in hexadecimal.
        statuses: The status of each attempt; `None` for one without a response.
        skipped: Whether it was not attempted because the endpoint is not on this machine.
    """

    webhook_id: str
    url: str
    body: bytes
    signature: str
    statuses: list[int | None] = msgspec.field(default_factory=list)
    skipped: bool = False

    @property
    def delivered(self) -> bool:
        """Whether an attempt was answered with status 200."""
        return 200 in self.statuses


class Outbox:
    """The latest deliveries, oldest first."""

    def __init__(self, limit: int = 1000) -> None:
        self.deliveries: deque[Delivery] = deque(maxlen=limit)

    def send(
        self, background: BackgroundTasks, webhook: Document, body: Mapping[str, object], api_key: str
    ) -> Delivery:
        """Start a delivery in the background."""
        url, method = str(webhook["webhook_url"]), str(webhook["method"])
        content = _fill(webhook["webhook_body"], body)
        signature = hmac.digest(api_key.encode(), content, "sha256").hex()
        delivery = Delivery(str(webhook["_id"]), url, content, signature)
        self.deliveries.append(delivery)
        headers = {**_headers(webhook), "Content-Type": "application/json", SIGNATURE: signature}
        # A sandbox must never send requests to other machines.
        delivery.skipped = urlsplit(url).hostname not in LOOPBACK
        if not delivery.skipped:
            background.start(lambda: _deliver(delivery, method, headers))
        return delivery


def _fill(template: object, body: Mapping[str, object]) -> bytes:
    """Return the template with the event inserted; the default template is the event alone."""
    text = template if isinstance(template, str) else msgspec.json.encode(template).decode()
    return text.replace(EVENT_MARK, msgspec.json.encode(body).decode()).encode()


def _headers(webhook: Document) -> dict[str, str]:
    """Return the webhook's own headers, without those that would break the request."""
    own = webhook.get("webhook_headers")
    pairs = own.items() if isinstance(own, Mapping) else ()
    return {str(name): str(value) for name, value in pairs if not {"\r", "\n"} & set(str(name) + str(value))}


async def _deliver(delivery: Delivery, method: str, headers: Mapping[str, str]) -> None:
    for wait in (0.0, *RETRY_WAITS):
        await asyncio.sleep(wait)
        delivery.statuses.append(await _attempt(delivery, method, headers))
        if delivery.delivered:
            return


async def _attempt(delivery: Delivery, method: str, headers: Mapping[str, str]) -> int | None:
    try:
        async with asyncio.timeout(DELIVERY_TIMEOUT):
            return await _post(urlsplit(delivery.url), method, headers, delivery.body)
    except (OSError, ValueError, IndexError, EOFError):
        return None


async def _post(url: SplitResult, method: str, headers: Mapping[str, str], body: bytes) -> int:
    """Send one request on its own connection and return the status."""
    # A raw socket: an HTTP client would be a second one in the package, with its own retries and pool.
    secure = url.scheme == "https"
    port = url.port or (443 if secure else 80)
    reader, writer = await asyncio.open_connection(url.hostname, port, ssl=secure or None)
    try:
        target = (url.path or "/") + (f"?{url.query}" if url.query else "")
        more = {"Host": url.netloc, "Content-Length": str(len(body)), "Connection": "close"}
        lines = [
            f"{method} {target} HTTP/1.1",
            *(f"{name}: {value}" for name, value in {**headers, **more}.items()),
        ]
        writer.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        await writer.drain()
        status_line = await reader.readuntil(b"\r\n")
        await reader.read()
        return int(status_line.split()[1])
    finally:
        writer.close()


CONNECTION_EVENTS = ("Connection Created", "Connection Deleted", "Connection Expired")
WORKFLOW_EVENTS = ("Workflow Completed", "Workflow Errored")
EVENTS = (*CONNECTION_EVENTS, *WORKFLOW_EVENTS)

WEBHOOK_MISSING = envelope(400, "Webhook not found", code="RESOURCE_NOT_FOUND", code_field="error")


class WebhookStore(DocumentStore):
    """The webhooks of an organisation, and what was sent to them."""

    def __init__(self, organisation: Organisation) -> None:
        super().__init__(organisation, WEBHOOK_MISSING)
        self.outbox = Outbox()


def announce_connection(
    context: SandboxContext, account: StoredAccount, event: str, slug: str
) -> list[Delivery]:
    """Notify the webhooks that a connection was created or deleted or has expired."""
    body = {**_origin(account), "type": "General", "event": event, "slug": slug}
    return announce(context, account.organisation, {**body, "createdAt": formatdate(usegmt=True)})


def announce_workflow(
    context: SandboxContext, account: StoredAccount, event: str, fields: Mapping[str, object]
) -> list[Delivery]:
    """Notify the webhooks how an execution ended."""
    return announce(context, account.organisation, {**_origin(account), "event": event, **fields})


def announce(
    context: SandboxContext, organisation: Organisation, body: Mapping[str, object]
) -> list[Delivery]:
    """Send a body to every enabled webhook that subscribes to its event."""
    webhooks = organisation.own(WebhookStore)
    return [
        webhooks.outbox.send(context.background, webhook, body, context.api_keys[0])
        for webhook in webhooks
        if _wants(webhook, body)
    ]


def _wants(webhook: Document, body: Mapping[str, object]) -> bool:
    events, workflow_ids = webhook["webhook_events"], webhook["workflow_ids"]
    if not webhook["is_enabled"] or not isinstance(events, list) or body["event"] not in events:
        return False
    slug_fits = webhook.get("slug") in (None, "", body.get("slug"))
    listed = isinstance(workflow_ids, list) and body.get("workflow_id") in workflow_ids
    return slug_fits and (not workflow_ids or listed or body["event"] not in WORKFLOW_EVENTS)


def _origin(account: StoredAccount) -> Document:
    organisation = account.organisation
    return {
        "linked_account_id": account.account_id,
        "org_id": organisation.id,
        "environment": organisation.environment,
    }


SETTABLE = (
    "webhook_url",
    "webhook_events",
    "webhook_headers",
    "webhook_description",
    "description",
    "method",
    "slug",
    "workflow_ids",
    "webhook_type",
    "is_enabled",
    "group",
)


async def list_webhooks(request: SandboxRequest) -> SandboxResponse:
    """Return all webhooks of the organisation."""
    return success(list(_webhooks(request)))


async def register(request: SandboxRequest) -> SandboxResponse:
    """Register an endpoint for events."""
    require(request.params, "webhook_url", "webhook_events", field="error")
    fields = _checked(request)
    defaults: Document = {
        "org_id": request.organisation.id,
        "environment": request.organisation.environment,
        "is_enabled": True,
        "workflow_ids": [],
        "webhook_body": EVENT_MARK,
        "method": "POST",
        "webhook_type": "default",
        "__v": 0,
    }
    return success(_webhooks(request).add({**defaults, **fields}))


async def get(request: SandboxRequest) -> SandboxResponse:
    """Return one webhook."""
    return success(_webhooks(request).get(request.path_params["id"]))


async def update(request: SandboxRequest) -> SandboxResponse:
    """Update the fields in the body."""
    webhooks = _webhooks(request)
    webhooks.get(request.path_params["id"])
    return success(webhooks.update(request.path_params["id"], _checked(request)))


async def delete(request: SandboxRequest) -> SandboxResponse:
    """Delete a webhook and return the remaining ones."""
    webhooks = _webhooks(request)
    webhooks.remove(request.path_params["id"])
    return success(list(webhooks))


async def set_group(request: SandboxRequest) -> SandboxResponse:
    """Set or clear the group of webhooks."""
    require(request.params, "webhookIds", field="error")
    webhooks = _webhooks(request)
    chosen = [webhooks.get(str(each)) for each in items(request.params, "webhookIds")]
    webhooks.set_group(chosen, text(request.params, "group"))
    return success(chosen)


def _webhooks(request: SandboxRequest) -> WebhookStore:
    return request.organisation.own(WebhookStore)


def _checked(request: SandboxRequest) -> Document:
    """Return the fields in the body; refuses what the service would refuse."""
    fields = settable(request.params, SETTABLE)
    if "webhook_url" in fields and not is_web_url(text(fields, "webhook_url")):
        raise refused(400, "Invalid webhook url", "VALIDATION_ERROR", "error")
    _check_events(items(fields, "webhook_events"), WORKFLOW_EVENTS if fields.get("slug") else EVENTS)
    if fields.get("method", "POST") not in ("POST", "PUT", "PATCH"):
        raise refused(400, "Invalid method", "VALIDATION_ERROR", "error")
    if fields.get("webhook_type") == "slack":
        raise not_in_sandbox("A webhook of the type slack")
    if fields.get("webhook_type") == "custom":
        fields |= given(request.params, ("webhook_body",))
    return fields


def _check_events(events: Iterable[object], known: Iterable[str]) -> None:
    if not set(map(str, events)) <= set(known):
        raise refused(400, "Invalid event. Check events list in documentation.", "INVALID_EVENT", "error")


_BASE = "/api/v2/public/webhook"


ROUTES = (
    Route("webhooks.list", "GET", _BASE, list_webhooks),
    Route("webhooks.create", "POST", _BASE, register, "either"),
    Route("webhooks.get", "GET", _BASE + "/{id}", get),
    Route("webhooks.update", "PUT", _BASE + "/{id}", update, "either"),
    Route("webhooks.delete", "DELETE", _BASE + "/{id}", delete, "either"),
    Route("webhooks.edit_group", "PUT", "/api/v2/public/webhooks/group/edit", set_group),
)
