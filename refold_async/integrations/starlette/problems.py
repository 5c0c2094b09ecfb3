"""From our errors to honest HTTP answers, as problem details (RFC 9457).

An answer says what became of the call in fixed words: it repeats neither the key, nor the customer's
id, nor anything that the service or the connected app wrote.
"""

from __future__ import annotations

import math
import re
import uuid
from typing import Final, Literal

import msgspec

from refold_async.errors import (
    AuthenticationError,
    BadRequestError,
    ClosedError,
    ConflictError,
    ConnectionFailedError,
    DeadlineExceededError,
    Fate,
    InvalidCallError,
    JournalError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    RefoldError,
    RefusedError,
    SettingsError,
    UnprocessableError,
)
from refold_async.results import ActionFailed

Kind = Literal[
    "reconnect-required",
    "throttled",
    "app-throttled",
    "unknown-outcome",
    "deadline-exceeded",
    "unavailable",
    "upstream-failed",
    "misconfigured",
    "refused",
    "not-found",
    "not-permitted",
    "conflict",
    "bad-call",
]
"""What went wrong, as the last part of a problem's `type`."""


class HTTPProblem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of an answer, by RFC 9457.

    Attributes:
        type: `urn:refold-async:` and a `Kind`.
        title: The problem in words, the same for each of its kind.
        status: The answer's HTTP status.
        detail: What it means for the caller.
        fate: What became of the call: `not_sent`, `rejected` or `unknown`.
        instance: Names this one occurrence, here and in the server's log.
        operation: What was called, as `actions.execute`.
        slug: The app that was named.
        action_id: The action that was named.
        attempts: How many times it was tried.
        request_id: Refold's own id of the request, for its support.
        retry_after: Seconds after which to try again, as in the header.
    """

    type: str
    title: str
    status: int
    detail: str
    fate: Fate
    instance: str
    operation: str | None = None
    slug: str | None = None
    action_id: str | None = None
    attempts: int = 0
    request_id: str | None = None
    retry_after: int | None = None


_ANSWERS: Final[dict[Kind, tuple[int, str, str]]] = {
    "reconnect-required": (
        409,
        "The app must be connected again",
        "The connection to the app has ended. Nothing was done; connect it again, then repeat this.",
    ),
    "throttled": (
        503,
        "Too much at once",
        "Too much is going on at the moment. Nothing was done; repeat this later.",
    ),
    "app-throttled": (
        429,
        "The app takes no more for now",
        "The connected app accepts no more requests for this account for now.",
    ),
    "unknown-outcome": (
        502,
        "It is not known whether it was done",
        "It was sent, and no answer tells whether it was done. Look in the app before you repeat it.",
    ),
    "deadline-exceeded": (504, "It took too long", "No answer came in time."),
    "unavailable": (503, "Not available", "The service could not be reached. Nothing was done."),
    "upstream-failed": (502, "The service failed", "The service gave no usable answer."),
    "misconfigured": (500, "Internal error", "This server is not set up as it must be. Nothing was done."),
    "refused": (422, "The app refused it", "What was asked was refused. It was not done."),
    "not-found": (404, "Not found", "There is no such app, action or record. Nothing was done."),
    "not-permitted": (403, "Not permitted", "This is not permitted. Nothing was done."),
    "conflict": (409, "Conflict", "The current state does not allow this. It was not done."),
    "bad-call": (400, "Bad request", "What was asked cannot be done as it is. Nothing was done."),
}

_ID: Final = re.compile(r"[\w.:-]{1,128}", re.ASCII)

_RETRY_LATER: Final = frozenset({"throttled", "app-throttled", "unavailable"})


def problem_of(error: RefoldError) -> HTTPProblem:
    """Give the answer that is honest about an error.

    Where a call that is no read has an unknown fate, the answer says so before all else: 504 where
    its deadline passed, and 502 where not. The rest follows from the error's class.
    """
    kind = kind_of(error)
    status, title, detail = _ANSWERS[kind]
    if kind == "unknown-outcome" and isinstance(error, DeadlineExceededError):
        status = 504
    return HTTPProblem(
        type=f"urn:refold-async:{kind}",
        title=title,
        status=status,
        detail=detail,
        fate=error.fate,
        instance=uuid.uuid4().urn,
        operation=error.operation,
        slug=error.slug,
        action_id=error.action_id,
        attempts=error.attempts,
        request_id=_id_alone(error.request_id),
        retry_after=_retry_after(kind, error),
    )


def kind_of(error: RefoldError) -> Kind:
    """Say what kind of problem an error is."""
    if error.fate == "unknown" and error.effect != "read":
        return "unknown-outcome"
    if error.needs_reconnect:
        return "reconnect-required"
    if isinstance(error, ActionFailed):
        return _kind_of_failure(error)
    return _kind_of_delay(error) or _kind_of_class(error)


_KINDS: Final[dict[type[RefoldError], Kind]] = {
    SettingsError: "misconfigured",
    JournalError: "misconfigured",
    AuthenticationError: "misconfigured",
    InvalidCallError: "bad-call",
    BadRequestError: "bad-call",
    UnprocessableError: "refused",
    RefusedError: "refused",
    PermissionDeniedError: "not-permitted",
    NotFoundError: "not-found",
    ConflictError: "conflict",
    DeadlineExceededError: "deadline-exceeded",
    RateLimitedError: "throttled",
    ClosedError: "unavailable",
}


def _kind_of_class(error: RefoldError) -> Kind:
    for cls, kind in _KINDS.items():
        if isinstance(error, cls):
            return kind
    return "upstream-failed"


def _kind_of_delay(error: RefoldError) -> Kind | None:
    """Say what kind of problem it is that the call could not go out yet, where that is the problem."""
    match error:
        case RateLimitedError(by_app=True):
            return "app-throttled"
        case DeadlineExceededError() if error.retry_after is not None:
            return "throttled"
        case ConnectionFailedError() if error.fate == "not_sent":
            return "unavailable"
    return None


_OF_THE_APP: Final[dict[int | None, Kind]] = {404: "not-found", 409: "conflict", 429: "app-throttled"}


def _kind_of_failure(error: ActionFailed) -> Kind:
    if error.fate != "rejected":
        return "upstream-failed"
    return _OF_THE_APP.get(error.result.http_status, "refused")


def _id_alone(request_id: str | None) -> str | None:
    """Give the service's id where it is one, since anything else is text of the service's."""
    return request_id if request_id is not None and _ID.fullmatch(request_id) else None


def _retry_after(kind: Kind, error: RefoldError) -> int | None:
    if kind not in _RETRY_LATER:
        return None
    return max(1, math.ceil(error.retry_after or 1))
