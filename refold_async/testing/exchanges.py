"""Recorded exchanges: what a file of them holds, without the secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

CUT: Final = "***"
"""What stands in the place of a secret."""

_TELLING: Final = re.compile(
    r"api[-_]?key|token|secret|passw(or)?d|passphrase|authorization|credential|signature|cookie|private[-_]?key",
    re.IGNORECASE,
)
_IN_QUERY: Final = re.compile(rf"([?&][^=&]*(?:{_TELLING.pattern})[^=&]*=)[^&]*", re.IGNORECASE)


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A request: what tells it from others.

    Attributes:
        method: The HTTP method.
        target: The path and the query.
        linked_account_id: The customer, where the request names one.
        body: The body's JSON, or its text; `None` for none.
    """

    method: str
    target: str
    linked_account_id: str | None = None
    body: Any = None

    def __str__(self) -> str:
        account = "" if self.linked_account_id is None else f" for {self.linked_account_id!r}"
        body = "" if self.body is None else f" with {msgspec.json.encode(self.body).decode()}"
        return f"{self.method} {self.target}{account}{body}"


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """An answer.

    Attributes:
        status: The HTTP status.
        headers: `Content-Type` and `Retry-After`, where they came.
        body: The body as text.
    """

    status: int
    headers: dict[str, str]
    body: str


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A request and its answer."""

    asked: Asked
    answered: Answered


class Scrubber:
    """Cuts secrets out: those that it knows, and what stands under a telling name, as `access_token`.

    Args:
        secrets: Texts to cut out wherever they stand.
        renamed: Texts to put in the place of others, as of a customer's address.
    """

    def __init__(self, secrets: Iterable[str] = (), renamed: Mapping[str, str] | None = None) -> None:
        self._replaced = {**dict.fromkeys(filter(None, secrets), CUT), **(renamed or {})}

    def learn(self, secret: str) -> None:
        """Cut one more text out, from now on."""
        if secret:
            self._replaced.setdefault(secret, CUT)

    def text(self, text: str) -> str:
        """Cut the known secrets out of a text."""
        for secret in sorted(self._replaced, key=len, reverse=True):
            text = text.replace(secret, self._replaced[secret])
        return text

    def target(self, target: str) -> str:
        """Cut the secrets out of a path with its query."""
        return _IN_QUERY.sub(rf"\g<1>{CUT}", self.text(target))

    def body(self, body: bytes) -> Any:
        """Give a body's JSON, or its text, without secrets; `None` for an empty one."""
        if not body:
            return None
        try:
            return self._values(msgspec.json.decode(body))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self.text(body.decode(errors="replace"))

    def answer(self, body: bytes) -> str:
        """Give an answer's body as text without secrets; what holds none stays as it came."""
        try:
            value = msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return self.text(body.decode(errors="replace"))
        cut = self._values(value)
        return body.decode() if cut == value else msgspec.json.encode(cut).decode()

    def _values(self, value: Any) -> Any:
        match value:
            case dict():
                return {self.text(name): self._value(name, inner) for name, inner in value.items()}
            case list():
                return [self._values(inner) for inner in value]
            case str():
                return self.text(value)
            case _:
                return value

    def _value(self, name: str, value: Any) -> Any:
        secret = isinstance(value, str | int) and not isinstance(value, bool) and _TELLING.search(name)
        return CUT if secret and value != "" else self._values(value)


def load(path: Path) -> list[Exchange]:
    """Read a file of exchanges.

    Raises:
        FileNotFoundError: There is none; the message says how to record one.
        msgspec.ValidationError: The file holds something else.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no recording at {path}: record it with pytest --refold-record")
    return msgspec.json.decode(path.read_bytes(), type=list[Exchange])


def save(path: Path, exchanges: Iterable[Exchange]) -> None:
    """Write a file of exchanges, in the place of one that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(list(exchanges)), indent=2) + b"\n")
