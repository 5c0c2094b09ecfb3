"""`refold journal`: reading and editing a batch's journal."""

import errno
import json
from pathlib import Path

import pytest

from refold_async import Journal
from refold_async.batch.journal.sqlite import JournalFile
from refold_async.sandbox import Fault, Sandbox

from .conftest import Command

WRITE = ("batch", "hubspot", "create_contact", "--yes", "--key-column", "order")
LOOKUP = ("--settle", "search_contacts", "--lookup", "propertyName=email", "--lookup", "operator=EQ",
          "--lookup", "value={email}", "--match", "results[].properties.email={email}")  # fmt: skip


@pytest.fixture
def job(refold: Command, sandbox: Sandbox, tmp_path: Path) -> tuple[str, ...]:
    """A journal with one call done, one failed and two unknown, whose command line is returned."""
    accounts, journal = tmp_path / "orders.csv", tmp_path / "job.sqlite"
    accounts.write_text(
        "linked_account_id,order,email\n"
        + "".join(f"demo-user-{n},{order},{n}@x.example\n" for n, order in enumerate(["a", "a", "b", "c"], 1))
    )
    sandbox.faults.add(Fault(effect="write", drop="after", linked_account_id="demo-user-1", times=1))
    sandbox.faults.add(Fault(effect="write", drop="before", linked_account_id="demo-user-2", times=1))
    sandbox.faults.add(Fault(effect="write", status=400, linked_account_id="demo-user-3", times=1))
    line = (*WRITE, "--accounts", str(accounts), "--journal", str(journal))
    assert refold(*line).code == 6
    return line


def test_show_lists_the_results_of_runs(refold: Command, job: tuple[str, ...]) -> None:
    told = refold("journal", "show", job[-1])
    assert told.code == 0
    assert "job hubspot/create_contact against http://127.0.0.1" in told.out
    assert "4 calls: 1 done, 1 failed, 2 unknown" in told.out
    assert "run 1: began 20" in told.out
    overview = json.loads(refold("journal", "show", job[-1], "--json").out)
    assert overview["states"] == {"done": 1, "failed": 1, "unknown": 2}
    assert (overview["in_use"], overview["undelivered"]) == (False, 0)


def test_show_distinguishes_a_running_run_from_a_killed_one(
    refold: Command, job: tuple[str, ...], sandbox: Sandbox
) -> None:
    running = JournalFile(job[-1], job="hubspot/create_contact", base_url=sandbox.base_url)
    assert "still running" in refold("journal", "show", job[-1]).out
    running._release()
    assert "killed" in refold("journal", "show", job[-1]).out


def test_list_names_the_calls_that_need_a_person(refold: Command, job: tuple[str, ...]) -> None:
    table = refold("journal", "list", job[-1]).out
    assert "3 calls" in table
    assert "demo-user-4" not in table
    lines = [json.loads(line) for line in refold("journal", "list", job[-1], "--jsonl").out.splitlines()]
    assert [(line["linked_account_id"], line["key"], line["state"]) for line in lines] == [
        ("demo-user-1", "a", "unknown"), ("demo-user-2", "a", "unknown"), ("demo-user-3", "b", "failed"),
    ]  # fmt: skip
    assert len(refold("journal", "list", job[-1], "--jsonl", "--all").out.splitlines()) == 4
    assert "x.example" not in refold("journal", "list", job[-1], "--jsonl", "--all").out


def test_settling_by_key_ends_the_job(refold: Command, job: tuple[str, ...], sandbox: Sandbox) -> None:
    journal = job[-1]
    twice = refold("journal", "settle", journal, "--done", "a")
    assert twice.code == 2
    assert "is that of 2 accounts" in twice.err
    assert refold("journal", "settle", journal, "--done", "a", "--account", "demo-user-1").code == 0
    assert refold("journal", "settle", journal, "--not-done", "a", "--account", "demo-user-2").code == 0
    assert refold(*job).code == 0
    assert sandbox.ledger.count(effect="write") == 4
    assert not sandbox.ledger.duplicates()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--done", "z"), "no call with the key 'z'"),
        (("--done", "c"), "'c' is done, which is final"),
        (("--not-done", "c"), "'c' is done, which is final"),
        (("--done", "b", "--account", "demo-user-1"), "of account 'demo-user-1'"),
        ((), "pass --done, --not-done or --from"),
        (("--done", "b", *LOOKUP), "pass --done, --not-done or --from"),
    ],
)
def test_a_selection_that_cannot_be_settled_is_refused_as_a_whole(
    refold: Command, job: tuple[str, ...], arguments: tuple[str, ...], said: str
) -> None:
    before = refold("journal", "list", job[-1], "--jsonl", "--all").out
    ended = refold("journal", "settle", job[-1], *arguments)
    assert ended.code == 2
    assert said in ended.err
    assert refold("journal", "list", job[-1], "--jsonl", "--all").out == before


def test_settling_from_a_table(
    refold: Command, job: tuple[str, ...], tmp_path: Path, sandbox: Sandbox
) -> None:
    table = tmp_path / "verdicts.csv"
    table.write_text("linked_account_id,key,verdict\ndemo-user-1,a,done\ndemo-user-2,a,maybe\n")
    ended = refold("journal", "settle", job[-1], "--from", str(table))
    assert ended.code == 2
    assert "line 3: verdict must be done or not-done, not 'maybe'" in ended.err
    table.write_text("linked_account_id,key,verdict\ndemo-user-1,a,done\ndemo-user-2,a,not-done\n")
    assert refold("journal", "settle", job[-1], "--from", str(table), "--json").out == '{"settled":2}\n'
    assert refold(*job).code == 0
    assert not sandbox.ledger.duplicates()


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (b"account,key,verdict\n", "line 1: no column 'linked_account_id'"),
        (b"linked_account_id,key,verdict\n", "has no verdicts"),
        (b"", "empty: the first line must name the columns"),
        (b"linked_account_id,key,verdict\nm\xfcller,a,done\n", "not UTF-8"),
        (b"linked_account_id,key,verdict\ndemo-user-1,,done\n", "line 2: no key"),
        (b"linked_account_id,key,verdict\ndemo-user-1,a\n", "line 2: 2 cells, but the header has 3"),
        (b"linked_account_id,key,verdict\ndemo-user-1,nope,done\n", "no call with the key 'nope'"),
        (b"\xef\xbb\xbfkey;verdict;linked_account_id\r\na;Not done;demo-user-1\r\n", ""),
    ],
)
def test_a_table_of_verdicts_is_read_as_spreadsheets_write_it(
    refold: Command, job: tuple[str, ...], tmp_path: Path, table: bytes, said: str
) -> None:
    (tmp_path / "verdicts.csv").write_bytes(table)
    ended = refold("journal", "settle", job[-1], "--from", str(tmp_path / "verdicts.csv"))
    assert ended.code == (2 if said else 0)
    assert said in ended.err


@pytest.mark.parametrize("command", [("show",), ("list",), ("export",), ("settle", "--done", "a")], ids=repr)
def test_a_journal_in_postgresql_without_the_extra(
    refold: Command, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.setattr("refold_async.batch.journal.database_url.find_spec", lambda _: None)
    ended = refold("journal", command[0], "postgresql://db.example/refold#job", *command[1:])
    assert ended.code == 2
    assert "needs psycopg: pip install 'refold-async[postgres]'" in ended.err


def test_settling_by_looking_up(refold: Command, job: tuple[str, ...]) -> None:
    ended = refold("journal", "settle", job[-1], *LOOKUP)
    assert "2 calls cannot be looked up: their parameters were not kept" in ended.err
    assert ended.code == 6


def test_settling_by_looking_up_what_a_batch_kept(refold: Command, sandbox: Sandbox, tmp_path: Path) -> None:
    accounts, journal = tmp_path / "in.csv", str(tmp_path / "job.sqlite")
    accounts.write_text("linked_account_id,email\ndemo-user-11,11@y.example\ndemo-user-12,12@y.example\n")
    sandbox.faults.add(
        Fault(action_id="create_contact", drop="after", linked_account_id="demo-user-11", times=1)
    )
    sandbox.faults.add(
        Fault(action_id="create_contact", drop="before", linked_account_id="demo-user-12", times=1)
    )
    sandbox.faults.add(Fault(action_id="search_contacts", status=400))
    line = ("batch", "hubspot", "create_contact", "--yes", "--accounts", str(accounts), "--journal", journal)
    assert refold(*line, *LOOKUP, "--after", "0.05").code == 6
    assert [record.state for record in Journal.read(journal)] == ["unresolved", "unresolved"]
    sandbox.faults.clear()
    ended = refold("journal", "settle", journal, *LOOKUP, "--progress", "json")
    assert (ended.code, ended.out) == (6, "1 found, 1 absent, 0 unresolved\n")
    told = [json.loads(line)["progress"] for line in ended.err.splitlines()]
    assert [(each["done"], each["total"], each["ended"]) for each in told] == [(2, 2, True)]
    assert [record.state for record in Journal.read(journal)] == ["found", "absent"]
    assert refold("journal", "settle", journal, "--not-done", "#1").code == 0
    assert refold(*line).code == 0
    assert sandbox.ledger.count(action_id="create_contact") == 2
    assert not sandbox.ledger.duplicates()


def test_a_journal_in_use_is_not_settled(refold: Command, job: tuple[str, ...], sandbox: Sandbox) -> None:
    running = JournalFile(job[-1], job="hubspot/create_contact", base_url=sandbox.base_url)
    ended = refold("journal", "settle", job[-1], "--done", "b")
    running.close()
    assert ended.code == 2
    assert "in use by another batch or process" in ended.err


def test_an_export_that_fails_leaves_no_file(
    refold: Command, job: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "calls.jsonl"
    assert refold("journal", "export", str(tmp_path / "none.sqlite"), "--out", str(out)).code == 2
    assert not out.exists()

    def full(_: object) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("refold_async.cli.commands.journal.json_line", full)
    ended = refold("journal", "export", job[-1], "--out", str(out))
    assert ended.code
    assert "No space left on device" in ended.err
    assert not out.exists()


def test_export_and_prune(refold: Command, job: tuple[str, ...], tmp_path: Path) -> None:
    out = tmp_path / "calls.jsonl"
    assert "4 calls exported" in refold("journal", "export", job[-1], "--out", str(out)).out
    assert len(out.read_text().splitlines()) == 4
    assert refold("journal", "export", job[-1], "--out", str(out)).code == 2
    assert refold("journal", "export", job[-1]).out == out.read_text()
    assert (
        refold("journal", "prune", job[-1], "--before", "2999-01-01").code == 2
    )  # it asks, and nobody answers
    assert "0 calls removed" in refold("journal", "prune", job[-1], "--before", "2020-01-01", "--yes").out
    assert "1 calls removed" in refold("journal", "prune", job[-1], "--before", "2999-01-01", "--yes").out
    assert [record.state for record in Journal.read(job[-1])] == ["unknown", "unknown", "failed"]


@pytest.mark.parametrize("command", ["show", "list", "export"])
def test_a_file_that_is_not_a_journal_is_refused(refold: Command, tmp_path: Path, command: str) -> None:
    assert "does not exist" in refold("journal", command, str(tmp_path / "none")).err
    (tmp_path / "empty").write_bytes(b"")
    ended = refold("journal", command, str(tmp_path / "empty"))
    assert ended.code == 2
    assert "is empty, not a journal" in ended.err
