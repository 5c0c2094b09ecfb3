"""The steps of a script: what the server does to one connection, in order."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Request:
    """One received request; header names are in lower case, `connection` counts from 1."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int

    def header(self, name: str) -> str | None:
        """Return the first value of a header, or None."""
        return next((value for key, value in self.headers if key == name.lower()), None)


@dataclass(frozen=True, slots=True)
class Send:
    """Send all bytes at once."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Drip:
    """Send `chunk` bytes every `interval` scripted seconds."""

    data: bytes
    chunk: int = 1
    interval: float = 1.0


@dataclass(frozen=True, slots=True)
class Flood:
    """Send the same bytes repeatedly until the client disconnects."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait for a number of scripted seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Expect:
    """Read until these bytes have been received; empty bytes match any data."""

    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Close:
    """Send FIN, after TLS's close_notify unless `notify` is false; then wait for the client to close."""

    notify: bool = True


@dataclass(frozen=True, slots=True)
class Reset:
    """Send RST."""


@dataclass(frozen=True, slots=True)
class Hang:
    """Send nothing more until the client closes."""


Step: TypeAlias = Send | Drip | Flood | Sleep | Expect | Close | Reset | Hang
Script: TypeAlias = tuple[Step, ...]
Scenario: TypeAlias = Callable[[Request], Script]
