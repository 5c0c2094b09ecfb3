"""`refold api METHOD PATH`."""

import io
import json
import sys
from pathlib import Path

import pytest

from refold_async.sandbox import Fault, Sandbox

from .conftest import Command

ACCOUNTS = "/api/v2/public/linked-account"


def test_a_path_is_read_for_people_and_byte_for_byte_for_pipes(refold: Command) -> None:
    line = ("api", "get", ACCOUNTS, "--query", "limit=2", "--query", "page=2")
    human, piped = refold(*line), refold(*line, "--json")
    assert json.loads(human.out) == json.loads(piped.out)
    assert '\n  "docs": [' in human.out
    assert piped.out.count("\n") == 1
    assert [each["account_id"] for each in json.loads(piped.out)["docs"]] == ["demo-user-3", "demo-user-4"]


def test_a_path_is_called_for_an_account_with_headers_and_a_body(
    refold: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "body.json"
    path.write_text('{"limit":  "1"}')
    ended = refold(
        "api", "POST", "/api/v2/integration-schema/hubspot/actions/get_contact/execute",
        "--account", "demo-user-5", "--body", f"@{path}", "--header", "X-Team=blue",
    )  # fmt: skip
    assert json.loads(ended.out)["node_status"] == "Success"
    request = sandbox.requests[-1]
    assert request.body == b'{"limit":  "1"}'
    assert (request.headers["linked_account_id"], request.headers["X-Team"]) == ("demo-user-5", "blue")


def test_a_body_comes_from_stdin(refold: Command, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"linked_account_id": "piped"}')))
    assert refold("api", "POST", ACCOUNTS, "--body", "-").code == 0
    assert "piped" in sandbox.account_ids


def test_an_error_names_the_documented_operation(refold: Command) -> None:
    ended = refold("api", "GET", f"{ACCOUNTS}/nobody", "--json")
    error = json.loads(ended.out)["error"]
    assert (ended.code, error["operation"], error["status"]) == (1, "linked_accounts.get", 404)


@pytest.mark.parametrize(
    ("line", "sent", "code"),
    [
        (("GET", ACCOUNTS), 2, 0),
        (("PUT", ACCOUNTS, "--body", '{"linked_account_id": "demo-user-6"}'), 2, 0),
        (("POST", ACCOUNTS, "--body", '{"linked_account_id": "once"}'), 1, 6),
        (("DELETE", f"{ACCOUNTS}/demo-user-19"), 1, 6),
        (("POST", ACCOUNTS, "--body", '{"linked_account_id": "twice"}', "--effect", "idempotent"), 2, 6),
    ],
)
def test_only_certain_reads_are_retried(
    refold: Command, sandbox: Sandbox, line: tuple[str, ...], sent: int, code: int
) -> None:
    before = len(sandbox.requests)
    sandbox.faults.add(Fault(drop="after", times=1))
    assert refold("api", *line).code == code
    assert len(sandbox.requests) - before == sent


@pytest.mark.parametrize(
    "line",
    [
        ("GET", "https://elsewhere.example/api"),
        ("GET", "//elsewhere.example/api"),
        ("GET", "@elsewhere.example/api"),
        ("GET", "/api/../other"),
        ("GET", f"{ACCOUNTS}?limit=1"),
        ("GET", ACCOUNTS, "--header", "Host=elsewhere.example"),
        ("GET", ACCOUNTS, "--header", "x-api-key=tk_another"),
        ("GET", ACCOUNTS, "--header", "linked_account_id=demo-user-1"),
        ("GET", ACCOUNTS, "--header", "X-Team"),
        ("GET", ACCOUNTS, "--query", "limit=1", "--query", "limit=2"),
        ("GET", ACCOUNTS, "--account", "a\nb"),
        ("POST", ACCOUNTS, "--body", "{"),
        ("POST", ACCOUNTS, "--body", "@/no/such/file"),
        ("BREW", ACCOUNTS),
    ],
)
def test_an_unsendable_or_leaking_argument_ends_in_2(
    refold: Command, sandbox: Sandbox, line: tuple[str, ...]
) -> None:
    before = len(sandbox.requests)
    assert refold("api", *line).code == 2
    assert len(sandbox.requests) == before


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (Fault(garbage=b"a;b\x1b[2J\n"), "a;b\N{REPLACEMENT CHARACTER}[2J\n"),
        (Fault(status=204, body="empty"), ""),
    ],
)
def test_data_that_is_not_json_is_printed_without_control_characters(
    refold: Command, sandbox: Sandbox, fault: Fault, told: str
) -> None:
    sandbox.faults.add(fault)
    assert refold("api", "GET", ACCOUNTS) == (0, told, "")
