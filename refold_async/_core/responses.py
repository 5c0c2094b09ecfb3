"""Turns a response into a value or an error. No I/O."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec

from refold_async._core.credentials import NO_SECRET, Secret
from refold_async._core.decoding import read_as
from refold_async._core.encoding import dump
from refold_async._core.retries import LONGEST_RETRY_AFTER
from refold_async.errors import (
    AuthenticationError,
    BadRequestError,
    ConflictError,
    Fate,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ReconnectRequiredError,
    RedirectError,
    ServerError,
    StatusError,
    UnprocessableError,
    UnreadableReplyError,
)


class RedactedRepr(msgspec.Struct, frozen=True):
    """Base of structs whose `repr` hides their content, also from rich, which asks for the fields."""

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


class Response(RedactedRepr, frozen=True, gc=False):
    """One response as it was received. Header names are looked up as HTTP spells them."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        """Show no content: a server may echo the credential, and tracebacks show locals."""
        return f"Response({self.status}, {len(self.body)} bytes)"


T = TypeVar("T")

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def read(answer: type[T], response: Response, secret: str = "") -> T:
    """Decode a response into a type.

    Args:
        answer: The type to decode a successful response into.
        response: The response.
        secret: The credential, which is removed from error messages.

    Raises:
        StatusError: If the status is not 2xx; its class depends on the status.
        UnreadableReplyError: If the body does not fit that type.
    """
    if not is_success(response.status):
        raise status_error(response, secret=secret)
    return read_as(answer, response.body)


def is_success(status: int) -> bool:
    """Whether an HTTP status is a success (2xx)."""
    return 200 <= status < 300


class _ErrorBody(msgspec.Struct):
    """The body of an error. Any field may be missing or of any type."""

    message: Any = None
    http_error_type: Any = None
    error: Any = None
    error_code: Any = None
    request_id: Any = None
    reauth_required: Any = None


_CLASSES: Final[dict[int, type[StatusError]]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: UnprocessableError,
    429: RateLimitedError,
}
_OF_THE_APP: Final = re.compile(r"external[_ ]api", re.IGNORECASE)
_OF_THE_CONNECTION: Final = re.compile(
    r"re-?auth|re-?connect|not[ _]connected|disconnected|external[_ ]api|invalid[ _]grant|refresh[ _]token"
    r"|connect(?:ion|ed).{0,80}expired|expired.{0,80}connect(?:ion|ed)",
    re.IGNORECASE,
)
_LONGEST_MESSAGE: Final = 500


def status_error(response: Response, *, secret: str = "", now: datetime | None = None) -> StatusError:
    """Return the error for a response that is not a success.

    Args:
        response: The response.
        secret: The credential, which is removed from everything that the error repeats.
        now: The time that a `Retry-After` date is relative to; default: now.
    """
    status = response.status
    body = _error_body_of(response.body)
    code = _text(body.error_code or body.error, secret)
    kind = _text(body.http_error_type, secret)
    message = _text(body.message, secret) or _plain_message(response, secret)
    reauth = None if body.reauth_required is None else "reauth_required"
    text = " ".join(part for part in (code, kind, message, reauth) if part)
    error = _class_of(status, text)(
        message,
        fate="rejected" if refuses(status) else "unknown",
        status=status,
        error_type=kind,
        error_code=code,
        request_id=_text(body.request_id or response.headers.get("X-Request-Id"), secret),
        retry_after=retry_after(response.headers.get("Retry-After"), now=now),
    )
    if isinstance(error, RateLimitedError) and _OF_THE_APP.search(text):
        error.by_app = True
        error.fate = "unknown"
    return error


def _class_of(status: int, text: str) -> type[StatusError]:
    if status in {401, 403} and _OF_THE_CONNECTION.search(text):
        return ReconnectRequiredError
    if 300 <= status < 400:
        return RedirectError
    if 500 <= status < 600:
        return ServerError
    return _CLASSES.get(status, StatusError)


_UNDECIDED: Final = frozenset({303, 408, 499})
"""Statuses below 500 that may answer a request that was done.

303 points to the outcome of a POST. Many servers answer 408 when a handler takes too long, and let it run on;
gateways answer 499 for a caller that they took for gone."""


def refuses(status: int) -> bool:
    """Whether an HTTP status says that the request was not done."""
    return 300 <= status < 500 and status not in _UNDECIDED


def _error_body_of(body: bytes) -> _ErrorBody:
    try:
        return read_as(_ErrorBody, body)
    except UnreadableReplyError:
        return _ErrorBody()


def _text(value: object, secret: str) -> str | None:
    """Return what the service wrote as one short line without the credential."""
    if value is None or value == "" or value is False:
        return None
    text = value if isinstance(value, str) else dump(value).decode()
    # Redacted before it is cut: a secret across the cut would otherwise show its first half.
    return bounded(redact(text, secret))


_NEVER_ESCAPED: Final = re.compile(r"[A-Za-z0-9._~-]*")


def redact(text: str, secret: str) -> str:
    """Remove a credential from a string, also one that is escaped as in JSON, a URL or HTML."""
    if _NEVER_ESCAPED.fullmatch(secret):
        return text.replace(secret, "***") if secret else text
    return re.sub("".join(map(_spellings, secret)), "***", text)


def _spellings(character: str) -> str:
    """Return a pattern for a character, however often it was escaped."""
    if _NEVER_ESCAPED.fullmatch(character):
        return character
    escaped = "|".join(map(re.escape, {character, html.escape(character)}))
    return rf"(?:\\*(?:{escaped}|u00(?i:{ord(character):02x}))|%(?:25)*(?i:{ord(character):02x}))"


def bounded(text: str) -> str:
    """Return a string on one line, cut to 500 characters, without control characters and surrogates."""
    line = " ".join(_CONTROL.sub(" ", text[: 4 * _LONGEST_MESSAGE]).split())
    line = line.encode(errors="replace").decode()
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]}…"


def _plain_message(response: Response, secret: str) -> str:
    """Describe a response without an error body."""
    try:
        phrase = HTTPStatus(response.status).phrase
    except ValueError:
        phrase = "no known status"
    kind = bounded(redact(response.headers.get("Content-Type", ""), secret)) or "no content type"
    if not response.body:
        return f"{phrase}, with an empty body"
    return f"{phrase}, with a body that is not an error envelope ({kind}, {len(response.body)} bytes)"


def retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Parse a `Retry-After` header: seconds, or a date.

    Args:
        value: The header's value.
        now: The time that a date is relative to; default: now.

    Returns:
        Seconds to wait, at least 0; `None` if the header is absent, malformed, or absurd (negative, not
        finite, or more than a day).
    """
    if value is None:
        return None
    seconds = _seconds_of(value.strip(), now)
    return seconds if seconds is not None and 0 <= seconds <= LONGEST_RETRY_AFTER else None


def _seconds_of(value: str, now: datetime | None) -> float | None:
    try:
        return float(value)
    except ValueError:
        pass
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - (now or datetime.now(UTC))).total_seconds()


class AttemptState(msgspec.Struct, gc=False):
    """How far one attempt got.

    Attributes:
        fresh: Whether it must open a new connection, because the last attempt was lost on a reused one.
        sent: Whether any of the request may have been sent.
        stale: Whether it was lost, or got no response in time, on a connection that had been used before.
        status: The status of the response, once all of it was received.
        secret: The secret that it was sent with.
        due: When it times out, by the event loop's clock, once the exchange has begun.
    """

    fresh: bool = False
    sent: bool = False
    stale: bool = False
    status: int | None = None
    secret: Secret = NO_SECRET
    due: float | None = None

    @property
    def fate(self) -> Fate:
        """The fate of an attempt without a response."""
        return "unknown" if self.sent else "not_sent"
