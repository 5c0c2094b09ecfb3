"""The HTTP response for each of the SDK's errors."""

import logging
from typing import Any

import msgspec
import pytest
from starlette.requests import Request

from refold_async import errors
from refold_async.errors import RefoldError
from refold_async.integrations.starlette import answer_error, problem_of
from refold_async.results import ActionFailed, ActionResult


def failed(http_status: int | None, fate: errors.Fate) -> ActionFailed:
    result = ActionResult("Errored", http_status, msgspec.Raw(b'"secret upstream text"'))
    return ActionFailed("secret upstream text", result=result, fate=fate)


def by_app(error: errors.RateLimitedError) -> errors.RateLimitedError:
    error.by_app = True
    return error


def status(
    cls: type[errors.StatusError], number: int, fate: errors.Fate = "rejected", **more: Any
) -> errors.StatusError:
    return cls("secret upstream text", status=number, fate=fate, error_code="SECRET", **more)


READS: list[tuple[RefoldError, int, str]] = [
    (status(errors.ReconnectRequiredError, 401), 409, "reconnect-required"),
    (failed(401, "rejected"), 409, "reconnect-required"),
    (failed(403, "rejected"), 409, "reconnect-required"),
    (status(errors.RateLimitedError, 429), 503, "throttled"),
    (by_app(errors.RateLimitedError("", status=429, fate="unknown")), 429, "app-throttled"),
    (failed(429, "rejected"), 429, "app-throttled"),
    (errors.DeadlineExceededError("", retry_after=30), 503, "throttled"),
    (errors.DeadlineExceededError(""), 504, "deadline-exceeded"),
    (errors.DeadlineExceededError("", fate="unknown"), 504, "deadline-exceeded"),
    (errors.ConnectionFailedError(""), 503, "unavailable"),
    (errors.CertificateError(""), 503, "unavailable"),
    (errors.ClosedError(""), 503, "unavailable"),
    (errors.ConnectionFailedError("", fate="unknown"), 502, "upstream-failed"),
    (status(errors.ServerError, 500, "unknown"), 502, "upstream-failed"),
    (status(errors.RedirectError, 302), 502, "upstream-failed"),
    (status(errors.StatusError, 418), 502, "upstream-failed"),
    (errors.UnreadableReplyError("", fate="unknown"), 502, "upstream-failed"),
    (errors.ReplyTooLargeError("", fate="unknown"), 502, "upstream-failed"),
    (failed(500, "unknown"), 502, "upstream-failed"),
    (failed(None, "unknown"), 502, "upstream-failed"),
    (failed(404, "rejected"), 404, "not-found"),
    (failed(409, "rejected"), 409, "conflict"),
    (failed(400, "rejected"), 422, "refused"),
    (status(errors.AuthenticationError, 401), 500, "misconfigured"),
    (errors.SettingsError(""), 500, "misconfigured"),
    (errors.JournalError(""), 500, "misconfigured"),
    (errors.JournalInUseError(""), 500, "misconfigured"),
    (errors.IncompleteWalkError(""), 502, "upstream-failed"),
    (errors.RefusedError("", fate="rejected"), 422, "refused"),
    (errors.InvalidCallError(""), 400, "bad-call"),
    (status(errors.BadRequestError, 400), 400, "bad-call"),
    (status(errors.UnprocessableError, 422), 422, "refused"),
    (status(errors.PermissionDeniedError, 403), 403, "not-permitted"),
    (status(errors.NotFoundError, 404), 404, "not-found"),
    (status(errors.ConflictError, 409), 409, "conflict"),
]


def names(rows: list[Any]) -> list[str]:
    return [f"{type(row[0]).__name__}-{row[0].status}-{row[0].fate}-{n}" for n, row in enumerate(rows)]


@pytest.mark.parametrize(("error", "expected", "kind"), READS, ids=names(READS))
def test_a_read(error: RefoldError, expected: int, kind: str) -> None:
    error.effect = "read"
    problem = problem_of(error)
    assert (problem.status, problem.type) == (expected, f"urn:refold-async:{kind}")
    assert problem.fate == error.fate


@pytest.mark.parametrize("effect", ["write", "idempotent", None])
@pytest.mark.parametrize(
    "error", [row[0] for row in READS if row[0].fate == "unknown"], ids=lambda e: type(e).__name__
)
def test_a_write_of_unknown_fate_says_so_before_all_else(error: RefoldError, effect: Any) -> None:
    error.effect = effect
    error.operation, error.slug, error.action_id = "actions.execute", "hubspot", "create_contact"
    error.request_id, error.attempts = "req_7", 2
    problem = problem_of(error)
    assert problem.type == "urn:refold-async:unknown-outcome"
    assert problem.status == (504 if isinstance(error, errors.DeadlineExceededError) else 502)
    assert problem.retry_after is None
    body = msgspec.to_builtins(problem)
    assert body.items() >= {
        "fate": "unknown", "operation": "actions.execute", "slug": "hubspot", "action_id": "create_contact",
        "request_id": "req_7", "attempts": 2,
    }.items()  # fmt: skip
    assert body["instance"].startswith("urn:uuid:")


def below(cls: type[RefoldError]) -> set[type[RefoldError]]:
    return {cls}.union(*(below(child) for child in cls.__subclasses__()))


def test_every_class_of_error_has_a_row() -> None:
    of_calls = {cls for cls in below(RefoldError) if cls.__module__ == errors.__name__}
    assert of_calls - {type(row[0]) for row in READS} <= {RefoldError, errors.InterruptedRunError}


@pytest.mark.parametrize(
    ("asked", "header"), [(None, "1"), (0.0, "1"), (0.2, "1"), (2.0, "2"), (2.1, "3"), (30, "30")]
)
def test_a_throttled_problem_has_retry_after(asked: float | None, header: str) -> None:
    error = errors.RateLimitedError("", status=429, fate="rejected", retry_after=asked)
    answer = answer_error(request(), error)
    assert answer.headers["retry-after"] == header
    assert msgspec.json.decode(answer.body)["retry_after"] == int(header)


def request() -> Request:
    return Request({"type": "http", "method": "GET", "path": "/", "headers": []})


@pytest.mark.parametrize("error", [row[0] for row in READS], ids=names(READS))
def test_no_problem_quotes_the_service_or_names_the_customer(error: RefoldError) -> None:
    error.linked_account_id = "jane@customer.example"
    answer = answer_error(request(), error)
    assert answer.headers["content-type"] == "application/problem+json"
    text = bytes(answer.body).decode()
    assert "secret" not in text.lower()
    assert "jane" not in text


@pytest.mark.parametrize(
    ("error", "level"),
    [
        (errors.ConnectionFailedError("", fate="unknown"), "WARNING"),
        (errors.ConnectionFailedError(""), "WARNING"),
        (status(errors.RateLimitedError, 429), "WARNING"),
        (errors.SettingsError("no API key"), "ERROR"),
        (status(errors.NotFoundError, 404), "DEBUG"),
    ],
)
def test_the_log_names_the_same_instance_and_the_customer(
    error: RefoldError, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    error.linked_account_id = "jane@customer.example"
    error.effect = "write"
    with caplog.at_level(logging.DEBUG, "refold_async"):
        answer = answer_error(request(), error)
    [record] = caplog.records
    assert record.levelname == level
    asked = record.__dict__["refold"]
    assert asked["instance"] == msgspec.json.decode(answer.body)["instance"]
    assert asked["linked_account_id"] == "jane@customer.example"


@pytest.mark.parametrize("error", [row[0] for row in READS], ids=names(READS))
def test_the_log_does_not_repeat_what_the_service_wrote(
    error: RefoldError, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "refold_async"):
        answer_error(request(), error)
    [record] = caplog.records
    assert "secret" not in f"{record.getMessage()} {record.__dict__}".lower()
    assert type(error).__name__ in record.getMessage()


def test_the_log_names_the_invalid_setting(caplog: pytest.LogCaptureFixture) -> None:
    answer_error(request(), errors.SettingsError("no API key: set REFOLD_API_KEY"))
    [asked] = caplog.messages
    assert asked.endswith(": failed with SettingsError: no API key: set REFOLD_API_KEY (fate: not_sent)")


def test_the_message_alone_names_call_customer_and_fate(
    caplog: pytest.LogCaptureFixture,
) -> None:
    error = status(errors.ServerError, 503, "unknown", request_id="req_7")
    error.operation, error.slug, error.action_id = "actions.execute", "hubspot", "get_contact"
    error.linked_account_id, error.effect = "demo-user-1", "read"
    answer = answer_error(request(), error)
    instance = msgspec.json.decode(answer.body)["instance"]
    [asked] = caplog.messages
    assert asked == (
        f"answered 502, upstream-failed, {instance}: actions.execute hubspot/get_contact, account 'demo-user-1': "
        "failed with ServerError 503 (request req_7, fate: unknown)"
    )


@pytest.mark.parametrize(
    ("given", "asked"),
    [("req_8f.1-2:3", "req_8f.1-2:3"), ("<b>", None), ("x" * 129, None), ("", None), (None, None)],
)
def test_only_valid_request_ids_are_passed_on(given: str | None, asked: str | None) -> None:
    problem = problem_of(status(errors.ServerError, 500, "unknown", request_id=given))
    assert problem.request_id == asked


def test_other_errors_are_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        answer_error(request(), ZeroDivisionError())
