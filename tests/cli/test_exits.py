import pytest
from msgspec import Raw

from refold_async.api.actions import ActionResult
from refold_async.cli.exits import Exit, exit_of
from refold_async.errors import (
    ActionFailed,
    AuthenticationError,
    BadRequestError,
    CertificateError,
    ClosedError,
    ConnectionFailedError,
    DeadlineExceededError,
    Fate,
    InvalidCallError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ReconnectRequiredError,
    RedirectError,
    RefoldError,
    ReplyTooLargeError,
    ServerError,
    SettingsError,
    UnreadableReplyError,
)


def failed(http_status: int | None, fate: Fate) -> ActionFailed:
    return ActionFailed("no", result=ActionResult("Errored", http_status, Raw(b"{}")), fate=fate)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SettingsError("no"), Exit.USAGE),
        (InvalidCallError("no"), Exit.USAGE),
        (AuthenticationError("no", fate="rejected", status=401), Exit.AUTH),
        (PermissionDeniedError("no", fate="rejected", status=403), Exit.AUTH),
        (ReconnectRequiredError("no", fate="rejected", status=401), Exit.AUTH),
        (failed(401, "rejected"), Exit.AUTH),
        (RateLimitedError("no", fate="rejected", status=429), Exit.THROTTLED),
        (RateLimitedError("no", fate="unknown", status=429), Exit.UNKNOWN),
        (failed(429, "rejected"), Exit.THROTTLED),
        (failed(404, "rejected"), Exit.REFUSED),
        (failed(None, "unknown"), Exit.UNKNOWN),
        (failed(502, "unknown"), Exit.UNKNOWN),
        (BadRequestError("no", fate="rejected", status=400), Exit.REFUSED),
        (NotFoundError("no", fate="rejected", status=404), Exit.REFUSED),
        (RedirectError("no", fate="rejected", status=302), Exit.REFUSED),
        (ServerError("no", fate="unknown", status=500), Exit.UNKNOWN),
        (ConnectionFailedError("no"), Exit.NOT_SENT),
        (ConnectionFailedError("no", fate="unknown"), Exit.UNKNOWN),
        (CertificateError("no"), Exit.NOT_SENT),
        (ClosedError("no"), Exit.NOT_SENT),
        (DeadlineExceededError("no"), Exit.NOT_SENT),
        (DeadlineExceededError("no", fate="unknown"), Exit.UNKNOWN),
        (UnreadableReplyError("no", fate="unknown"), Exit.UNKNOWN),
        (ReplyTooLargeError("no", fate="unknown"), Exit.UNKNOWN),
    ],
    ids=lambda value: f"{type(value).__name__}-{getattr(value, 'fate', value)}",
)
def test_each_error_has_its_exit_code(error: RefoldError, expected: Exit) -> None:
    assert exit_of(error) is expected


def test_the_codes_that_scripts_rely_on_stay() -> None:
    assert {each.name: each.value for each in Exit} == {
        "OK": 0,
        "REFUSED": 1,
        "USAGE": 2,
        "AUTH": 3,
        "THROTTLED": 4,
        "NOT_SENT": 5,
        "UNKNOWN": 6,
        "INTERRUPTED": 130,
    }
