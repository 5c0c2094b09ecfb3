"""HTTP responses for the SDK's errors, as problem details (RFC 9457).

A response describes the call's fate in fixed words. It never contains the key, the customer's id, or
text from the service or the connected app.
"""

from __future__ import annotations

import math
import re
import uuid
from typing import Final, Literal

import msgspec

from refold_async._core.retries import is_app_throttled
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
    "unreadable-result",
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
"""The kind of problem: the last part of a problem's `type`."""


class HTTPProblem(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of a response, as in RFC 9457.

    Attributes:
        type: `urn:refold-async:` and a `Kind`.
        title: A short summary, the same for every problem of a kind.
        status: The HTTP status.
        detail: What it means for the client.
        fate: The call's fate: `not_sent`, `rejected`, `unknown` or `done`.
        instance: The id of this occurrence, also in the server's log.
        operation: The operation, e.g. `actions.execute`.
        slug: The app's slug.
        action_id: The action's id.
        attempts: The number of attempts.
        request_id: Refold's id of the request, for its support.
        retry_after: Seconds to wait before retrying, as in the header.
        reconnect_url: Where the customer connects the app again, if `install(reconnect_links=True)` asks for
            it. It contains a token of the customer.
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
    reconnect_url: str | None = None


_ANSWERS: Final[dict[Kind, tuple[int, str, str]]] = {
    "reconnect-required": (
        409,
        "The app must be reconnected",
        "The connection to the app has expired. Nothing was done; reconnect it, then try again.",
    ),
    "throttled": (
        503,
        "Too many requests",
        "There are too many requests at the moment. Nothing was done; try again later.",
    ),
    "app-throttled": (
        429,
        "The app is rate limited",
        "The connected app accepts no more requests for this account for now.",
    ),
    "unknown-outcome": (
        502,
        "The outcome is unknown",
        "The request was sent, but no response confirms it. Check in the app before trying again.",
    ),
    "unreadable-result": (
        500,
        "The result cannot be read",
        "It was done, but its result is not of the form that this server expects. Do not send it again.",
    ),
    "deadline-exceeded": (504, "Deadline exceeded", "There was no response in time."),
    "unavailable": (503, "Not available", "The service could not be reached. Nothing was done."),
    "upstream-failed": (502, "The service failed", "The service returned no usable response."),
    "misconfigured": (500, "Internal error", "This server is misconfigured. Nothing was done."),
    "refused": (422, "Refused by the app", "The request was refused. Nothing was done."),
    "not-found": (404, "Not found", "There is no such app, action or record. Nothing was done."),
    "not-permitted": (403, "Not permitted", "This is not permitted. Nothing was done."),
    "conflict": (409, "Conflict", "The current state does not allow this. Nothing was done."),
    "bad-call": (400, "Bad request", "The request is invalid. Nothing was done."),
}

_NOT_DONE: Final = re.compile(r" Nothing was done(?=[.;])[.;](?: reconnect it)?")
"""What a read may not claim whose earlier attempt ended unknown, whatever its last one said."""

_ID: Final = re.compile(r"[\w.:-]{1,128}", re.ASCII)

_RETRY_LATER: Final = frozenset({"throttled", "app-throttled", "unavailable"})


def problem_of(error: RefoldError) -> HTTPProblem:
    """Return the problem details of an error.

    An unknown fate of anything but a read takes precedence: 504 if the deadline was exceeded, otherwise 502.
    Everything else depends on the error's class.
    """
    kind = kind_of(error)
    status, title, detail = _ANSWERS[kind]
    if error.fate == "unknown":
        detail = _NOT_DONE.sub("", detail)
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
    """Return the kind of an error."""
    if error.fate == "done":
        return "unreadable-result"
    if error.fate == "unknown" and error.effect != "read":
        return "unknown-outcome"
    if error.needs_reconnect:
        return "reconnect-required"
    if is_app_throttled(error):
        return "app-throttled"
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
    """Return the kind of an error that kept the call from being sent, or `None`."""
    match error:
        case DeadlineExceededError() if error.retry_after is not None:
            return "throttled"
        case ConnectionFailedError() if error.fate == "not_sent":
            return "unavailable"
    return None


_OF_THE_APP: Final[dict[int | None, Kind]] = {404: "not-found", 409: "conflict"}


def _kind_of_failure(error: ActionFailed) -> Kind:
    if error.fate != "rejected":
        return "upstream-failed"
    return _OF_THE_APP.get(error.result.http_status, "refused")


def _id_alone(request_id: str | None) -> str | None:
    """Return the request id if it looks like one; anything else could be arbitrary text from the service."""
    return request_id if request_id is not None and _ID.fullmatch(request_id) else None


def _retry_after(kind: Kind, error: RefoldError) -> int | None:
    if kind not in _RETRY_LATER:
        return None
    return max(1, math.ceil(error.retry_after or 1))
