"""`refold accounts …`."""

import io
import json
import sys

import pytest

from refold_async.sandbox import Fault, Sandbox

from .conftest import Command


def test_accounts_are_listed_for_people(refold: Command, sandbox: Sandbox) -> None:
    sandbox.expire("demo-user-2", "hubspot")
    ended = refold("accounts", "list", "--limit", "2")
    assert (ended.code, ended.err) == (0, "")
    assert f"2 of {len(sandbox.account_ids)} linked accounts" in ended.out
    first, second = (line for line in ended.out.splitlines() if "demo-user-" in line)
    assert "hubspot, " in first
    assert "hubspot (reconnect), " in second


def test_all_accounts_are_listed_for_pipes(refold: Command, sandbox: Sandbox) -> None:
    ended = refold("accounts", "list", "--all", "--limit", "8", "--json")
    assert [each["account_id"] for each in json.loads(ended.out)] == list(sandbox.account_ids)
    assert [request.query["page"] for request in sandbox.requests[-3:]] == ["1", "2", "3"]


def test_a_page_is_listed_by_its_number(refold: Command, sandbox: Sandbox) -> None:
    ended = refold("accounts", "list", "--page", "2", "--limit", "3", "--json")
    assert [each["account_id"] for each in json.loads(ended.out)] == list(sandbox.account_ids[3:6])


def test_page_and_all_cannot_be_combined(refold: Command) -> None:
    ended = refold("accounts", "list", "--page", "2", "--all")
    assert ended.code == 2
    assert "--page and --all cannot be combined" in ended.err


def test_an_account_is_shown(refold: Command) -> None:
    ended = refold("accounts", "get", "demo-user-1")
    rows = [line.split() for line in ended.out.splitlines()]
    assert ["linked_account_id", "demo-user-1"] in rows
    assert ["hubspot", "Hubspot"] in rows
    piped = json.loads(refold("accounts", "get", "demo-user-1", "--json").out)
    assert piped["account_id"] == "demo-user-1"


def test_an_account_that_is_not_there_ends_in_1(refold: Command) -> None:
    ended = refold("accounts", "get", "nobody")
    assert ended.code == 1
    assert "linked_accounts.get for account nobody" in ended.err


def test_an_account_is_made_and_deleted(refold: Command, sandbox: Sandbox) -> None:
    made = refold("accounts", "create", "ann 1", "--name", "Ann", "--udf", "plan=pro", "--json")
    assert json.loads(made.out)["name"] == "Ann"
    assert "plan=pro" in refold("accounts", "get", "ann 1").out
    assert refold("accounts", "create", "ann 1").code == 1
    deleted = refold("accounts", "delete", "ann 1", "--yes")
    assert (deleted.code, deleted.out) == (0, "deleted ann 1\n")
    assert "ann 1" not in sandbox.account_ids
    assert refold("accounts", "delete", "ann 1", "--yes").code == 1


def test_a_deletion_needs_yes_without_a_terminal(refold: Command, sandbox: Sandbox) -> None:
    before = len(sandbox.requests)
    ended = refold("accounts", "delete", "demo-user-9")
    assert ended.code == 2
    assert "pass --yes" in ended.err
    assert len(sandbox.requests) == before


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 130)])
def test_a_deletion_asks_for_confirmation(
    refold: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, answer: str, code: int
) -> None:
    sandbox.add_account("soon-gone")
    stdin = io.StringIO(answer)
    monkeypatch.setattr(stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdin", stdin)
    ended = refold("accounts", "delete", "soon-gone")
    assert ended.code == code
    assert "deleting soon-gone also deletes its connections" in ended.err
    assert ("soon-gone" in sandbox.account_ids) == (code == 130)


def test_a_deletion_without_an_answer_ends_in_6_and_is_not_repeated(
    refold: Command, sandbox: Sandbox
) -> None:
    sandbox.add_account("half-gone")
    sandbox.faults.add(Fault(drop="after"))
    before = len(sandbox.requests)
    assert refold("accounts", "delete", "half-gone", "--yes").code == 6
    assert len(sandbox.requests) == before + 1


def test_a_token_is_alone_on_stdout_and_works(refold: Command, sandbox: Sandbox) -> None:
    ended = refold("accounts", "token", "demo-user-4")
    assert (ended.code, ended.err) == (0, "")
    account = sandbox.organisation.bearer(ended.out.removesuffix("\n"))
    assert account is not None
    assert account.account_id == "demo-user-4"
    assert refold("accounts", "token", "demo-user-4").out == ended.out
    piped = json.loads(refold("accounts", "token", "demo-user-4", "--fresh", "--json").out)
    assert set(piped) == {"token", "expires_in"}
    assert piped["token"] != ended.out.strip()


def test_a_token_of_an_unknown_account_is_an_error_and_stdout_is_empty(refold: Command) -> None:
    ended = refold("accounts", "token", "nobody")
    assert (ended.code, ended.out) == (1, "")
