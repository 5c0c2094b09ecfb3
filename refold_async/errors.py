"""All errors of the SDK.

RefoldError
├── SettingsError               a setting that cannot work (also a ValueError)
├── InvalidCallError            an argument that cannot be sent (also a ValueError)
├── JournalError                a batch's journal that cannot be used
│   └── JournalInUseError       another batch or process is using it
├── InterruptedRunError         a write that an earlier run of its batch left unknown
├── ClosedError                 the client was closed
├── ConnectionFailedError       no connection could be made, or it was lost
│   └── CertificateError        a TLS certificate was refused
├── DeadlineExceededError       the deadline passed (also a TimeoutError)
├── StatusError                 a response with an HTTP status that is not 2xx
│   ├── RedirectError           3xx: redirects are never followed
│   ├── BadRequestError         400
│   ├── AuthenticationError     401: the API key or token was refused
│   ├── ReconnectRequiredError  401 or 403: the customer must reconnect its app
│   ├── PermissionDeniedError   403
│   ├── NotFoundError           404
│   ├── ConflictError           409
│   ├── UnprocessableError      422
│   ├── RateLimitedError        429
│   └── ServerError             5xx
├── ActionFailed                HTTP 200, but the action did not succeed (in `results`)
├── WorkflowFailed              an execution of a workflow that did not complete (in `api`)
├── RefusedError                HTTP 200, but the body says that it was not done
├── IncompleteWalkError         a walk that cannot read all pages
└── UnreadableReplyError        a response that cannot be decoded
    └── ReplyTooLargeError      a response larger than `max_response_bytes`
"""

from __future__ import annotations

import reprlib
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from refold_async._core.operation import Effect


Fate = Literal["not_sent", "rejected", "unknown", "done"]
"""What became of a call.

`not_sent`: nothing of it reached a server. `rejected`: a response says that it was not done.
`unknown`: it was sent, and no response tells whether it was done. `done`: the response says that it was done,
and the error is about reading its data.
"""

_CERTAINTY: Final[dict[Fate, int]] = {"done": 0, "not_sent": 0, "rejected": 1, "unknown": 2}


def worst_fate(fate: Fate, earlier: Iterable[RefoldError] = ()) -> Fate:
    """Return a call's fate: the least certain one of its last attempt's and those of its earlier errors."""
    return max((fate, *(error.fate for error in earlier)), key=_CERTAINTY.__getitem__)


class RefoldError(Exception):
    """Base class of all errors that the SDK raises.

    Attributes:
        message: What happened.
        fate: What became of the call: `"not_sent"`, `"rejected"`, `"unknown"` or `"done"`.
        status: The HTTP status of the response.
        error_type: The response's `http_error_type`.
        error_code: The response's `error_code`, or `error`.
        request_id: The response's `request_id`, for Refold's support.
        retry_after: Seconds that the response asks to wait.
        server: The base URL that was called.
        operation: The operation's name, e.g. `actions.execute`.
        slug: The app's slug.
        action_id: The action.
        linked_account_id: The customer that the call was made for.
        ids: The other ids in the call's path, e.g. `{"execution_id": "…"}`.
        effect: What running the call twice does: `"read"`, `"idempotent"` or `"write"`.
        attempts: The number of attempts.
        elapsed: Seconds from the call's start to its failure.
        earlier: The errors of the attempts before the last, oldest first.
        call: The `Call` of an action executed with an API key, for `Refold.settle`.

    Attributes that do not apply are `None`.
    """

    def __init__(
        self,
        message: str,
        *,
        fate: Fate = "not_sent",
        status: int | None = None,
        error_type: str | None = None,
        error_code: str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.fate: Fate = fate
        self.status = status
        self.error_type = error_type
        self.error_code = error_code
        self.request_id = request_id
        self.retry_after = retry_after
        self.server: str | None = None
        self.operation: str | None = None
        self.slug: str | None = None
        self.action_id: str | None = None
        self.linked_account_id: str | None = None
        self.ids: Mapping[str, str] = {}
        self.effect: Effect | None = None
        self.attempts: int = 0
        self.elapsed: float | None = None
        self.earlier: tuple[RefoldError, ...] = ()
        self.call: Any = None

    @property
    def needs_reconnect(self) -> bool:
        """Whether the customer must reconnect its app before this call can succeed."""
        return False

    @property
    def hint(self) -> str | None:
        """What to check next, or `None` if the message says all there is."""
        return None

    def __str__(self) -> str:
        where = [part for part in (self.operation, _path(self.slug, self.action_id)) if part]
        where += [f"{name} {quoted(value)}" for name, value in self.ids.items()]
        if self.linked_account_id is not None:
            where.append(f"account {quoted(self.linked_account_id)}")
        where += particulars(self.attempts, self.elapsed, self.request_id, self.fate)
        hint = f"; {self.hint}" if self.hint else ""
        return f"{self._head()}{self.message} ({', '.join(where)}){hint}"

    @property
    def host(self) -> str | None:
        """The host and port that were called."""
        return None if self.server is None else urlsplit(self.server).netloc

    def _head(self) -> str:
        code = " ".join(str(part) for part in (self.status, self.error_code) if part is not None)
        return f"{code}: " if code else ""

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.fate), self.__dict__

    @classmethod
    def _blank(cls, message: str, fate: Fate) -> Self:
        """Return an error of this class for unpickling, which restores its attributes."""
        error = cls.__new__(cls, message)
        RefoldError.__init__(error, message, fate=fate)
        return error


def particulars(
    attempts: int, elapsed: float | None = None, request_id: str | None = None, fate: Fate | None = None
) -> list[str]:
    """Return how a call went, e.g. `["4 attempts", "1.38 s", "fate: unknown"]`."""
    details = [
        f"{attempts} attempts" if attempts > 1 else None,
        None if elapsed is None else f"{elapsed:.2f} s",
        None if request_id is None else f"request {request_id}",
        None if fate is None else f"fate: {fate}",
    ]
    return [detail for detail in details if detail is not None]


def quoted(value: object) -> str:
    """Return an argument in quotes for a message, whatever its type: a message never fails."""
    return repr(value) if isinstance(value, str) else reprlib.repr(value)


def _path(*parts: object) -> str | None:
    return "/".join(_plain(part) for part in parts if part is not None) or None


def _plain(part: object) -> str:
    """Return a part of a path as it is, or quoted if it would disturb the line."""
    return part if isinstance(part, str) and part.isprintable() else quoted(part)


def _rebuild(cls: type[RefoldError], message: str, fate: Fate) -> RefoldError:
    return cls._blank(message, fate)


class SettingsError(RefoldError, ValueError):
    """A setting cannot work. Raised before anything is sent."""


class InvalidCallError(RefoldError, ValueError):
    """An argument cannot be sent. Raised before a connection is opened."""


class JournalError(RefoldError):
    """A batch's journal cannot be used: it is another job's or damaged, was deleted, or the disk is full.

    Nothing is sent once this is raised.
    """


class JournalInUseError(JournalError):
    """Another batch or process is using the journal: wait until it has ended, or end it."""


class InterruptedRunError(RefoldError):
    """An earlier run of a batch left a write unknown: it was killed meanwhile, or the response was lost."""


class ClosedError(RefoldError):
    """The client was closed, before the call or during it."""


class ConnectionFailedError(RefoldError):
    """No connection could be made, or it was lost before the whole response arrived.

    Its `fate` is `not_sent` if nothing of the request was sent, else `unknown`. `transient` is false if
    another attempt would fail the same way, e.g. because the proxy refuses its password; it is not retried.
    """

    transient: bool = True


class CertificateError(ConnectionFailedError):
    """A TLS certificate was refused.

    The server's, e.g. expired, self-signed, or for another host; or the client's, which the server demands
    and did not get, or did not accept.
    """

    transient = False


class DeadlineExceededError(RefoldError, TimeoutError):
    """The call's deadline passed, or the rate limit cannot allow it before the deadline."""


class StatusError(RefoldError):
    """The service answered with an HTTP status that is not a success."""

    status: int


class RedirectError(StatusError):
    """A redirect (3xx). It is never followed: the API key would be sent to another host."""


class BadRequestError(StatusError):
    """400: the request is invalid, e.g. a parameter is missing."""


class AuthenticationError(StatusError):
    """401: the API key or token was refused."""

    @property
    def hint(self) -> str | None:
        """Where the key was refused, and what to check."""
        if self.host is None:
            return None
        return f"check the API key or token, and that it is one of {self.host}"


class ReconnectRequiredError(StatusError):
    """401 or 403 for the customer's connection: the customer must reconnect the app."""

    @property
    def needs_reconnect(self) -> bool:
        """Whether the customer must reconnect its app before this call can succeed."""
        return True


class PermissionDeniedError(StatusError):
    """403: the credential is valid, but not allowed to do this."""


class NotFoundError(StatusError):
    """404: the app, action, account or resource does not exist."""

    @property
    def hint(self) -> str | None:
        """Where it was not found, and what to check."""
        if self.host is None:
            return None
        # An account that was sent and is missing there was dropped under way: nginx drops such names.
        if self.linked_account_id is not None and self.error_code == "MISSING_REQUIRED_FIELD":
            return (
                f"{self.host} did not receive the header linked_account_id: a proxy in front of it must pass"
                " it on (nginx: underscores_in_headers on)"
            )
        look = f": account.actions.list({quoted(self.slug)})" if self.action_id is not None else ""
        return f"check that it exists at {self.host}, and that the ids are right{look}"


class ConflictError(StatusError):
    """409: the state of the resource does not allow this."""


class UnprocessableError(StatusError):
    """422: the content of the request was refused."""


class RateLimitedError(StatusError):
    """429: too many requests. `retry_after` is the wait that the response asks for, if any.

    `by_app` is true if the connected app, not Refold, throttled. Such a call may have run in part, so its
    fate is `unknown`.
    """

    by_app: bool = False


class ServerError(StatusError):
    """5xx: the service failed. Whether a write was done is `unknown`."""


class RefusedError(RefoldError):
    """HTTP 200, but the body says that it was not done."""


WalkReason = Literal[
    "no_parameter", "no_cursor", "no_records", "repeated", "empty_pages", "total_not_reached", "refused"
]
"""Why a walk cannot go on.

`no_parameter`: there is more, but the action has no parameter that asks for it. `no_cursor`: there is
more, but no cursor to it. `no_records`: the list of records is not there, or could be one of two.
`repeated`: a page or a cursor came a second time. `empty_pages`: too many pages without records in a row.
`total_not_reached`: the pages end before the announced total. `refused`: the app refused the next page.
"""


class IncompleteWalkError(RefoldError):
    """A walk cannot read all records: it never ends early without this error.

    Attributes:
        reason: Why; see `WalkReason`.
        record_count: The number of records on the pages before.
        page_count: The number of those pages.
        resume: Where the walk stopped, for the `resume=` of another; `None` at its beginning.
    """

    def __init__(
        self, message: str, *, reason: WalkReason = "refused", fate: Fate = "not_sent", **details: Any
    ) -> None:
        super().__init__(message, fate=fate, **details)
        self.reason: WalkReason = reason
        self.record_count = 0
        self.page_count = 0
        self.resume: str | None = None


class UnreadableReplyError(RefoldError):
    """The response cannot be decoded: it is not HTTP, not JSON, or not what the operation answers.

    `transient` is true if the response was damaged on its way, e.g. broken chunks, a wrong checksum or half
    of the JSON: a read is retried then. A whole response of another kind, e.g. HTML, would come again.
    """

    transient: bool = False


class ReplyTooLargeError(UnreadableReplyError):
    """The response is larger than `max_response_bytes`, before or after decompression."""


_SAFE_TO_LOG: Final = (
    ClosedError,
    ConnectionFailedError,
    DeadlineExceededError,
    JournalError,
    ReplyTooLargeError,
    SettingsError,
)
"""Errors whose messages quote nothing from the service or the connected app, which may be personal data."""


def name_call(
    operation: str | None, slug: str | None, action_id: str | None, linked_account_id: str | None
) -> str:
    """Describe a call, e.g. `actions.execute hubspot/get_contact, account 'demo-user-1'`."""
    name = " ".join(part for part in (operation or "a call", _path(slug, action_id)) if part)
    return name if linked_account_id is None else f"{name}, account {quoted(linked_account_id)}"


def name_error(error: BaseException) -> str:
    """Describe an error for the log: its class, its status, and its message if that is safe to log."""
    name = type(error).__name__
    if isinstance(error, _SAFE_TO_LOG):
        return f"{name}: {error.message}"
    status = error.status if isinstance(error, RefoldError) else None
    return name if status is None else f"{name} {status}"
