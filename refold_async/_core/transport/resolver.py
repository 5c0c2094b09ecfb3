"""Resolves host names, and keeps their addresses until they are old or fail.

aiohttp's own cache cannot be used: clearing an entry while connections wait for its look-up makes them raise
KeyError.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

_Key = tuple[str, int, socket.AddressFamily]


class CachingResolver(AbstractResolver):
    """Looks each host up once for all connections that need it at a time.

    Args:
        lifetime: Seconds that its addresses are kept.
        resolver: What looks them up; default: aiohttp's.
    """

    def __init__(self, lifetime: float, resolver: AbstractResolver | None = None) -> None:
        self._clock: Final = asyncio.get_running_loop().time
        self._lifetime = lifetime
        self._resolver = resolver or DefaultResolver()
        self._locks: dict[_Key, asyncio.Lock] = {}
        self._kept: dict[_Key, tuple[float, list[ResolveResult]]] = {}
        self._failed: dict[_Key, tuple[float, OSError]] = {}

    def forget(self) -> None:
        """Look every host up again for the next connection: an address did not work."""
        self._kept.clear()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host, another one first each time.

        Raises:
            OSError: If it cannot be resolved.
        """
        key = (host, port, family)
        if (found := self._find(key)) is not None:
            return found
        asked = self._clock()
        async with self._locks.setdefault(key, asyncio.Lock()):
            # Another connection has looked it up while this one waited.
            if (found := self._find(key)) is not None:
                return found
            failed_at, failure = self._failed.get(key, (-1.0, OSError()))
            if failed_at >= asked:
                raise type(failure)(*failure.args)
            return await self._look_up(key)

    def _find(self, key: _Key) -> list[ResolveResult] | None:
        expires, addresses = self._kept.get(key, (0.0, []))
        if self._clock() >= expires:
            return None
        self._kept[key] = expires, [*addresses[1:], addresses[0]]
        return addresses

    async def _look_up(self, key: _Key) -> list[ResolveResult]:
        host, port, family = key
        try:
            addresses = await self._resolver.resolve(host, port, family)
        except OSError as error:
            self._failed[key] = self._clock(), error
            raise
        if addresses:
            self._kept[key] = self._clock() + self._lifetime, addresses
        return addresses

    async def close(self) -> None:
        """Close what looks the addresses up."""
        await self._resolver.close()
