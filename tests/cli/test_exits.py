import pytest
from msgspec import Raw

from refold_async.batch import Call, Done, Failed, Outcome, Skipped
from refold_async.cli.exits import Exit, exit_code_of, worst_exit
from refold_async.cli.results import exit_code_of_outcome
from refold_async.errors import (
    AuthenticationError,
    BadRequestError,
    CertificateError,
    ClosedError,
    ConnectionFailedError,
    DeadlineExceededError,
    Fate,
    InterruptedRunError,
    InvalidCallError,
    JournalError,
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
from refold_async.results import ActionFailed, ActionResult


def failed(http_status: int | None, fate: Fate) -> ActionFailed:
    return ActionFailed("no", result=ActionResult("Errored", http_status, Raw(b"{}")), fate=fate)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (SettingsError("no"), Exit.USAGE),
        (InvalidCallError("no"), Exit.USAGE),
        (JournalError("no"), Exit.USAGE),
        (InterruptedRunError("no", fate="unknown"), Exit.UNKNOWN),
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
    assert exit_code_of(error) is expected


CALL = Call("a", "hubspot", "get_contact")


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Done(CALL, ActionResult("Success", None, Raw(b"{}"))), Exit.OK),
        (Failed(CALL, NotFoundError("no", fate="rejected", status=404)), Exit.REFUSED),
        (Failed(CALL, ServerError("no", fate="unknown", status=500)), Exit.UNKNOWN),
        (Skipped(CALL, "done_before"), Exit.OK),
        (Skipped(CALL, "reconnect"), Exit.AUTH),
        (Skipped(CALL, "duplicate_key"), Exit.REFUSED),
    ],
)
def test_each_outcome_of_a_batch_has_its_code(outcome: Outcome, expected: Exit) -> None:
    assert exit_code_of_outcome(outcome) is expected


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (set(), Exit.OK),
        ({Exit.OK}, Exit.OK),
        ({Exit.OK, Exit.REFUSED}, Exit.REFUSED),
        ({Exit.REFUSED, Exit.NOT_SENT}, Exit.NOT_SENT),
        ({Exit.NOT_SENT, Exit.THROTTLED}, Exit.THROTTLED),
        ({Exit.THROTTLED, Exit.AUTH}, Exit.AUTH),
        ({Exit.AUTH, Exit.UNKNOWN, Exit.OK}, Exit.UNKNOWN),
        ({Exit.USAGE, Exit.OK}, Exit.USAGE),
        ({Exit.PIPE, Exit.REFUSED}, Exit.PIPE),
        ({Exit.PIPE, Exit.UNKNOWN}, Exit.UNKNOWN),
    ],
)
def test_a_batch_has_the_code_that_most_needs_a_person(codes: set[Exit], expected: Exit) -> None:
    assert worst_exit(codes) is expected


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
        "PIPE": 141,
    }
