"""The steps that a script is made of: what the server does to one connection, in order."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived; header names are in lower case, `connection` counts from 1."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int

    def header(self, name: str) -> str | None:
        """The first value of a header, or None."""
        return next((value for key, value in self.headers if key == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Send:
    """Send all bytes at once."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Drip:
    """Send `chunk` bytes, wait `interval` scripted seconds, and so on to the end."""

    data: bytes
    chunk: int = 1
    interval: float = 1.0


@dataclass(frozen=True, slots=True)
class Flood:
    """Send the same bytes over and over until the client goes away."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait so many scripted seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Expect:
    """Read until these bytes have come; the empty bytes stand for anything at all."""

    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Close:
    """Send FIN, after TLS's own farewell unless `notify` is false; then wait for the client to close."""

    notify: bool = True


@dataclass(frozen=True, slots=True)
class Reset:
    """Send RST."""


@dataclass(frozen=True, slots=True)
class Hang:
    """Say nothing more, until the client closes."""


Step: TypeAlias = Send | Drip | Flood | Sleep | Expect | Close | Reset | Hang
Script: TypeAlias = tuple[Step, ...]
Play: TypeAlias = Callable[[Request], Script]
