"""One row of the catalogue: how to set up a fault, and the outcome that a client must report."""

import asyncio
import os
import ssl
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Literal, TypeVar

from .answers import good
from .certs import Certificate, server_context
from .server import LOOPBACK, FaultServer, Listening
from .steps import Request, Scenario, Script

T = TypeVar("T")
Effect = Literal["read", "write"]
Fate = Literal["not_sent", "rejected", "unknown", "done"]
Wire = Literal["tcp", "tls"]

TCP: tuple[Wire, ...] = ("tcp",)
TLS: tuple[Wire, ...] = ("tls",)
BOTH: tuple[Wire, ...] = ("tcp", "tls")

NO_SUCH_HOST = ".".join(["nowhere"] * 40 + ["invalid"])
"""Too long for a host name, so that resolvers fail at once instead of asking the network."""
REPLY_LIMIT = 1 << 20
"""The response size limit, in bytes, that clients use in these tests."""
STRICT_PARSER = sys.flags.dev_mode or bool(os.environ.get("PYTHONASYNCIODEBUG"))
"""Whether aiohttp parses responses strictly, which it does in Python's and asyncio's debug modes only."""


@dataclass(frozen=True, slots=True)
class Expected:
    """The expected outcome of a call that meets a fault.

    Attributes:
        error: the class of the error if every attempt meets the fault, or None if the response is accepted.
        fate: the fate that the error reports.
        retried: whether the call recovers from a single occurrence by retrying.
        seen: the number of requests that the server reads when the fault occurs once, without the warm-up.
    """

    error: str | None = None
    fate: Fate | None = None
    retried: bool = False
    seen: int = 1

    @property
    def succeeds(self) -> bool:
        """Whether the call returns a result when the fault occurs once."""
        return self.error is None or self.retried


def nothing(_: Request) -> bytes:
    """Return no bytes."""
    return b""


@dataclass(frozen=True, slots=True)
class Idle:
    """What happens on a kept-alive connection between two calls.

    Attributes:
        data: returns unsolicited bytes, given the previous request.
        fin: whether the server closes as well.
        noticed: whether the client's event loop runs before its next call.
    """

    data: Callable[[Request], bytes] = nothing
    fin: bool = True
    noticed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One misbehaviour of a network or a service.

    Attributes:
        id: its stable name.
        words: a one-line description.
        read: the expected outcome of a read.
        write: the expected outcome of a write.
        scenario: returns the script for a faulted request.
        accept: what happens to a faulted connection before TLS and the first request.
        idle: what happens between a good warm-up call and the call under test.
        warm: whether a good call on the same connection precedes the faulted one.
        listening: whether the port accepts connections.
        host: the host name that the client uses.
        certificate: the certificate of a faulted TLS connection.
        wires: the wires on which the fault can occur.
        wait: the expected `retry_after` of the error, in seconds.
        late: whether an execute returns normally and the error is raised when its data is decoded.
        lenient: whether the accepted response is rejected as unreadable in debug modes.
        silent: whether the deadline ends the call even if its error is a different one.
        following: the class of the next call's error, if the fault outlasts the call.
    """

    id: str
    words: str
    read: Expected
    write: Expected
    scenario: Scenario = good
    accept: Script = ()
    idle: Idle | None = None
    warm: bool = False
    listening: Listening = "yes"
    host: str = LOOPBACK
    certificate: Certificate = "good"
    wires: tuple[Wire, ...] = BOTH
    wait: float | None = None
    late: bool = False
    lenient: bool = False
    silent: bool = False
    following: str | None = None

    @property
    def recovers(self) -> bool:
        """Whether the next call succeeds."""
        return self.following is None

    @property
    def warms_up(self) -> bool:
        """Whether a good call precedes the call under test."""
        return self.warm or self.idle is not None

    @property
    def lasting(self) -> bool:
        """Whether the fault prevents reaching the server at all, and so cannot occur just once."""
        return self.listening != "yes" or self.host == NO_SUCH_HOST

    def expected(self, effect: Effect) -> Expected:
        """Return the expected outcome of a call with the given effect."""
        if self.lenient and STRICT_PARSER:
            return Expected("UnreadableReplyError", "unknown")
        return self.read if effect == "read" else self.write

    def server(self, wire: Wire, *, times: int | None = 1, second: float = 0.02) -> FaultServer:
        """Return a server that produces this fault `times` times (None: always), then behaves well."""
        scenarios: Iterator[Scenario] = _times(self.scenario, times)
        accepts: Iterator[Script] = _times(self.accept, times)
        return FaultServer(
            scenarios=chain([good], scenarios) if self.warms_up else scenarios,
            accepts=accepts if self.accept else (),
            tls=self._contexts(times) if wire == "tls" else (),
            listening=self.listening,
            second=second,
        )

    async def between_calls(self, server: FaultServer) -> None:
        """Apply what happens between the warm-up call and the call under test."""
        if self.idle is None:
            return
        server.cut_idle(self.idle.data(server.requests[-1]), fin=self.idle.fin)
        if self.idle.noticed:
            await asyncio.sleep(server.second)

    def _contexts(self, times: int | None) -> Iterable[ssl.SSLContext]:
        if self.certificate == "good":
            return [server_context()]
        return chain(_times(server_context(self.certificate), times), repeat(server_context()))


def _times(what: T, times: int | None) -> Iterator[T]:
    return repeat(what) if times is None else repeat(what, times)
