"""`refold batch`: from a file of accounts to results, a report and an exit code."""

import errno
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from refold_async.batch.journal.sqlite import JournalFile
from refold_async.cli.input_rows import AccountsFile, InputRow
from refold_async.cli.result_file import ResultFile
from refold_async.sandbox import Fault, Sandbox

from .conftest import Command

READ = ("batch", "hubspot", "get_contact", "--param", "limit=1")
WRITE = ("batch", "hubspot", "create_contact")


@pytest.fixture
def accounts(tmp_path: Path) -> str:
    """A file of five accounts."""
    path = tmp_path / "accounts.csv"
    path.write_text("linked_account_id\n" + "".join(f"demo-user-{number}\n" for number in range(1, 6)))
    return str(path)


@pytest.fixture
def contacts(tmp_path: Path) -> str:
    """A file of three contacts to create, for two accounts."""
    path = tmp_path / "contacts.jsonl"
    rows = [("demo-user-1", "a@x.example"), ("demo-user-1", "b@x.example"), ("demo-user-2", "c@x.example")]
    path.write_text("\n".join(json.dumps({"linked_account_id": who, "email": email}) for who, email in rows))
    return str(path)


def lines(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_read_runs_for_every_account_with_its_own_parameters(
    refold: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "in.csv"
    path.write_text("linked_account_id,limit\ndemo-user-1,2\ndemo-user-2,\n")
    ended = refold(*READ, "--accounts", str(path))
    assert ended.code == 0
    assert "2 done, 0 failed, 0 skipped" in ended.out
    ran = {(run.linked_account_id, run.params["limit"]) for run in sandbox.ledger.runs}
    assert ran == {("demo-user-1", "2"), ("demo-user-2", "1")}


@pytest.mark.parametrize(
    "into", [("--out", "FILE"), ("--out", "FOLDER", "--out-format", "jsonl"), ("--out", "-")]
)
def test_numbers_of_a_result_keep_their_text(
    refold: Command, sandbox: Sandbox, tmp_path: Path, accounts: str, into: tuple[str, ...]
) -> None:
    numbers = "[123456789012345678901234567890,1e400,0.1000000000000000055]"
    body = f'{{"node_status": "Success", "data": {numbers}}}'
    sandbox.faults.add(Fault(operation="actions.execute", garbage=body.encode()))
    places = {"FILE": str(tmp_path / "out.jsonl"), "FOLDER": str(tmp_path / "out")}
    ended = refold(*READ, "--accounts", accounts, *(places.get(each, each) for each in into))
    files = [each.read_text() for each in tmp_path.rglob("*.jsonl")]
    assert "".join([*files, ended.out]).count(f'"data":{numbers}') == 5


@pytest.mark.parametrize("file", ["linked_account_id,limit\n in.csv", "\n in.jsonl", " in.jsonl"], ids=repr)
@pytest.mark.parametrize("options", [(), ("--json",), ("--dry-run",), ("--journal", "JOURNAL")], ids=repr)
def test_an_empty_file_is_reported(
    refold: Command, sandbox: Sandbox, tmp_path: Path, file: str, options: tuple[str, ...]
) -> None:
    content, _, name = file.rpartition(" ")
    path = tmp_path / name
    path.write_text(content)
    named = {"JOURNAL": str(tmp_path / "job.sqlite")}
    ended = refold(*READ, "--accounts", str(path), *(named.get(option, option) for option in options))
    assert (ended.code, sandbox.ledger.runs) == (0, [])
    assert ended.err.splitlines()[0] == f"no calls in {path}: nothing to send"
    if "--json" in options:
        assert json.loads(ended.out)["done"] == 0


def test_empty_stdin_is_reported(refold: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"linked_account_id\n")))
    ended = refold(*READ, "--accounts", "-")
    assert (ended.code, "no calls in stdin: nothing to send" in ended.err) == (0, True)


def test_the_results_are_a_line_each(refold: Command, accounts: str, tmp_path: Path) -> None:
    out = tmp_path / "results.jsonl"
    ended = refold(*READ, "--accounts", accounts, "--out", str(out), "--json")
    assert json.loads(ended.out)["done"] == 5
    found = lines(out)
    assert {each["linked_account_id"] for each in found} == {f"demo-user-{number}" for number in range(1, 6)}
    assert {each["outcome"] for each in found} == {"done"}
    assert all(len(each["data"]["results"]) == 1 for each in found)  # type: ignore[index]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--accounts", "IN", "--out", "IN"), "--accounts and --out are the same file"),
        (("--accounts", "IN", "--journal", "IN"), "--accounts and --journal are the same file"),
        (
            ("--accounts", "IN", "--out", "OTHER", "--journal", "OTHER"),
            "--journal and --out are the same file",
        ),
    ],
)
def test_no_file_is_written_over_another(
    refold: Command, accounts: str, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    before = Path(accounts).read_text()
    link = tmp_path / "link.csv"
    link.symlink_to(accounts)
    named = {"IN": accounts, "OTHER": str(tmp_path / "other")}
    ended = refold(*READ, *(named.get(option, option) for option in options))
    assert (ended.code, words in ended.err) == (2, True), ended.err
    ended = refold(*READ, "--accounts", str(link), "--out", accounts)
    assert (ended.code, Path(accounts).read_text()) == (2, before)


@pytest.mark.parametrize("path", ["-", "/dev/stdin"])
def test_stdin_is_not_read_twice(refold: Command, sandbox: Sandbox, path: str) -> None:
    ended = refold("batch", "hubspot", "get_contact", "--accounts", path, "--params", "-")
    assert (ended.code, "cannot both read stdin" in ended.err) == (2, True)


def test_out_dash_writes_only_results_to_stdout(refold: Command, accounts: str) -> None:
    ended = refold(*READ, "--accounts", accounts, "--out", "-")
    assert len([json.loads(line) for line in ended.out.splitlines()]) == 5
    assert "5 done" in ended.err


def test_accounts_come_from_stdin(refold: Command, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'"demo-user-7"\n"demo-user-8"\n')))
    ended = refold(*READ, "--accounts", "-", "--format", "jsonl")
    assert ended.code == 0
    assert {run.linked_account_id for run in sandbox.ledger.runs} == {"demo-user-7", "demo-user-8"}


def test_the_exit_code_is_of_the_outcome_that_most_needs_a_person(
    refold: Command, sandbox: Sandbox, accounts: str, tmp_path: Path
) -> None:
    sandbox.disconnect("demo-user-2", "hubspot")
    out = tmp_path / "results.jsonl"
    ended = refold(*READ, "--accounts", accounts, "--out", str(out))
    sandbox.connect("demo-user-2", "hubspot")
    assert ended.code == 3
    assert "to reconnect: demo-user-2 (hubspot)" in ended.out
    [failed] = [each for each in lines(out) if each["outcome"] == "failed"]
    assert failed["linked_account_id"] == "demo-user-2"
    assert failed["error"]["needs_reconnect"] is True  # type: ignore[index]


def test_writes_for_several_accounts_need_confirmation(
    refold: Command, sandbox: Sandbox, contacts: str
) -> None:
    ended = refold(*WRITE, "--accounts", contacts)
    assert ended.code == 2
    assert "3 times, for several accounts; pass --yes to confirm" in ended.err
    assert not sandbox.ledger.runs
    assert refold(*WRITE, "--accounts", contacts, "--yes").code == 0
    assert sandbox.ledger.count(effect="write") == 3


def test_a_person_is_asked(
    refold: Command, sandbox: Sandbox, contacts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for answer, code, ran in (("", 130, 0), ("n\n", 130, 0), ("y\n", 0, 3)):
        stdin = io.TextIOWrapper(io.BytesIO(answer.encode()))
        monkeypatch.setattr(stdin, "isatty", lambda: True)
        monkeypatch.setattr(sys, "stdin", stdin)
        assert refold(*WRITE, "--accounts", contacts).code == code
        assert sandbox.ledger.count(effect="write") == ran


def test_a_write_for_one_account_needs_no_confirmation(
    refold: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "in.csv"
    path.write_text("linked_account_id,email\ndemo-user-1,a@x.example\n")
    assert refold(*WRITE, "--accounts", str(path)).code == 0
    assert sandbox.ledger.count(effect="write") == 1


def test_a_dry_run_checks_every_call_and_executes_none(
    refold: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "in.csv"
    path.write_text("linked_account_id,email,fistname\ndemo-user-1,a@x.example,\ndemo-user-2,nothing,Ann\n")
    human = refold(*WRITE, "--accounts", str(path), "--dry-run")
    piped = refold(*WRITE, "--accounts", str(path), "--dry-run", "--json")
    assert (human.code, piped.code) == (2, 2)
    assert "did you mean 'firstname'?" in human.out
    told = json.loads(piped.out)
    assert told["calls"] == 2
    assert told["first"][1]["params"] == {"email": "nothing", "fistname": "Ann"}
    assert {(each["index"], each["parameter"]) for each in told["problems"]} == {
        (1, "fistname"),
        (1, "email"),
    }
    assert not sandbox.ledger.runs


def test_a_dry_run_of_good_calls_ends_well(refold: Command, sandbox: Sandbox, contacts: str) -> None:
    ended = refold(*WRITE, "--accounts", contacts, "--dry-run")
    assert ended.code == 0
    assert "all parameters match" in ended.out
    assert '"email":"c@x.example"' in ended.out
    assert not sandbox.ledger.runs


def own_fields(*custom: str, linked_account_id: str, required: object = False) -> Fault:
    """Return a fault that gives one account's HubSpot fields of its own."""
    fields = [{"name": name, "type": "text", "required": required} for name in ("email", *custom)]
    return Fault(
        operation="actions.schema", linked_account_id=linked_account_id, garbage=json.dumps(fields).encode()
    )


def test_a_dry_run_checks_each_account_against_its_own_schema(
    refold: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.add(
        own_fields("tier", linked_account_id="demo-user-1"),
        own_fields("plan", linked_account_id="demo-user-2"),
        Fault(operation="actions.schema", linked_account_id="demo-user-3", status=404),
    )
    path = tmp_path / "in.jsonl"
    rows = [(number, name) for name in ("tier", "plan") for number in (1, 2, 3)]
    path.write_text(
        "".join(
            json.dumps({"linked_account_id": f"demo-user-{number}", "email": "a@x.example", name: "x"}) + "\n"
            for number, name in rows
        )
    )
    before = len(sandbox.requests)
    ended = refold(*WRITE, "--accounts", str(path), "--dry-run", "--json", "--progress", "json")
    told = ended.err.splitlines()
    assert told[0] == "dry run: 3 requests, for the schema of each linked account"
    last = json.loads(told[-1])["progress"]
    assert (last["done"], last["failed"], last["total"], last["ended"]) == (2, 1, 3, True)
    found = {
        (each["index"], each["linked_account_id"], each["parameter"])
        for each in json.loads(ended.out)["problems"]
    }
    assert found == {(1, "demo-user-2", "tier"), (2, "demo-user-3", ""), (3, "demo-user-1", "plan")}
    assert ended.code == 1, "the missing schema of one account is the most severe"
    assert len(sandbox.requests) - before == 3
    assert not sandbox.ledger.runs


@pytest.mark.parametrize(("status", "code"), [(401, 3), (404, 1), (503, 6)])
def test_a_dry_run_without_any_schema_ends_with_its_error(
    refold: Command, sandbox: Sandbox, accounts: str, status: int, code: int
) -> None:
    sandbox.faults.add(Fault(operation="actions.schema", status=status))
    ended = refold(*WRITE, "--accounts", accounts, "--dry-run", "--timeout", "3")
    assert (ended.code, f"error: {status}" in ended.err) == (code, True), ended.err


def test_a_dry_run_ends_when_the_key_is_refused_under_way(
    refold: Command, sandbox: Sandbox, accounts: str
) -> None:
    sandbox.faults.add(Fault(operation="actions.schema", status=401, after=1))
    ended = refold(*WRITE, "--accounts", accounts, "--dry-run")
    assert (ended.code, "Traceback" in ended.err) == (3, False)


@pytest.mark.parametrize(
    ("required", "missing"), [("false", False), ("true", True), (0, False), (1, True), ("", False)]
)
def test_a_required_flag_may_be_text_or_a_number(
    refold: Command, sandbox: Sandbox, tmp_path: Path, required: object, missing: bool
) -> None:
    sandbox.faults.add(own_fields("tier", linked_account_id="demo-user-1", required=required))
    path = tmp_path / "in.csv"
    path.write_text("linked_account_id,email\ndemo-user-1,a@x.example\n")
    ended = refold(*WRITE, "--accounts", str(path), "--dry-run")
    assert (ended.code, "'tier' is missing" in ended.out) == (2 if missing else 0, missing)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ((*READ,), True),
        ((*READ, "--json"), True),
        ((*READ, "--out", "-"), False),
        ((*READ, "--dry-run"), False),
        ((*WRITE, "--param", "email=a@x.example", "--yes"), False),
    ],
)
def test_reads_whose_results_are_not_kept_are_pointed_out(
    refold: Command, accounts: str, line: tuple[str, ...], said: bool
) -> None:
    assert ("the results are not kept: pass --out FILE" in refold(*line, "--accounts", accounts).err) is said


def test_a_file_that_changes_during_the_batch_ends_it_after_the_outcomes(
    refold: Command, sandbox: Sandbox, accounts: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    walks = iter(range(3))
    whole = AccountsFile.__iter__

    def second_walk_fails(self: AccountsFile) -> Iterator[InputRow]:
        spoilt = next(walks) == 1
        for row in whole(self):
            if spoilt and row.linked_account_id == "demo-user-3":
                raise click.UsageError("accounts.csv, line 4: no linked_account_id")
            yield row

    monkeypatch.setattr(AccountsFile, "__iter__", second_walk_fails)
    ended = refold(*READ, "--accounts", accounts)
    assert ended.code == 2
    assert "2 done, 0 failed" in ended.err
    assert "line 4" in ended.err
    assert len(sandbox.ledger.runs) == 2


def test_without_an_account_there_is_no_call(refold: Command, tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_text("linked_account_id\n")
    assert refold(*READ, "--accounts", str(path), "--dry-run").code == 0
    assert refold(*READ, "--accounts", str(path)).code == 0


def test_stop_on_failure_stops_at_the_first_failure(refold: Command, sandbox: Sandbox, accounts: str) -> None:
    sandbox.faults.add(Fault(status=404, linked_account_id="demo-user-1"))
    ended = refold(*READ, "--accounts", accounts, "--concurrency", "1", "--stop-on-failure", "--json")
    told = json.loads(ended.out)
    assert ended.code == 1
    assert (told["done"], told["failed"], told["stopped"]) == (0, 1, "failed_call")
    assert not sandbox.ledger.runs


@pytest.mark.parametrize(
    "bounds",
    [("--per-account", "1"), ("--per-account", "500/s"), ("--rate", "500:10"), ("--concurrency", "150")],
)
def test_its_bounds_can_be_set(refold: Command, accounts: str, bounds: tuple[str, str]) -> None:
    assert refold(*READ, "--accounts", accounts, *bounds).code == 0


@pytest.mark.parametrize(
    "bounds",
    [
        ("--per-account", "0"),
        ("--per-account", "x/s"),
        ("--rate", "0"),
        ("--rate", "20:0"),
        ("--rate", "many"),
        ("--concurrency", "0"),
        ("--stop-at-failure-share", "2"),
        ("--out", "/no/such/folder/results.jsonl"),
    ],
)
def test_bounds_that_cannot_work_end_in_2(
    refold: Command, sandbox: Sandbox, accounts: str, bounds: tuple[str, str]
) -> None:
    assert refold(*READ, "--accounts", accounts, *bounds).code == 2
    assert not sandbox.ledger.runs


def test_a_resumed_journal_completes_the_results(
    refold: Command, sandbox: Sandbox, contacts: str, tmp_path: Path
) -> None:
    out = tmp_path / "results.jsonl"
    line = (
        *WRITE,
        "--accounts",
        contacts,
        "--yes",
        "--journal",
        str(tmp_path / "job.sqlite"),
        "--out",
        str(out),
    )
    sandbox.faults.add(Fault(status=400, linked_account_id="demo-user-2", times=1))
    assert refold(*line).code == 1
    assert refold(*line).code == 0
    assert sandbox.ledger.count(effect="write") == 3
    assert not sandbox.ledger.duplicates()
    assert [each["outcome"] for each in lines(out)] == ["done"] * 3


def test_results_are_not_touched_by_a_run_that_does_not_get_its_journal(
    refold: Command, accounts: str, tmp_path: Path
) -> None:
    """As when the same command is started again during the first run."""
    out, journal = tmp_path / "results.jsonl", tmp_path / "job.sqlite"
    out.write_text("of the first run\n")
    holder = JournalFile(journal, job="hubspot/get_contact", base_url="http://localhost")
    try:
        ended = refold(*READ, "--accounts", accounts, "--journal", str(journal), "--out", str(out))
    finally:
        holder.close()
    assert ended.code == 2
    assert "in use by another batch or process" in ended.err
    assert out.read_text() == "of the first run\n"


def test_an_unknown_write_is_repeated_only_with_retry_unknown(
    refold: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    path, journal = tmp_path / "in.csv", str(tmp_path / "job.sqlite")
    path.write_text("linked_account_id,email\ndemo-user-1,a@x.example\n")
    line = (*WRITE, "--accounts", str(path), "--journal", journal)
    sandbox.faults.add(Fault(drop="after", times=1))
    assert refold(*line).code == 6
    assert refold(*line).code == 6
    assert sandbox.ledger.count(effect="write") == 1
    assert refold(*line, "--retry-unknown").code == 0
    assert sandbox.ledger.count(effect="write") == 2


def test_a_finished_run_says_that_nothing_ran_and_since_when(
    refold: Command, sandbox: Sandbox, contacts: str, tmp_path: Path
) -> None:
    line = (*WRITE, "--accounts", contacts, "--yes", "--journal", str(tmp_path / "job.sqlite"))
    first = refold(*line)
    assert "3 done, 0 failed, 0 skipped\n" in first.out
    assert "nothing was run" not in first.err
    again = refold(*line)
    assert again.code == 0
    assert "0 done, 0 failed, 0 skipped, 3 done by earlier runs\n" in again.out
    assert "from the journal: 3 calls recorded 20" in again.out
    assert "nothing was run: the journal" in again.err
    assert "0 skipped, 3 done by earlier runs, 0 a second" in again.err
    assert sandbox.ledger.count(effect="write") == 3


def test_a_journal_of_another_job_is_refused(refold: Command, contacts: str, tmp_path: Path) -> None:
    line = (*WRITE, "--accounts", contacts, "--yes", "--journal", str(tmp_path / "job.sqlite"), "--job")
    assert refold(*line, "monday").code == 0
    ended = refold(*line, "tuesday")
    assert ended.code == 2
    assert "another job: 'monday'" in ended.err


def test_results_that_were_not_written_come_with_the_next_run(
    refold: Command, sandbox: Sandbox, contacts: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "results.jsonl"
    files = ("--journal", str(tmp_path / "job.sqlite"), "--out", str(out))
    line = (*WRITE, "--accounts", contacts, "--yes", *files)

    def fail(self: ResultFile) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(ResultFile, "sync", fail)
        assert refold(*line).code == 2
    ran = sandbox.ledger.count(effect="write")
    assert ran > 0
    assert refold(*line).code == 0
    assert [each["outcome"] for each in lines(out)] == ["done"] * 3
    assert sandbox.ledger.count(effect="write") == 3
    assert not sandbox.ledger.duplicates()


def test_reports_are_written_for_a_run_that_failed_too(
    refold: Command, sandbox: Sandbox, accounts: str, tmp_path: Path
) -> None:
    sandbox.faults.add(Fault(status=422, times=1))
    paths = [str(tmp_path / name) for name in ("run.html", "run.json")]
    options = [word for path in paths for word in ("--report", path)]
    ended = refold(*READ, "--accounts", accounts, *options)
    assert ended.code == 1
    assert [f"report: {path}" in ended.err for path in paths] == [True, True]
    report = json.loads((tmp_path / "run.json").read_bytes())
    assert (report["title"], report["summary"]["done"]) == ("hubspot/get_contact", 4)
    assert [group["count"] for group in report["failures"]] == [1]


@pytest.mark.parametrize("name", ["run.pdf", "missing/run.html", "accounts.csv"])
def test_a_report_that_cannot_be_written_stops_the_run_before_it_begins(
    refold: Command, sandbox: Sandbox, accounts: str, tmp_path: Path, name: str
) -> None:
    ended = refold(*READ, "--accounts", accounts, "--report", str(tmp_path / name))
    assert ended.code == 2
    assert "--report" in ended.err
    assert sandbox.ledger.runs == []


def test_progress_is_written_as_json_lines(refold: Command, accounts: str) -> None:
    ended = refold(*READ, "--accounts", accounts, "--out", "-", "--progress", "json")
    found = [
        json.loads(line)["progress"] for line in ended.err.splitlines() if line.startswith('{"progress"')
    ]
    assert (found[-1]["done"], found[-1]["total"], found[-1]["ended"]) == (5, 5, True)
    assert len(ended.out.splitlines()) == 5


def test_no_progress_is_written_if_none_is_wanted(refold: Command, accounts: str) -> None:
    assert "5 of 5 done" in refold(*READ, "--accounts", accounts).err
    assert "done" not in refold(*READ, "--accounts", accounts, "--progress", "none", "--json").err
