"""Recorded requests and responses, without secrets, and the files that hold them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import msgspec

from refold_async._core.lenient_json import loads
from refold_async._core.private_files import open_private

CUT: Final = "***"
"""The replacement for a secret."""

_TELLING: Final = re.compile(
    r"api[-_]?key|access[-_]?key|private[-_]?key|token|jwt|secret|passw(?:or)?d|passphrase|passcode|pwd"
    r"|authorization|credential|signature|cookie|session[-_]?id",
    re.IGNORECASE,
)
_NAMING: Final = ("name", "key", "id", "field", "header")
"""The fields that may hold the name in a pair of name and value."""

_SHAPES: Final = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"((?:^|[?&\s])[^=&?\s\"]*(?:{_TELLING.pattern})[^=&?\s\"]*=)[^&#\s\"\\]+",  # a query or form
        rf"(\"[^\"]*(?:{_TELLING.pattern})[^\"]*\"\s*:\s*\")(?:[^\"\\]|\\.)+",  # JSON in a string
        r"(\bBearer\s+)[^\s\"\\,]+",
        r"(\b)eyJ[\w-]+\.[\w-]+\.[\w-]*",  # a JWT
        r"(://[^/\s@:\"]*:)[^/\s@\"]+(?=@)",  # a URL with a password
        r"(-----BEGIN [A-Z ]*PRIVATE KEY-----)[^\"]*",
        r"(https://hooks\.slack\.com/[a-z]+/)[\w/]+",
    )
] + [
    # With a digit: a long name may begin in the same way.
    re.compile(rf"(?<![A-Za-z0-9])({prefix})(?=[\w.+/-]*\d)[\w.+/-]{{{least},}}=*")
    for prefix, least in (
        (r"xox[a-z]-|xapp-", 8),  # Slack
        (r"(?:sk|rk|pk|whsec)_(?:live_|test_)?", 16),  # Stripe
        (r"sk-(?:ant-|proj-)?", 16),  # OpenAI, Anthropic
        (r"AKIA|ASIA", 16),  # AWS
        (r"AIza", 30),  # Google
        (r"ya29\.", 10),
        (r"gh[oprsu]_|github_pat_", 20),  # GitHub
        (r"glpat-", 16),  # GitLab
        (r"shp(?:at|ca|pa|ss)_", 16),  # Shopify
        (r"pat-[a-z]{2}\d-", 16),  # HubSpot
        (r"SG\.", 16),  # SendGrid
        (r"Basic ", 12),
        (r"dop_v1_|npm_|hf_|pypi-|lin_api_|ntn_|secret_", 20),
        (r"tk_|ck_", 16),
    )
]
"""Patterns of secrets in text; the first group is kept. Services give their keys these prefixes."""


class RecordedRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded request: the parts that identify it.

    Attributes:
        method: The HTTP method.
        target: The path and the query.
        linked_account_id: The customer, if the request names one.
        body: The body's JSON or text; `None` if empty.
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
    """A recorded response.

    Attributes:
        status: The HTTP status.
        headers: `Content-Type` and `Retry-After`, if present.
        body: The body as text.
    """

    status: int
    headers: dict[str, str]
    body: str


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded request and its response."""

    request: RecordedRequest = msgspec.field(name="asked")
    response: RecordedResponse = msgspec.field(name="answered")


class Scrubber:
    """Removes secrets: known ones, values with a telling name, and anything that looks like one.

    A telling name is e.g. `access_token`; bearer tokens, JWTs, passwords in URLs and private keys look like
    secrets.

    Args:
        secrets: Strings to remove wherever they occur.
        renamed: Replacements for other strings, e.g. a customer's address.
    """

    def __init__(self, secrets: Iterable[str] = (), renamed: Mapping[str, str] | None = None) -> None:
        self._replaced: dict[str, str] = {}
        for text, instead in (renamed or {}).items():
            self._replace(text, instead)
        for secret in secrets:
            self.learn(secret)

    def learn(self, secret: str) -> None:
        """Remove another secret from now on."""
        if secret:
            self._replace(secret, CUT)

    def _replace(self, text: str, instead: str) -> None:
        """Replace a string, also where it is encoded in a URL."""
        self._replaced.setdefault(quote(text, safe=""), quote(instead, safe="*"))
        self._replaced.setdefault(text, instead)

    def text(self, text: str) -> str:
        """Return a string without secrets, e.g. a path with its query."""
        for secret in sorted(self._replaced, key=len, reverse=True):
            text = text.replace(secret, self._replaced[secret])
        for shape in _SHAPES:
            text = shape.sub(rf"\g<1>{CUT}", text)
        return text

    def body(self, body: bytes) -> Any:
        """Return a request body's JSON or text without secrets, or `None` if it is empty."""
        if not body:
            return None
        try:
            return self._values(loads(body))
        except (ValueError, RecursionError):
            return self.text(body.decode(errors="replace"))

    def answer(self, body: bytes) -> str:
        """Return a response body as text without secrets, unchanged if it holds none."""
        try:
            value = loads(body)
        except (ValueError, RecursionError):
            return self.text(body.decode(errors="replace"))
        cut = self._values(value)
        # decoding drops all but the last value of a repeated name: the others are in the text alone
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
        """Return an object without secrets; its `value` is also checked by the object's own name."""
        called = " ".join([name, *(text for key in _NAMING if isinstance(text := value.get(key), str))])
        return {
            self.text(key): self._value(called if key == "value" else key, inner)
            for key, inner in value.items()
        }


def load(path: Path) -> list[Exchange]:
    """Load the exchanges of a file.

    Raises:
        FileNotFoundError: If it does not exist; the message says how to record it.
        msgspec.ValidationError: If the file is not a recording.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no recording at {path}: record it with pytest --refold-record")
    return msgspec.json.decode(path.read_bytes(), type=list[Exchange])


def save(path: Path, exchanges: Iterable[Exchange]) -> None:
    """Save exchanges to a file, replacing it if it exists; a new one is readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = msgspec.json.format(msgspec.json.encode(list(exchanges)), indent=2) + b"\n"
    with open_private(path, "wb") as file:
        file.write(content)
