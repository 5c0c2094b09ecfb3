"""Posting: webhook deliveries to addresses of this machine, signed, and tried again where no 200 comes."""

import asyncio
import hmac
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import SplitResult, urlsplit

import msgspec

from refold_async.sandbox.background import BackgroundTasks
from refold_async.sandbox.resources.documents import Document

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
SIGNATURE = "x-cobalt-signature"
EVENT_MARK = "{{event}}"

RETRY_WAITS = (0.05, 0.1, 0.2)
"""Seconds before each of the three further tries; the service's own waits are longer."""
PATIENCE = 5.0
"""Seconds that an endpoint has for its answer."""


@dataclass(slots=True)
class Delivery:
    """One event on its way to one webhook.

    Attributes:
        webhook_id: The webhook.
        url: Where it goes.
        body: The bytes that are sent and signed.
        signature: Their signature, in hexadecimal digits.
        statuses: The status of each try so far; ``None`` for one that got no answer.
        skipped: Whether it was never tried, since the address is not one of this machine.
    """

    webhook_id: str
    url: str
    body: bytes
    signature: str
    statuses: list[int | None] = field(default_factory=list)
    skipped: bool = False

    @property
    def delivered(self) -> bool:
        """Whether a try was answered 200."""
        return 200 in self.statuses


class Outbox:
    """The latest deliveries, oldest first."""

    def __init__(self, limit: int = 1000) -> None:
        self.deliveries: deque[Delivery] = deque(maxlen=limit)

    def send(
        self, background: BackgroundTasks, webhook: Document, body: Mapping[str, object], api_key: str
    ) -> Delivery:
        """Begin a delivery; it goes on behind the answers."""
        url, method = str(webhook["webhook_url"]), str(webhook["method"])
        content = _fill(webhook["webhook_body"], body)
        signature = hmac.digest(api_key.encode(), content, "sha256").hex()
        delivery = Delivery(str(webhook["_id"]), url, content, signature)
        self.deliveries.append(delivery)
        headers = {**_headers(webhook), "Content-Type": "application/json", SIGNATURE: signature}
        delivery.skipped = urlsplit(url).hostname not in LOOPBACK
        if not delivery.skipped:
            background.start(lambda: _deliver(delivery, method, headers))
        return delivery


def _fill(template: object, body: Mapping[str, object]) -> bytes:
    """The template with the event in its place; the default one is nothing but the event."""
    text = template if isinstance(template, str) else msgspec.json.encode(template).decode()
    return text.replace(EVENT_MARK, msgspec.json.encode(body).decode()).encode()


def _headers(webhook: Document) -> dict[str, str]:
    """The webhook's own headers, less those that would break the request."""
    own = webhook.get("webhook_headers")
    pairs = own.items() if isinstance(own, Mapping) else ()
    return {str(name): str(value) for name, value in pairs if not {"\r", "\n"} & set(str(name) + str(value))}


async def _deliver(delivery: Delivery, method: str, headers: Mapping[str, str]) -> None:
    for wait in (0.0, *RETRY_WAITS):
        await asyncio.sleep(wait)
        delivery.statuses.append(await _try(delivery, method, headers))
        if delivery.delivered:
            return


async def _try(delivery: Delivery, method: str, headers: Mapping[str, str]) -> int | None:
    try:
        async with asyncio.timeout(PATIENCE):
            return await _post(urlsplit(delivery.url), method, headers, delivery.body)
    except (OSError, ValueError, IndexError, EOFError):
        return None


async def _post(url: SplitResult, method: str, headers: Mapping[str, str], body: bytes) -> int:
    """One request on a connection of its own; gives the status."""
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
