"""Webhooks: read a delivery up to a size limit, verify it, and return it as a typed event."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request

from refold_async._core.credentials import Credential, KeySource, hide
from refold_async.errors import UnreadableReplyError
from refold_async.settings import resolve_api_key
from refold_async.webhooks import SIGNATURE_HEADER, WebhookDelivery, parse_webhook, verify_webhook

MAX_BYTES: Final = 1024 * 1024
"""The default size limit of a delivery."""


def webhook_of(
    *api_keys: str | KeySource, max_bytes: int = MAX_BYTES
) -> Callable[[Request], Awaitable[WebhookDelivery]]:
    """Return a function that reads a verified webhook from a request; in FastAPI, use it as a dependency.

    Anyone who knows the URL can send to it: a request that is not signed with a key gets 401 before its
    JSON is decoded, one that is too large 413, and one that is not a JSON object 400.

    Deliveries are at least once: the service retries up to three times until the response is 200. The
    signature has no timestamp, so an intercepted delivery can be replayed at any time: handle events
    idempotently, e.g. by recording those already handled, and respond to repeats with 200 too.

    Args:
        api_keys: The API keys of the webhooks' environment: the new and the old one during a rotation.
            Async callables are called for each delivery; default: `REFOLD_API_KEY`.
        max_bytes: The size limit of a delivery; default 1 MiB.

    Raises:
        SettingsError: If a key is invalid. The returned function also raises it if there is no key, or
            its source failed.
    """
    api_keys = tuple(map(hide, api_keys))
    given = [Credential("key", api_key) for api_key in api_keys]

    async def webhook(request: Request) -> WebhookDelivery:
        credentials = given or [Credential("key", resolve_api_key())]
        body = await _read(request, max_bytes)
        signature = request.headers.get(SIGNATURE_HEADER, "")
        for credential in credentials:
            if verify_webhook(body, signature, await credential.secret()):
                return _event(body)
        raise HTTPException(401, "invalid webhook signature")

    return webhook


async def _read(request: Request, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise HTTPException(413, f"webhook exceeds {max_bytes} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _event(body: bytes) -> WebhookDelivery:
    try:
        return parse_webhook(body)
    except UnreadableReplyError:
        raise HTTPException(400, "webhook is not a JSON object") from None
