"""Errors: their messages name account and fate, and pickling keeps all attributes."""

import copy
import inspect
import pickle
from typing import Any

import pytest

from refold_async import errors
from refold_async.errors import RefoldError, worst_fate
from refold_async.results import ActionFailed, restored

FACTS: dict[str, Any] = {
    "status": 404,
    "error_type": "Not Found",
    "error_code": "NOT_FOUND",
    "request_id": "req_1",
    "retry_after": 2.5,
}
WHERE: dict[str, Any] = {
    "operation": "actions.execute",
    "slug": "hubspot",
    "action_id": "create_contact",
    "linked_account_id": "customer-7",
    "attempts": 3,
    "elapsed": 1.25,
}
PLAIN = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, RefoldError)]


def whole(kind: type[RefoldError]) -> RefoldError:
    error = kind("it went wrong", fate="unknown", **FACTS)
    for name, value in WHERE.items():
        setattr(error, name, value)
    error.earlier = (errors.ConnectionFailedError("lost", fate="unknown"),)
    error.add_note("a note")
    return error


def told(error: object) -> object:
    if isinstance(error, RefoldError):
        return type(error), str(error), {name: told(value) for name, value in vars(error).items()}
    return [told(each) for each in error] if isinstance(error, tuple | list) else error


@pytest.mark.parametrize("kind", PLAIN)
def test_pickling_keeps_all_attributes(kind: type[RefoldError]) -> None:
    error = whole(kind)
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert told(again) == told(error)
        assert again.args == error.args
        assert again.needs_reconnect == error.needs_reconnect


@pytest.mark.parametrize("kind", PLAIN)
def test_all_errors_show_the_account_and_the_fate(kind: type[RefoldError]) -> None:
    assert str(whole(kind)) == (
        "404 NOT_FOUND: it went wrong (actions.execute, hubspot/create_contact, account 'customer-7', "
        "3 attempts, 1.25 s, request req_1, fate: unknown)"
    )
    assert str(kind("short")) == "short (fate: not_sent)"


def test_pickling_a_failed_action_keeps_its_result() -> None:
    result = restored("Errored", 404, b'{"message":"gone"}')
    error = ActionFailed("it failed", result=result, fate="rejected")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert again.result == result
        assert again.result.data == {"message": "gone"}
        assert told(again) == told(error)


def test_pickling_keeps_by_app() -> None:
    error = errors.RateLimitedError("slow down", status=429)
    error.by_app = True
    assert pickle.loads(pickle.dumps(error)).by_app


def test_errors_are_also_what_python_calls_them() -> None:
    assert issubclass(errors.SettingsError, ValueError)
    assert issubclass(errors.InvalidCallError, ValueError)
    assert issubclass(errors.DeadlineExceededError, TimeoutError)


def test_an_account_whose_id_is_odd_is_quoted() -> None:
    error = RefoldError("m")
    error.linked_account_id = "a)\n"
    assert str(error) == r"m (account 'a)\n', fate: not_sent)"


class Unprintable:
    """An argument whose own words raise."""

    def __repr__(self) -> str:
        raise RuntimeError("no words")

    __str__ = __repr__


ODD: list[Any] = [5, 2.5, True, b"x", ["a"], {"a": 1}, "", "a\nb", "\ud800", Unprintable(), object()]


@pytest.mark.parametrize("name", ["slug", "action_id", "linked_account_id", "ids"])
@pytest.mark.parametrize("odd", ODD, ids=lambda odd: type(odd).__name__)
def test_an_error_can_be_printed_whatever_the_argument_was(name: str, odd: Any) -> None:
    error = RefoldError("slug must be a string")
    setattr(error, name, {"workflow_id": odd} if name == "ids" else odd)
    assert "\n" not in str(error)
    assert str(error).startswith("slug must be a string (")
    assert "\n" not in errors.name_call("actions.list", error.slug, error.action_id, error.linked_account_id)


@pytest.mark.parametrize("account", [None, "customer-7"])
@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (errors.AuthenticationError, "check the API key or token, and that it is one of refold.example:8080"),
        (errors.NotFoundError, "check that it exists at refold.example:8080, and that the ids are right"),
        (errors.PermissionDeniedError, None),
    ],
)
def test_a_wrong_key_or_id_names_the_host(
    kind: type[RefoldError], words: str | None, account: str | None
) -> None:
    error = kind("no", status=1, fate="rejected")
    error.server, error.linked_account_id = "https://refold.example:8080/base", account
    assert error.hint == words
    assert str(error).endswith(f"; {words}" if words else "fate: rejected)")


def test_a_header_that_a_proxy_dropped_is_suspected() -> None:
    error = errors.NotFoundError("Linked account id is required", error_code="MISSING_REQUIRED_FIELD")
    error.server = "https://proxy.example"
    assert "proxy.example, and" in str(error)
    error.linked_account_id = "customer-7"
    assert "proxy.example did not receive the header linked_account_id" in str(error)
    assert "underscores_in_headers on" in str(error)


def test_a_calls_fate_is_the_worst_of_its_attempts() -> None:
    kinds: list[Any] = ["not_sent", "rejected", "unknown"]
    for last, lasts in enumerate(kinds):
        assert worst_fate(lasts) == lasts
        for first, firsts in enumerate(kinds):
            assert worst_fate(lasts, [RefoldError("m", fate=firsts)]) == kinds[max(last, first)]


def test_each_class_says_what_it_is() -> None:
    for kind in PLAIN:
        assert kind.__doc__
        assert f"── {kind.__name__}" in (errors.__doc__ or "") or kind is RefoldError
