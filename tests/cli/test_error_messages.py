import pytest
from msgspec import Raw

from refold_async._core.operation import Effect
from refold_async.cli.error_messages import error_lines, hint_for
from refold_async.errors import (
    AuthenticationError,
    BadRequestError,
    CertificateError,
    ConflictError,
    ConnectionFailedError,
    DeadlineExceededError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    ReconnectRequiredError,
    RedirectError,
    RefoldError,
    ServerError,
    SettingsError,
)
from refold_async.results import ActionFailed, ActionResult


def about(error: RefoldError, account: str | None = "o'neil & co", effect: Effect = "write") -> RefoldError:
    error.operation, error.slug, error.action_id = "actions.execute", "hubspot", "create_contact"
    error.linked_account_id, error.effect = account, effect
    error.attempts, error.elapsed = 3, 2.5
    return error


REFUSED = ActionFailed("no", result=ActionResult("Errored", 409, Raw(b"{}")), fate="rejected")


@pytest.mark.parametrize(
    ("error", "effect", "words"),
    [
        (ServerError("no", fate="unknown", status=500), "write", "check in the app"),
        (ServerError("no", fate="unknown", status=500), "read", "run it again"),
        (ServerError("no", fate="unknown", status=500), "idempotent", "run it again"),
        (ReconnectRequiredError("no", fate="rejected", status=401), "read", "must reconnect hubspot"),
        (RateLimitedError("no", fate="rejected", status=429), "write", "run it again later"),
        (RateLimitedError("no", fate="rejected", status=429, retry_after=7.2), "write", "after 7 s"),
        (AuthenticationError("no", fate="rejected", status=401), "read", "REFOLD_API_KEY"),
        (PermissionDeniedError("no", fate="rejected", status=403), "read", "lacks permission"),
        (NotFoundError("no", fate="rejected", status=404), "read", "refold actions hubspot --account 'o'"),
        (BadRequestError("no", fate="rejected", status=400), "write", "refold schema hubspot create_contact"),
        (REFUSED, "write", "refold schema hubspot create_contact"),
        (RedirectError("no", fate="rejected", status=302), "read", "never followed"),
        (CertificateError("no"), "read", "certificates"),
        (ConnectionFailedError("no"), "write", "network"),
        (DeadlineExceededError("no"), "write", "--timeout"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, RefoldError) else str(value),
)
def test_each_error_says_what_to_do_next(error: RefoldError, effect: Effect, words: str) -> None:
    assert words in (hint_for(about(error, effect=effect)) or "")


@pytest.mark.parametrize("error", [SettingsError("no"), ConflictError("no", fate="rejected", status=409)])
def test_other_errors_have_no_hint(error: RefoldError) -> None:
    assert hint_for(error) is None


def test_a_listing_is_not_proposed_if_the_app_or_account_is_unknown() -> None:
    error = NotFoundError("no such app", fate="rejected", status=404)
    error.slug, error.linked_account_id = "nope", "a"
    assert hint_for(error) is None
    assert hint_for(about(NotFoundError("no", fate="rejected", status=404), account=None)) is None


def test_the_lines_name_the_call_account_fate_and_next_step() -> None:
    error = about(
        ServerError("it broke", fate="unknown", status=502, error_code="BAD", request_id="r-1"), "a-1"
    )
    assert list(error_lines(error)) == [
        "error: 502 BAD: it broke",
        "  call:  actions.execute hubspot/create_contact for account a-1",
        "  fate:  unknown: it may have been done",
        "  tried: 3 times, 2.50 s, request r-1",
        "  next:  check in the app whether it was done before running it again",
    ]


def test_a_wrong_setting_is_one_line() -> None:
    assert list(error_lines(SettingsError("timeout must be above 0"))) == ["error: timeout must be above 0"]
