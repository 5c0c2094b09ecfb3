"""Recorded exchanges: what a file of them holds, without the secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec

CUT: Final = "***"
"""What stands in the place of a secret."""

_TELLING: Final = re.compile(
    r"api[-_]?key|access[-_]?key|private[-_]?key|token|jwt|secret|passw(?:or)?d|passphrase|passcode|pwd"
    r"|authorization|credential|signature|cookie|session[-_]?id",
    re.IGNORECASE,
)
_NAMING: Final = ("name", "key", "id", "field", "header")
"""The names under which a pair of name and value has its name."""

_SHAPES: Final = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"((?:^|[?&\s])[^=&?\s\"]*(?:{_TELLING.pattern})[^=&?\s\"]*=)[^&#\s\"\\]+",  # a query, a form
        rf"(\"[^\"]*(?:{_TELLING.pattern})[^\"]*\"\s*:\s*\")(?:[^\"\\]|\\.)+",  # JSON in a text
        r"(\bBearer\s+)[^\s\"\\,]+",
        r"(\b)eyJ[\w-]+\.[\w-]+\.[\w-]*",  # a JWT
        r"(://[^/\s@:\"]*:)[^/\s@\"]+(?=@)",  # a URL with a password
        r"(-----BEGIN [A-Z ]*PRIVATE KEY-----)[^\"]*",
    )
]
"""How secrets look in a text; what stands before them stays."""


class RecordedRequest(msgspec.Struct, frozen=True, kw_only=True):
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


class RecordedResponse(msgspec.Struct, frozen=True, kw_only=True):
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

    request: RecordedRequest = msgspec.field(name="asked")
    response: RecordedResponse = msgspec.field(name="answered")


class Scrubber:
    """Cuts secrets out: those that it knows, what stands under a telling name, and what looks like one.

    A telling name is one such as `access_token`; what looks like a secret is a bearer's token, a JWT, a
    password in a URL, a private key.

    Args:
        secrets: Texts to cut out wherever they stand.
        renamed: Texts to put in the place of others, as of a customer's address.
    """

    def __init__(self, secrets: Iterable[str] = (), renamed: Mapping[str, str] | None = None) -> None:
        self._replaced: dict[str, str] = {}
        for text, instead in (renamed or {}).items():
            self._replace(text, instead)
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """Cut one more text out, from now on."""
        if secret:
            self._replace(secret, CUT)

    def _replace(self, text: str, instead: str) -> None:
        """Put a text in the place of another, also where that stands encoded in a URL."""
        self._replaced.setdefault(quote(text, safe=""), quote(instead, safe="*"))
        self._replaced.setdefault(text, instead)

    def text(self, text: str) -> str:
        """Cut secrets out of a text, as a path with its query."""
        for secret in sorted(self._replaced, key=len, reverse=True):
            text = text.replace(secret, self._replaced[secret])
        for shape in _SHAPES:
            text = shape.sub(rf"\g<1>{CUT}", text)
        return text

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
        # a name that comes twice has its first value in the text alone
        return self.text(body.decode()) if cut == value else msgspec.json.encode(cut).decode()

    def _values(self, value: Any) -> Any:
        match value:
            case dict():
                return self._object("", value)
            case list():
                return [self._values(inner) for inner in value]
            case str():
                return self.text(value)
            case _:
                return value

    def _value(self, name: str, value: Any) -> Any:
        if not _TELLING.search(name):
            return self._values(value)
        match value:
            case bool() | None | "":
                return value
            case dict():
                return self._object(name, value)
            case list():
                return [self._value(name, inner) for inner in value]
            case _:
                return CUT

    def _object(self, name: str, value: dict[str, Any]) -> dict[str, Any]:
        """Cut an object's values; its `value` is also judged by what the object is called."""
        called = " ".join([name, *(text for key in _NAMING if isinstance(text := value.get(key), str))])
        return {
            self.text(key): self._value(called if key == "value" else key, inner)
            for key, inner in value.items()
        }


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
