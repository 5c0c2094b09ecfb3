"""What one row of the catalogue says: how to set a fault up, and what a client makes of it."""

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
from .steps import Play, Request, Script

T = TypeVar("T")
Effect = Literal["read", "write"]
Fate = Literal["not_sent", "rejected", "unknown"]
Wire = Literal["tcp", "tls"]

TCP: tuple[Wire, ...] = ("tcp",)
TLS: tuple[Wire, ...] = ("tls",)
BOTH: tuple[Wire, ...] = ("tcp", "tls")

NO_SUCH_HOST = ".".join(["nowhere"] * 40 + ["invalid"])
"""Longer than a name may be, so that no resolver asks the network, which may take seconds to say no."""
REPLY_LIMIT = 1 << 20
"""The size limit of a reply, in bytes, that a client must be given for the rows on size."""
STRICT_PARSER = sys.flags.dev_mode or bool(os.environ.get("PYTHONASYNCIODEBUG"))
"""Whether aiohttp reads answers by the letter, which it does in Python's and asyncio's debug modes only."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What becomes of a call that meets a fault.

    Attributes:
        error: the class of the error where the fault meets every try; None where the answer is accepted.
        fate: what the error says became of the call.
        retried: whether a fault that comes once is survived by another try.
        seen: how many requests the server reads for the call when the fault comes once; a warm-up aside.
    """

    error: str | None = None
    fate: Fate | None = None
    retried: bool = False
    seen: int = 1

    @property
    def succeeds(self) -> bool:
        """Whether the call returns a result when the fault comes once."""
        return self.error is None or self.retried


def nothing(_: Request) -> bytes:
    """No bytes."""
    return b""


@dataclass(frozen=True, slots=True)
class Idle:
    """What happens on a kept-alive connection between two calls.

    Attributes:
        data: the bytes that nobody asked for, made for the request before.
        fin: whether the server closes as well.
        noticed: whether the client's loop gets a turn before its next call.
    """

    data: Callable[[Request], bytes] = nothing
    fin: bool = True
    noticed: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One misbehaviour of a network or a service.

    Attributes:
        id: its stable name.
        words: what happens, in a line.
        read: what becomes of a call that only reads.
        write: what becomes of a call that may change something.
        play: the script of a faulted request.
        accept: what happens to a faulted connection before TLS and the first request.
        idle: what happens between a good warm-up call and the call in question.
        warm: whether a good call on the same connection precedes the faulted one.
        listening: what the port does.
        host: the name that the client is given for the server.
        certificate: what a faulted connection shows for itself under TLS.
        wires: where the fault can be played.
        wait: the pause in seconds that the error carries, from the server's own words.
        late: whether an execute returns all the same, and the error comes when its data is decoded.
        lenient: whether what is accepted is refused, as unreadable, in debug modes.
        silent: whether the deadline ends the call, also where its error is another.
        following: the class of the next call's error, where the fault outlasts the call.
    """

    id: str
    words: str
    read: Expected
    write: Expected
    play: Play = good
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
        """Whether a good call comes before the call in question."""
        return self.warm or self.idle is not None

    @property
    def lasting(self) -> bool:
        """Whether the fault lies in reaching the server, and so cannot come just once."""
        return self.listening != "yes" or self.host == NO_SUCH_HOST

    def expected(self, effect: Effect) -> Expected:
        """What becomes of a call of that effect."""
        if self.lenient and STRICT_PARSER:
            return Expected("UnreadableReplyError", "unknown")
        return self.read if effect == "read" else self.write

    def server(self, wire: Wire, *, times: int | None = 1, second: float = 0.02) -> FaultServer:
        """A server that plays this fault so many times, or always for None, and then serves well."""
        plays: Iterator[Play] = _times(self.play, times)
        accepts: Iterator[Script] = _times(self.accept, times)
        return FaultServer(
            plays=chain([good], plays) if self.warms_up else plays,
            accepts=accepts if self.accept else (),
            tls=self._contexts(times) if wire == "tls" else (),
            listening=self.listening,
            second=second,
        )

    async def between_calls(self, server: FaultServer) -> None:
        """Play what happens between the warm-up call and the call in question."""
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
