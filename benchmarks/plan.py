"""How a run is made: rounds, and which clients take part."""

import asyncio
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

from benchmarks.clients import CLIENTS, peers
from benchmarks.clients.adapter import Adapter
from benchmarks.rounds import Rounds, interleave


@dataclass(frozen=True, slots=True)
class PreparedCall:
    """What the command line chose.

    Attributes:
        rounds: Rounds of each comparison.
        seconds: What a contender gets in a round, about.
        peers: Whether the installed peers take part.
    """

    rounds: int = 7
    seconds: float = 0.25
    peers: bool = False

    @property
    def clients(self) -> dict[str, Adapter]:
        return CLIENTS | (peers.installed() if self.peers else {})

    def compare(self, base_url: str, *, in_flight: int, tls: ssl.SSLContext | None = None) -> Rounds:
        """The clients side by side against one server."""
        return asyncio.run(compare(self.clients, self, base_url, in_flight=in_flight, tls=tls))


async def compare(
    contenders: Mapping[str, Adapter],
    plan: PreparedCall,
    base_url: str,
    *,
    in_flight: int,
    tls: ssl.SSLContext | None = None,
) -> Rounds:
    """Any clients side by side against one server, all of them open at once."""
    async with AsyncExitStack() as stack:
        calls = {
            name: await stack.enter_async_context(adapter(base_url, tls))
            for name, adapter in contenders.items()
        }
        return await interleave(calls, rounds=plan.rounds, in_flight=in_flight, seconds=plan.seconds)
