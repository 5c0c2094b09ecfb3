"""The commands that call Refold, and what they write."""

import json
from pathlib import Path

from refold_async.sandbox import Sandbox

from .conftest import Command


def test_actions_are_listed_for_people(refold: Command) -> None:
    ended = refold("actions", "hubspot", "--account", "demo-user-1")
    assert ended.code == 0
    assert ended.err == ""
    lines = ended.out.splitlines()
    assert "actions of hubspot" in lines[0]
    [row] = [line.split() for line in lines if "create_contact" in line]
    assert row[:2] == ["create_contact", "write"]


def test_actions_are_listed_for_pipes(refold: Command) -> None:
    ended = refold("actions", "hubspot", "--account", "demo-user-1", "--json")
    actions = json.loads(ended.out)
    assert ended.err == ""
    assert {"action_id", "name", "description", "tag"} == set(actions[0])
    assert "get_contact" in {each["action_id"] for each in actions}


def test_a_schema_is_shown(refold: Command) -> None:
    line = ("schema", "hubspot", "create_contact", "--account", "demo-user-1")
    human, piped = refold(*line), refold(*line, "--json")
    [row] = [each.split() for each in human.out.splitlines() if "Enter email" in each]
    assert row[:3] == ["email", "Email", "required"]
    assert [each["name"] for each in json.loads(piped.out) if each["required"]] == ["email"]


def test_a_read_is_executed_for_one_account(refold: Command, sandbox: Sandbox) -> None:
    ended = refold("execute", "hubspot", "get_contact", "--account", "demo-user-2", "--param", "limit=1")
    assert ended.code == 0
    assert len(json.loads(ended.out)["results"]) == 1
    [run] = sandbox.ledger.runs
    assert (run.linked_account_id, run.action_id, run.params) == (
        "demo-user-2",
        "get_contact",
        {"limit": "1"},
    )


def test_a_write_is_executed_once_with_the_parameters_of_a_file(
    refold: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "contact.json"
    path.write_text('{"email": "a@b.example", "firstname": "Ann"}')
    ended = refold(
        "execute", "hubspot", "create_contact", "--account", "demo-user-1", "--params", f"@{path}",
        "--param", "firstname=Zoë", "--json",
    )  # fmt: skip
    answer = json.loads(ended.out)
    assert answer["node_status"] == "Success"
    assert answer["data"]["properties"]["firstname"] == "Zoë"
    assert [run.params for run in sandbox.ledger.writes()] == [{"email": "a@b.example", "firstname": "Zoë"}]


def test_an_account_id_that_looks_like_markup_is_escaped(refold: Command, sandbox: Sandbox) -> None:
    sandbox.add_account("[red]a b[/]'; ls")
    ended = refold("execute", "hubspot", "nope", "--account", "[red]a b[/]'; ls")
    assert "for account [red]a b[/]'; ls" in ended.err
    assert """--account '[red]a b[/]'"'"'; ls'""" in ended.err


def test_the_base_url_of_the_option_comes_before_the_environments(refold: Command) -> None:
    ended = refold("actions", "hubspot", "--account", "a", "--base-url", "ftp://nowhere")
    assert ended.code == 2
    assert "base_url must be an http:// or https:// URL" in ended.err
