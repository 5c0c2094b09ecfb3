"""`refold codegen`: what it reads, writes and refuses."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest

from refold_async.cli.program import run
from refold_async.sandbox import Fault, Sandbox
from refold_async.sandbox.apps import load_apps
from refold_async.testing import recording

from .conftest import ACCOUNT, Codegen, Load

PARAMETERS = [
    {"name": "email", "label": "E-mail", "required": True, "type": "Email"},
    {"name": "phone", "label": "Phone", "required": False, "type": "text"},
]


def answers(parameters: object, account: str | None = None) -> Fault:
    """A service that says something else of one action's parameters."""
    return Fault(
        operation="actions.schema",
        slug="hubspot",
        action_id="create_contact",
        linked_account_id=account,
        garbage=json.dumps(parameters).encode(),
    )


@pytest.fixture
def hubspot_args(sandbox: Sandbox, tmp_path: Path) -> tuple[str | Path, ...]:
    return ("hubspot", "--account", ACCOUNT, "--out", tmp_path / "hubspot.py")


def test_the_file_is_named_by_rule(codegen: Codegen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = codegen("netsuite", "--account", ACCOUNT)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "wrote netsuite.py: 6 actions, 0 with typed results\n"
    assert codegen("netsuite", "--account", ACCOUNT, "--out", tmp_path).out.startswith("unchanged: ")
    assert [path.name for path in tmp_path.iterdir()] == ["netsuite.py"]


def test_the_mode_of_a_file_stays_and_a_new_one_is_as_the_umask_says(
    codegen: Codegen, hubspot_args: tuple[str | Path, ...], tmp_path: Path
) -> None:
    codegen(*hubspot_args)
    path = tmp_path / "hubspot.py"
    (tmp_path / "plain").touch()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode
    path.chmod(0o600)
    path.write_text(path.read_text() + "# end\n")
    assert codegen(*hubspot_args).out.startswith("wrote ")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_learning_executes_reads_only(codegen: Codegen, sandbox: Sandbox, tmp_path: Path) -> None:
    ended = codegen("playground", "--account", ACCOUNT, "--out", tmp_path, "--learn", "--json")
    assert json.loads(ended.out)["typed"] == 3
    assert {run.action_id for run in sandbox.ledger.reads()} == {"get_payload", "list_notes", "search_notes"}
    assert sandbox.ledger.writes() == []


def test_a_given_effect_is_in_the_code_and_decides_what_is_learned(
    codegen: Codegen, sandbox: Sandbox, load: Load, tmp_path: Path
) -> None:
    effects = ("--effect", "echo=read", "--effect", "list_notes=write")
    codegen("playground", "--account", ACCOUNT, "--out", tmp_path, "--learn", *effects)
    assert {run.action_id for run in sandbox.ledger.select()} == {"echo", "get_payload", "search_notes"}
    calls = load(tmp_path / "playground.py").Playground.calls
    assert calls.echo("a").effect == "read"
    assert calls.list_notes("a").effect == "write"


def test_a_read_that_fails_is_reported_and_left_untyped(
    codegen: Codegen, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.add(
        Fault(operation="actions.execute", action_id="list_notes", node_status="Errored", http_status=404)
    )
    ended = codegen("playground", "--account", ACCOUNT, "--out", tmp_path, "--learn")
    assert ended.code == 0
    assert ended.err.startswith("playground/list_notes: not learned: ")
    assert "2 with typed results" in ended.out


def test_an_action_without_a_schema_is_reported_and_left_out(
    codegen: Codegen, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.add(Fault(operation="actions.schema", action_id="get_user", status=404))
    ended = codegen("slack", "--account", ACCOUNT, "--out", tmp_path)
    assert ended.err == "slack/get_user: skipped, the service has no schema for it\n"
    assert ended.out.endswith("8 actions, 0 with typed results\n")


def test_a_failure_writes_nothing(codegen: Codegen, sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults.add(Fault(operation="actions.schema", action_id="get_user", status=403))
    assert codegen("slack", "--account", ACCOUNT, "--out", tmp_path).code == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ([*PARAMETERS, {"name": "vat", "required": False}], "parameter 'vat' added"),
        ([*PARAMETERS, {"name": "vat", "required": True}], "parameter 'vat' added, required"),
        ([PARAMETERS[0], {**PARAMETERS[1], "required": True}], "parameter 'phone' made required"),
        ([{**PARAMETERS[0], "required": False}, PARAMETERS[1]], "parameter 'email' made optional"),
        (PARAMETERS[:1], "parameter 'phone' gone"),
        (
            [PARAMETERS[0], {**PARAMETERS[1], "options": ["a", "b"]}],
            "parameter 'phone' changed from str | float to Literal['a', 'b'] | str",
        ),
        (
            [PARAMETERS[0], {**PARAMETERS[1], "type": "json"}],
            "parameter 'phone' changed from str | float to object",
        ),
    ],
)
def test_a_check_says_what_changed_of_a_parameter(
    codegen: Codegen,
    sandbox: Sandbox,
    hubspot_args: tuple[str | Path, ...],
    *,
    tmp_path: Path,
    changed: object,
    words: str,
) -> None:
    sandbox.faults.add(answers(PARAMETERS))
    codegen(*hubspot_args)
    assert codegen(*hubspot_args, "--check").code == 0
    text = (tmp_path / "hubspot.py").read_bytes()
    sandbox.faults.clear()
    sandbox.faults.add(answers(changed))
    assert codegen(*hubspot_args, "--check")[:2] == (1, f"create_contact: {words}\n")
    assert codegen(*hubspot_args, "--diff")[:2] == (0, f"create_contact: {words}\n")
    assert json.loads(codegen(*hubspot_args, "--check", "--json").out)["differences"] == [
        f"create_contact: {words}"
    ]
    assert (tmp_path / "hubspot.py").read_bytes() == text


def test_a_check_says_what_changed_of_actions(
    codegen: Codegen, sandbox: Sandbox, hubspot_args: tuple[str | Path, ...]
) -> None:
    codegen(*hubspot_args)
    listed = [{"action_id": "create_contact"}, {"action_id": "get_contact"}]
    sandbox.faults.add(Fault(operation="actions.list", garbage=json.dumps(listed).encode(), times=1))
    ended = codegen(
        *hubspot_args, "--check", "--effect", "get_contact=write", "--name", "get_contact=contact"
    )
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert "get_contact: effect changed from read to write" in lines
    assert "get_contact: method renamed from get_contact to contact" in lines
    assert "delete_deal: action gone" in lines
    gone = [line for line in lines if line.endswith(": action gone")]
    assert len(gone) == len(load_apps()["hubspot"].actions) - len(listed)
    assert len(lines) == len(gone) + 2


def test_a_check_compares_results_only_if_samples_are_given(
    codegen: Codegen, hubspot_args: tuple[str | Path, ...], tmp_path: Path
) -> None:
    samples = tmp_path / "samples"
    samples.mkdir()
    (samples / "get_contact.json").write_text('{"results": [{"id": "1", "name": "Ann"}]}')
    codegen(*hubspot_args, "--samples", samples)
    assert codegen(*hubspot_args, "--check").code == 0
    # As some editors save it, with a byte order mark.
    (samples / "get_contact.json").write_text('{"results": [{"id": 1, "age": 2}]}', encoding="utf-8-sig")
    ended = codegen(*hubspot_args, "--check", "--samples", samples)
    assert ended.code == 1
    assert ended.out.splitlines() == [
        "GetContactDataResults: field 'age' added",
        "GetContactDataResults: field 'id' changed from str | None to int | None",
        "GetContactDataResults: field 'name' gone",
    ]


def test_losing_the_types_of_results_is_reported(
    codegen: Codegen, hubspot_args: tuple[str | Path, ...], tmp_path: Path
) -> None:
    assert codegen(*hubspot_args, "--learn").err == ""
    assert codegen(*hubspot_args).err == (
        f"{tmp_path / 'hubspot.py'}: its results are no longer typed; pass --samples or --learn as before\n"
    )


def test_a_check_of_a_file_that_is_not_there_fails(
    codegen: Codegen, hubspot_args: tuple[str | Path, ...], tmp_path: Path
) -> None:
    assert codegen(*hubspot_args, "--check").code == 1
    assert codegen(*hubspot_args, "--diff")[:2] == (0, "it does not exist\n")
    assert list(tmp_path.iterdir()) == []


def test_accounts_are_merged(codegen: Codegen, sandbox: Sandbox, load: Load, tmp_path: Path) -> None:
    mine = [*PARAMETERS, {"name": "vat", "required": True}, {"name": "tier", "options": ["a"]}]
    theirs = [*PARAMETERS, {"name": "color", "required": True}, {"name": "tier", "options": ["b"]}]
    sandbox.faults.add(answers(mine, "demo-user-1"))
    sandbox.faults.add(answers(theirs, "demo-user-2"))
    codegen("hubspot", "--accounts", "demo-user-1,demo-user-2", "--out", tmp_path)
    module = load(tmp_path / "hubspot.py")
    create = module.Hubspot.calls.create_contact
    assert create("a", email="a@b.c").params == {"email": "a@b.c"}
    assert set(create.__kwdefaults__) == {"phone", "vat", "color", "tier"}
    assert module.CreateContactTier.__args__ == ("a", "b")


def test_samples_come_from_a_recording(
    codegen: Codegen, sandbox: Sandbox, hubspot_args: tuple[str | Path, ...], load: Load, tmp_path: Path
) -> None:
    path = tmp_path / "recordings" / "answers.json"
    with (
        recording(path, base_url=sandbox.base_url, api_key=sandbox.api_key) as service,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("REFOLD_BASE_URL", service.base_url)
        for account in (ACCOUNT, "nobody"):
            run(["execute", "hubspot", "get_contact", "--account", account, "--param", "limit=1"])
        run(["execute", "slack", "list_users", "--account", ACCOUNT])
    ended = codegen(*hubspot_args, "--samples", path.parent)
    assert "1 with typed results" in ended.out, ended.err
    assert load(tmp_path / "hubspot.py").GetContactData().paging.next.after is None


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("get_contact.json", {"results": [{"id": "1"}]}),
        ("get_contact.2.json", {"node_status": "Success", "data": {"results": [{"id": "1"}]}}),
    ],
)
def test_samples_come_from_json_named_for_an_action(
    codegen: Codegen,
    hubspot_args: tuple[str | Path, ...],
    load: Load,
    *,
    tmp_path: Path,
    file: str,
    content: object,
) -> None:
    (tmp_path / file).write_bytes(msgspec.json.encode(content))
    codegen(*hubspot_args, "--samples", tmp_path / file)
    module = load(tmp_path / "hubspot.py")
    assert module.GetContactDataResults(id="1").id == "1"


HOSTILE: list[dict[str, Any]] = [
    {"name": "a-b", "label": '"""\nimport os', "required": True},
    {"name": "a_b", "label": "\\", "required": False},
    {"name": "class", "options": ['"', "'", "\n"]},
    {"name": "имя"},
    {"name": "self"},
]


def test_two_parameters_with_one_python_name_can_be_renamed(
    codegen: Codegen, sandbox: Sandbox, hubspot_args: tuple[str | Path, ...], load: Load, tmp_path: Path
) -> None:
    sandbox.faults.add(answers(HOSTILE))
    ended = codegen(*hubspot_args)
    assert ended.code == 2
    assert "create_contact.'a_b' and 'a-b' have one Python name, a_b" in ended.err
    assert "--name 'create_contact.a_b=NAME'" in ended.err
    codegen(*hubspot_args, "--name", "create_contact.a_b=other")
    call = load(tmp_path / "hubspot.py").Hubspot.calls.create_contact(
        "a", a_b="1", other="2", class_="3", имя="4", self_="5"
    )
    assert call.params == {"a-b": "1", "a_b": "2", "class": "3", "имя": "4", "self": "5"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--account ID, or --accounts"),
        (("--account", "a", "--name", "x"), "--name"),
        (("--account", ACCOUNT, "--name", "nothing=x"), "hubspot has no 'nothing' to be named"),
        (("--account", ACCOUNT, "--name", "get_contact=class"), "'get_contact' cannot be named 'class'"),
        (("--account", ACCOUNT, "--name", "get_contact=_x"), "cannot be named '_x'"),
        (("--account", ACCOUNT, "--name", "get_contact=calls"), "cannot be named 'calls'"),
        (("--account", ACCOUNT, "--name", "get_contact=x\ny"), "cannot be named"),
        (("--account", "a", "--effect", "get_contact=wriet"), "must be ID=read|idempotent|write"),
        (("--account", ACCOUNT, "--effect", "nothing=read"), "hubspot has no action 'nothing'"),
        (("--account", ACCOUNT, "--samples", "absent"), "'absent' does not exist"),
    ],
)
def test_an_argument_that_cannot_work_is_refused(
    codegen: Codegen, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    ended = codegen("hubspot", "--out", tmp_path, *arguments)
    assert ended.code == 2
    assert words in ended.err
    assert list(tmp_path.iterdir()) == []


def test_a_slug_without_a_module_name_needs_a_file(codegen: Codegen) -> None:
    ended = codegen("***", "--account", ACCOUNT)
    assert ended.code == 2
    assert "'***' cannot be made a module name; pass --out FILE" in ended.err


def test_a_recorded_failure_is_not_a_sample(
    codegen: Codegen, hubspot_args: tuple[str | Path, ...], tmp_path: Path
) -> None:
    target = "/api/v2/integration-schema/hubspot/actions/get_contact/execute"
    bodies = ["<html>", '{"node_status": "Errored", "data": {"a": 1}}', ""]
    recorded = [{"asked": {"target": target}, "answered": {"body": body}} for body in bodies]
    (tmp_path / "recording.json").write_text(json.dumps(recorded))
    assert "0 with typed results" in codegen(*hubspot_args, "--samples", tmp_path / "recording.json").out


@pytest.mark.parametrize("text", ["print('mine')\n", "def", "\0"])
def test_a_file_that_was_not_generated_is_not_replaced(
    codegen: Codegen, hubspot_args: tuple[str | Path, ...], tmp_path: Path, text: str
) -> None:
    (tmp_path / "hubspot.py").write_text(text)
    ended = codegen(*hubspot_args)
    assert ended.code == 2
    assert "is not replaced" in ended.err
    assert (tmp_path / "hubspot.py").read_text() == text


def test_a_symbolic_link_is_kept(codegen: Codegen, tmp_path: Path) -> None:
    (tmp_path / "link.py").symlink_to(tmp_path / "target.py")
    assert codegen("netsuite", "--account", ACCOUNT, "--out", tmp_path / "link.py").code == 0
    assert (tmp_path / "link.py").is_symlink()
    assert "class Netsuite" in (tmp_path / "target.py").read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"link.py", "target.py"}


def test_an_unwritable_file_is_reported(
    codegen: Codegen, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / f".hubspot.py.{os.getpid()}").mkdir()
    ended = codegen("hubspot", "--account", ACCOUNT, "--out", tmp_path / "folder" / "hubspot.py")
    assert ended.code == 2
    assert "Is a directory" in ended.err


def test_samples_that_are_not_json_are_refused(
    codegen: Codegen, hubspot_args: tuple[str | Path, ...], tmp_path: Path
) -> None:
    (tmp_path / "get_contact.json").write_text("{")
    ended = codegen(*hubspot_args, "--samples", tmp_path)
    assert ended.code == 2
    assert "--samples" in ended.err


def test_the_progress_of_schemas_and_reads(codegen: Codegen, tmp_path: Path) -> None:
    form = ("--progress", "json")
    ended = codegen("playground", "--account", ACCOUNT, "--out", tmp_path, "--learn", *form)
    lines = [json.loads(line)["progress"] for line in ended.err.splitlines()]
    ends = [line for line in lines if line["ended"]]
    assert [(line["done"], line["failed"], line["total"]) for line in ends] == [(11, 0, 11), (3, 0, 3)]


def test_progress_is_written_in_lines_outside_of_a_terminal(
    codegen: Codegen, sandbox: Sandbox, hubspot_args: tuple[str | Path, ...]
) -> None:
    listed = [{"action_id": "get_contact"}, {"action_id": "gone"}]
    sandbox.faults.add(Fault(operation="actions.list", garbage=json.dumps(listed).encode()))
    ended = codegen(*hubspot_args, "--progress", "auto")
    assert "hubspot/gone: skipped, the service has no schema for it" in ended.err
    assert "1 of 2 done, 1 failed, 0 skipped" in ended.err
