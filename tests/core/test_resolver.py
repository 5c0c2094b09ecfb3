"""Addresses are looked up once for all who need them, kept for a while, and forgotten when one does not work."""

import asyncio
import socket

import pytest
from aiohttp.abc import AbstractResolver, ResolveResult

from refold_async._core.transport.resolver import CachingResolver


class Directory(AbstractResolver):
    """Answers on request, with the current addresses; without any, it fails."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.asked = 0
        self.open = asyncio.Event()
        self.open.set()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        await self.open.wait()
        if not self.addresses:
            raise socket.gaierror(socket.EAI_NONAME, "no such host")
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address in self.addresses
        ]

    async def close(self) -> None:
        self.asked = -1


async def addresses(resolver: CachingResolver, host: str = "refold.test") -> list[str]:
    return [found["host"] for found in await resolver.resolve(host, 80)]


async def test_addresses_are_kept_and_taken_in_turn() -> None:
    directory = Directory("a", "b", "c")
    resolver = CachingResolver(30, directory)
    assert await addresses(resolver) == ["a", "b", "c"]
    directory.addresses = ["d"]
    assert {(await addresses(resolver))[0] for _ in range(3)} == {"a", "b", "c"}
    assert await addresses(resolver, "other.test") == ["d"]
    assert directory.asked == 2


async def test_forgotten_and_expired_entries_are_looked_up_again() -> None:
    directory = Directory("a")
    resolver, forgetful = CachingResolver(30, directory), CachingResolver(0, directory)
    await addresses(resolver)
    await addresses(forgetful)
    directory.addresses = ["b"]
    assert await addresses(resolver) == ["a"]
    assert await addresses(forgetful) == ["b"]
    resolver.forget()
    assert await addresses(resolver) == ["b"]


@pytest.mark.parametrize("forgets", [False, True])
async def test_one_look_up_serves_all_that_wait_for_it(forgets: bool) -> None:
    """Also if an entry is cleared meanwhile: then some look it up again, and none fails."""
    directory = Directory("a")
    directory.open.clear()
    resolver = CachingResolver(30, directory)

    async def meet() -> list[str]:
        found = await addresses(resolver)
        if forgets:
            resolver.forget()
        return found

    waiting = [asyncio.create_task(meet()) for _ in range(20)]
    await asyncio.sleep(0)
    directory.open.set()
    assert await asyncio.gather(*waiting) == [["a"]] * 20
    assert directory.asked == (20 if forgets else 1)


async def test_a_failure_is_shared_by_its_waiters_and_not_cached() -> None:
    directory = Directory()
    directory.open.clear()
    resolver = CachingResolver(30, directory)
    waiting = [asyncio.create_task(addresses(resolver)) for _ in range(20)]
    await asyncio.sleep(0)
    directory.open.set()
    failures = await asyncio.gather(*waiting, return_exceptions=True)
    assert {repr(failure) for failure in failures} == {
        repr(socket.gaierror(socket.EAI_NONAME, "no such host"))
    }
    assert directory.asked == 1
    directory.addresses = ["a"]
    assert await addresses(resolver) == ["a"]


async def test_a_cancelled_look_up_is_taken_over() -> None:
    directory = Directory("a")
    directory.open.clear()
    resolver = CachingResolver(30, directory)
    first, second = (asyncio.create_task(addresses(resolver)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    directory.open.set()
    assert await second == ["a"]


async def test_closing_closes_what_it_asks() -> None:
    directory = Directory()
    await CachingResolver(30, directory).close()
    assert directory.asked == -1
