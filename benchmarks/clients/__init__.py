"""The clients, one table of small adapters: each opens, and yields a coroutine that executes once."""

from benchmarks.clients import bare, floor, sdk
from benchmarks.clients.adapter import Adapter

FLOOR = "floor: asyncio Protocol + msgspec"
CONNECTOR = "aiohttp's connector, no session"
TUNED = "aiohttp, tuned"
PLAIN = "aiohttp, as people write it"
REFOLD = "refold_async"

CLIENTS: dict[str, Adapter] = {
    FLOOR: floor.protocol,
    CONNECTOR: bare.connector,
    REFOLD: sdk.refold,
    TUNED: bare.tuned,
    PLAIN: bare.plain,
}
