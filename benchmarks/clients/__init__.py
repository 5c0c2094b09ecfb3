"""The compared clients: adapters that open a client and yield a coroutine function that executes once."""

from benchmarks.clients import bare, floor, sdk
from benchmarks.clients.adapter import Adapter

FLOOR = "floor: asyncio Protocol + msgspec"
CONNECTOR = "aiohttp connector without session"
TUNED = "aiohttp, tuned"
PLAIN = "aiohttp, typical use"
REFOLD = "refold_async"

CLIENTS: dict[str, Adapter] = {
    FLOOR: floor.protocol,
    CONNECTOR: bare.connector,
    REFOLD: sdk.refold,
    TUNED: bare.tuned,
    PLAIN: bare.plain,
}
