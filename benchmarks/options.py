"""The options of a run, and comparing clients by them."""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from benchmarks.clients import CLIENTS, peers
from benchmarks.clients.adapter import Adapter
from benchmarks.rounds import Rounds, interleave


@dataclass(frozen=True, slots=True)
class RunOptions:
    """Options from the command line.

    Attributes:
        rounds: The number of rounds per comparison.
        seconds: The approximate duration per contender and round.
        peers: Whether to include the installed peers.
        brief: Whether to leave out what no bound needs.
    """

    rounds: int = 7
    seconds: float = 0.25
    peers: bool = False
    brief: bool = False

    @property
    def clients(self) -> dict[str, Adapter]:
        return CLIENTS | (peers.installed() if self.peers else {})

    def compare(self, base_url: str, *, in_flight: int, tls: ssl.SSLContext | None = None) -> Rounds:
        """Compare the clients against one server."""
        return asyncio.run(compare(self.clients, self, base_url, in_flight=in_flight, tls=tls))


async def compare(
    contenders: Mapping[str, Adapter],
    options: RunOptions,
    base_url: str,
    *,
    in_flight: int,
    tls: ssl.SSLContext | None = None,
) -> Rounds:
    """Compare any clients against one server; all of them are open at the same time."""
    async with AsyncExitStack() as stack:
        calls = {
            name: await stack.enter_async_context(adapter(base_url, tls))
            for name, adapter in contenders.items()
        }
        return await interleave(calls, rounds=options.rounds, in_flight=in_flight, seconds=options.seconds)
