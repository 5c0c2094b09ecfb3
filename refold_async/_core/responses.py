"""From a reply to a value or an error. No I/O, so every odd reply is one row of a test."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec

from refold_async._core.credentials import NO_SECRET, Secret
from refold_async._core.decoding import BOM, read_as
from refold_async._core.requests import body_of
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
)


class RedactedRepr(msgspec.Struct, frozen=True):
    """A struct whose `repr` hides its content; rich, which asks for the fields, is shown none."""

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


class Response(RedactedRepr, frozen=True):
    """One answer as it came. Header names are looked up as HTTP spells them."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def __repr__(self) -> str:
        """Show no content: a server may echo the credential, and a traceback shows its locals."""
        return f"Reply({self.status}, {len(self.body)} bytes)"


T = TypeVar("T")

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def read(answer: type[T], reply: Response, secret: str = "") -> T:
    """Read a reply into the type of an answer.

    Args:
        answer: The type to read a successful reply into.
        reply: What came back.
        secret: The credential, which no message of an error may repeat.

    Raises:
        StatusError: Its class is that of the reply's status.
        UnreadableReplyError: If the body does not fit that type.
    """
    if not is_success(reply.status):
        raise status_error(reply, secret=secret)
    return read_as(answer, reply.body)


def is_success(status: int) -> bool:
    """Whether an HTTP status is one of success (2xx)."""
    return 200 <= status < 300


class _Envelope(msgspec.Struct):
    """An error's body, whose fields the service fills as it likes."""

    message: Any = None
    http_error_type: Any = None
    error: Any = None
    error_code: Any = None
    request_id: Any = None
    reauth_required: Any = None


_envelopes: Final = msgspec.json.Decoder(_Envelope)

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


def status_error(reply: Response, *, secret: str = "", now: datetime | None = None) -> StatusError:
    """Make the error of a reply that is not a success.

    Args:
        reply: What came back.
        secret: The credential, which is cut out of all that the error repeats.
        now: The time against which a `Retry-After` date is read; default: now.
    """
    status = reply.status
    envelope = _envelope_of(reply.body)
    code = _text(envelope.error_code or envelope.error, secret)
    kind = _text(envelope.http_error_type, secret)
    message = _text(envelope.message, secret) or _plain_message(reply, secret)
    told = None if envelope.reauth_required is None else "reauth_required"
    signs = " ".join(part for part in (code, kind, message, told) if part)
    error = _class_of(status, signs)(
        message,
        fate=_fate_of(status),
        status=status,
        error_type=kind,
        error_code=code,
        request_id=_text(envelope.request_id or reply.headers.get("X-Request-Id"), secret),
        retry_after=retry_after(reply.headers.get("Retry-After"), now=now),
    )
    if isinstance(error, RateLimitedError) and _OF_THE_APP.search(signs):
        error.by_app = True
        error.fate = "unknown"
    return error


def _class_of(status: int, signs: str) -> type[StatusError]:
    if status in {401, 403} and _OF_THE_CONNECTION.search(signs):
        return ReconnectRequiredError
    if 300 <= status < 400:
        return RedirectError
    if 500 <= status < 600:
        return ServerError
    return _CLASSES.get(status, StatusError)


def _fate_of(status: int) -> Fate:
    return "rejected" if 300 <= status < 500 else "unknown"


def _envelope_of(body: bytes) -> _Envelope:
    try:
        return _envelopes.decode(body.removeprefix(BOM))
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return _Envelope()


def _text(value: object, secret: str) -> str | None:
    """Give what the service wrote as one bounded line without the credential."""
    if value is None or value == "" or value is False:
        return None
    text = value if isinstance(value, str) else body_of(value).decode()
    return bounded(redact(text, secret))


def redact(text: str, secret: str) -> str:
    """Cut a credential out of a text."""
    return text.replace(secret, "***") if secret else text


def bounded(text: str) -> str:
    """Give a text on one line, cut to a length for reading, without control characters and surrogates."""
    line = " ".join(_CONTROL.sub(" ", text[: 4 * _LONGEST_MESSAGE]).split())
    line = line.encode(errors="replace").decode()
    return line if len(line) <= _LONGEST_MESSAGE else f"{line[:_LONGEST_MESSAGE]}…"


def _plain_message(reply: Response, secret: str) -> str:
    """Say what a reply without an envelope was."""
    try:
        phrase = HTTPStatus(reply.status).phrase
    except ValueError:
        phrase = "no known status"
    kind = bounded(redact(reply.headers.get("Content-Type", ""), secret)) or "no content type"
    if not reply.body:
        return f"{phrase}, with an empty body"
    return f"{phrase}, with a body that is no error envelope ({kind}, {len(reply.body)} bytes)"


def retry_after(value: str | None, *, now: datetime | None = None) -> float | None:
    """Read a `Retry-After` header: seconds, or a date.

    Args:
        value: The header's value.
        now: The time against which a date is read; default: now.

    Returns:
        Seconds to wait, at least 0; `None` where the header is absent, no wait at all, or absurd
        (negative, not finite, or past a day).
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


class AttemptState:
    """How far one attempt got: whether anything of it may have left, with which secret, to which status."""

    __slots__ = ("secret", "sent", "status")

    def __init__(self) -> None:
        self.sent = False
        self.status: int | None = None
        self.secret: Secret = NO_SECRET

    @property
    def fate(self) -> Fate:
        """What became of an attempt that brought no answer."""
        return "unknown" if self.sent else "not_sent"
