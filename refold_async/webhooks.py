"""Verify and parse incoming webhooks.

```python
async def receive(request: web.Request) -> web.Response:
    body = await request.read()
    if not verify_webhook(body, request.headers.get(SIGNATURE_HEADER), api_key):
        return web.Response(status=401)
    match parse_webhook(body):
        case ConnectionExpired(linked_account_id=customer, slug=app):
            await ask_to_reconnect(customer, app)
        case WorkflowErrored(execution_id=execution_id):
            await look_into(execution_id)
    return web.Response()
```

Deliveries are at least once: the service retries up to three times until the response is 200.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

import msgspec

from refold_async._core.decoding import convert_leniently, decode_any
from refold_async.api.common import Environment
from refold_async.errors import SettingsError, UnreadableReplyError

if TYPE_CHECKING:
    from refold_async.api.execution_models import ExecutionStatus
else:
    ExecutionStatus = str

SIGNATURE_HEADER: Final = "x-cobalt-signature"
"""The header with a webhook's signature."""


def verify_webhook(body: bytes, signature: str | None, api_key: str) -> bool:
    """Return whether a webhook's signature is valid, in constant time.

    Args:
        body: The raw request body.
        signature: The header `x-cobalt-signature`; `None` if there is none, which is not valid.
        api_key: The organisation's API key for the webhook's environment.

    Returns:
        Whether the signature is the hexadecimal HMAC-SHA256 of the body under the key.

    Raises:
        SettingsError: If `api_key` is empty: anyone could forge a signature with it.
    """
    if not api_key:
        raise SettingsError("api_key is empty: anyone could forge a signature with an empty key")
    if not isinstance(signature, str):
        return False
    expected = hmac.new(api_key.encode(), body, hashlib.sha256).hexdigest().encode()
    given = signature.strip().lower().encode(errors="surrogatepass")
    return hmac.compare_digest(expected, given)


class WebhookDelivery(msgspec.Struct, frozen=True, kw_only=True):
    """The fields of every webhook.

    Attributes:
        event: The event, e.g. `Connection Expired`.
        linked_account_id: The customer.
        environment: `test` or `production`.
        org_id: The organisation's id.
        payload: The complete JSON object.
    """

    event: str | None = None
    linked_account_id: str | None = None
    environment: Environment | None = None
    org_id: str | None = None
    payload: dict[str, Any] = {}


class ConnectionEvent(WebhookDelivery, frozen=True, kw_only=True):
    """An event of a customer's connection to an app.

    Attributes:
        slug: The app's slug, e.g. `hubspot`.
        type: The kind of event, e.g. `General`.
        created_at: When it happened.
    """

    slug: str | None = None
    type: str | None = None
    created_at: datetime | None = msgspec.field(default=None, name="createdAt")


class ConnectionCreated(ConnectionEvent, frozen=True, kw_only=True):
    """A customer has connected an app."""


class ConnectionDeleted(ConnectionEvent, frozen=True, kw_only=True):
    """A connection was deleted."""


class ConnectionExpired(ConnectionEvent, frozen=True, kw_only=True):
    """A connection has expired: the customer must reconnect the app."""


class WorkflowEvent(WebhookDelivery, frozen=True, kw_only=True):
    """An execution of a workflow has ended.

    Attributes:
        execution_id: The execution, for `account.executions.get`.
        workflow_id: The workflow.
        workflow_name: The workflow's display name.
        config_id: The config it ran with.
        status: The execution's final status.
    """

    execution_id: str | None = msgspec.field(default=None, name="instance_id")
    workflow_id: str | None = None
    workflow_name: str | None = None
    config_id: str | None = None
    status: ExecutionStatus | None = None


class WorkflowCompleted(WorkflowEvent, frozen=True, kw_only=True):
    """An execution of a workflow has completed."""


class WorkflowErrored(WorkflowEvent, frozen=True, kw_only=True):
    """An execution of a workflow has failed."""


class UnknownEvent(WebhookDelivery, frozen=True, kw_only=True):
    """An event unknown to this version of the SDK, or a custom body template."""


_KINDS: Final = {
    "Connection Created": ConnectionCreated,
    "Connection Deleted": ConnectionDeleted,
    "Connection Expired": ConnectionExpired,
    "Workflow Completed": WorkflowCompleted,
    "Workflow Errored": WorkflowErrored,
}


Delivery = (
    ConnectionCreated
    | ConnectionDeleted
    | ConnectionExpired
    | WorkflowCompleted
    | WorkflowErrored
    | UnknownEvent
)
"""A parsed webhook."""


def parse_webhook(body: bytes) -> Delivery:
    """Parse a webhook. Verify it first: anyone can send one.

    Args:
        body: The request's body.

    Returns:
        A `ConnectionCreated`, `ConnectionDeleted`, `ConnectionExpired`, `WorkflowCompleted`,
        `WorkflowErrored`, or otherwise an `UnknownEvent`, with the complete object as its `payload`.

    Raises:
        UnreadableReplyError: If the body is not a JSON object.
    """
    payload = decode_any(body)
    if not isinstance(payload, Mapping):
        raise UnreadableReplyError(f"a webhook must be a JSON object, not {type(payload).__name__}")
    event = payload.get("event")
    kind = _KINDS.get(event) if isinstance(event, str) else None
    delivery: Delivery = convert_leniently(
        kind or UnknownEvent, {**payload, "payload": payload, **_moment(payload)}
    )
    return delivery


def _moment(payload: Mapping[str, Any]) -> dict[str, datetime]:
    """Parse the date, which is in HTTP's format: `Tue, 07 Nov 2023 08:03:27 GMT`."""
    try:
        return {"createdAt": parsedate_to_datetime(payload["createdAt"])}
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError):
        return {}
