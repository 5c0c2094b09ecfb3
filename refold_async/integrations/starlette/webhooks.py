"""Webhooks: a delivery is read up to a size, verified, and handed over as a typed event."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request

from refold_async._core.credentials import Credential, KeySource
from refold_async.errors import UnreadableReplyError
from refold_async.settings import resolve_api_key
from refold_async.webhooks import SIGNATURE_HEADER, WebhookDelivery, parse_webhook, verify_webhook

MAX_BYTES: Final = 1024 * 1024
"""The largest delivery that is read."""


def webhook_of(
    *api_keys: str | KeySource, max_bytes: int = MAX_BYTES
) -> Callable[[Request], Awaitable[WebhookDelivery]]:
    """Make the function that gives a handler the event of a webhook: for FastAPI, a dependency.

    Whoever knows the URL can send to it; what is not signed with a key is refused with 401, before it is
    read as JSON. What is too large is refused with 413, and what is no event with 400.

    A delivery comes at least once, and again, up to three times, until it is answered with 200. Nothing in
    it says when it was signed, so one that was overheard can be sent again at any time: let a
    repeated event change nothing, as by noting what was handled, and answer it with 200 too.

    Args:
        api_keys: The keys of the environment that the webhooks are of: the new and the old one
            during a rotation. Async callables are asked at each delivery; default: `REFOLD_API_KEY`.
        max_bytes: The largest delivery that is read; default 1 MiB.

    Raises:
        SettingsError: A key cannot be one; by the function, also where there is none, or its source failed.
    """
    given = [Credential("key", api_key) for api_key in api_keys]

    async def webhook(request: Request) -> WebhookDelivery:
        credentials = given or [Credential("key", resolve_api_key())]
        body = await _read(request, max_bytes)
        signature = request.headers.get(SIGNATURE_HEADER, "")
        for credential in credentials:
            if verify_webhook(body, signature, await credential.secret()):
                return _event(body)
        raise HTTPException(401, "the webhook's signature is not of this body")

    return webhook


async def _read(request: Request, max_bytes: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > max_bytes:
            raise HTTPException(413, f"a webhook may have {max_bytes} bytes")
        chunks.append(chunk)
    return b"".join(chunks)


def _event(body: bytes) -> WebhookDelivery:
    try:
        return parse_webhook(body)
    except UnreadableReplyError:
        raise HTTPException(400, "the webhook is no event") from None
