"""How commands end when calls fail: exit code, words, and the error as JSON."""

import json

import pytest

from refold_async.sandbox import Fault, Sandbox

from .conftest import Command

READ = ("execute", "hubspot", "get_contact", "--account", "demo-user-1")
WRITE = ("execute", "hubspot", "create_contact", "--account", "demo-user-1", "--param", "email=a@b.example")


def test_a_refused_request_ends_in_1(refold: Command) -> None:
    ended = refold("execute", "hubspot", "create_contact", "--account", "demo-user-1")
    assert ended.code == 1
    assert ended.out == ""
    assert "Required parameter 'email' is missing" in ended.err
    assert "rejected: it was not done" in ended.err
    assert "Traceback" not in ended.err


def test_the_error_comes_as_json_too(refold: Command) -> None:
    ended = refold("execute", "hubspot", "create_contact", "--account", "demo-user-1", "--json")
    error = json.loads(ended.out)["error"]
    assert (error["class"], error["fate"], error["status"]) == ("BadRequestError", "rejected", 400)
    assert (error["action_id"], error["linked_account_id"]) == ("create_contact", "demo-user-1")
    assert "error: 400" in ended.err


@pytest.mark.parametrize(
    "line",
    [
        (),
        ("frobnicate",),
        ("actions", "hubspot"),
        ("actions", "hubspot", "--account", "a", "--timeout", "-1"),
        ("actions", "hubspot", "--account", "a\nb"),
        ("execute", "hubspot", "get_contact", "--account", "a", "--param", "limit"),
        ("execute", "hubspot", "get_contact", "--account", "a", "--effect", "maybe"),
    ],
)
def test_invalid_arguments_exit_with_2_and_send_nothing(
    refold: Command, sandbox: Sandbox, line: tuple[str, ...]
) -> None:
    before = len(sandbox.requests)
    ended = refold(*line)
    assert ended.code == 2
    assert ended.err
    assert not ended.out
    assert len(sandbox.requests) == before


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (("actions", "hubspot", "--json"), "Missing option '--account'."),
        (("actions", "hubspot", "--json", "--account", "a", "--timeout", "x"), "'x' is not a valid float"),
        (("batch", "hubspot", "get_contact", "--accounts", "/nowhere", "--json"), "/nowhere: No such file"),
        (("acounts", "list", "--json"), "did you mean 'accounts'?"),
        (("journal", "settle", "j.sqlite", "--json"), "pass --done, --not-done or --from"),
        (("job", "plan", "/nowhere.py", "--json"), "'/nowhere.py' does not exist"),
    ],
)
def test_a_usage_error_comes_as_json_too(refold: Command, line: tuple[str, ...], message: str) -> None:
    ended = refold(*line)
    assert ended.code == 2
    error = json.loads(ended.out)["error"]
    assert error["class"] == "UsageError"
    assert message in error["message"]
    assert message in ended.err


def test_without_a_key_it_says_where_the_key_comes_from(
    refold: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REFOLD_API_KEY")
    ended = refold("actions", "hubspot", "--account", "a")
    assert ended.code == 2
    assert "REFOLD_API_KEY is not set" in ended.err


def test_a_refused_key_ends_in_3(refold: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REFOLD_API_KEY", "tk_another_secret")
    ended = refold("actions", "hubspot", "--account", "demo-user-1")
    assert ended.code == 3
    assert "check REFOLD_API_KEY" in ended.err
    assert "tk_another_secret" not in ended.err


def test_a_customer_that_must_reconnect_ends_in_3(refold: Command, sandbox: Sandbox) -> None:
    sandbox.expire("demo-user-3", "hubspot")
    ended = refold("execute", "hubspot", "get_contact", "--account", "demo-user-3")
    assert ended.code == 3
    assert "account demo-user-3" in ended.err
    assert "must reconnect hubspot" in ended.err


def test_throttling_ends_in_4(refold: Command, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(status=429, headers={"Retry-After": "9"}))
    ended = refold(*READ, "--timeout", "2")
    assert ended.code == 4
    assert "run it again after 9 s" in ended.err


def test_a_server_that_is_not_there_ends_in_5(refold: Command) -> None:
    ended = refold(*WRITE, "--base-url", "http://127.0.0.1:9", "--timeout", "0.2")
    assert ended.code == 5
    assert "not_sent: the request never reached Refold" in ended.err


def test_a_write_without_an_answer_ends_in_6_and_ran_once(refold: Command, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(drop="after"))
    ended = refold(*WRITE)
    assert ended.code == 6
    assert "unknown: it may have been done" in ended.err
    assert "check in the app" in ended.err
    assert sandbox.ledger.count(effect="write") == 1


def test_effect_idempotent_retries_a_write(refold: Command, sandbox: Sandbox) -> None:
    sandbox.faults.add(Fault(drop="after", times=1))
    ended = refold(*WRITE, "--effect", "idempotent")
    assert ended.code == 0
    assert sandbox.ledger.count(effect="write") == 2
