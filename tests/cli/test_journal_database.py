"""`refold journal` on a journal in PostgreSQL."""

import json
from pathlib import Path

import pytest

from refold_async import Journal, JournalError
from refold_async.batch.journal.opened import open_store
from refold_async.sandbox import Fault, Sandbox
from tests.services import needs

from .conftest import Command
from .test_journal import LOOKUP, WRITE

pytestmark = needs("postgres")
JOB = "hubspot/create_contact"


@pytest.fixture
def line(refold: Command, sandbox: Sandbox, tmp_path: Path, database: str) -> tuple[str, ...]:
    """A journal with one call done, one failed and two unknown, whose command line is returned."""
    accounts = tmp_path / "orders.csv"
    accounts.write_text(
        "linked_account_id,order,email\n"
        + "".join(f"demo-user-{n},{order},{n}@x.example\n" for n, order in enumerate(["a", "a", "b", "c"], 1))
    )
    sandbox.faults.add(Fault(effect="write", drop="after", linked_account_id="demo-user-1", times=1))
    sandbox.faults.add(Fault(effect="write", drop="before", linked_account_id="demo-user-2", times=1))
    sandbox.faults.add(Fault(effect="write", status=400, linked_account_id="demo-user-3", times=1))
    line = (*WRITE, "--accounts", str(accounts), "--journal", database, "--job", JOB)
    assert refold(*line).code == 6
    return line


def test_it_is_shown_listed_and_exported(refold: Command, line: tuple[str, ...], database: str) -> None:
    overview = json.loads(refold("journal", "show", f"{database}#{JOB}", "--json").out)
    assert overview["states"] == {"done": 1, "failed": 1, "unknown": 2}
    assert (overview["job"], overview["in_use"], len(overview["runs"])) == (JOB, False, 1)
    shown = refold("journal", "list", f"{database}#{JOB}/0", "--jsonl").out.splitlines()
    assert [(each["linked_account_id"], each["key"], each["state"]) for each in map(json.loads, shown)] == [
        ("demo-user-1", "a", "unknown"), ("demo-user-2", "a", "unknown"), ("demo-user-3", "b", "failed"),
    ]  # fmt: skip
    assert len(refold("journal", "export", f"{database}#{JOB}").out.splitlines()) == 4
    assert refold("journal", "report", f"{database}#{JOB}", "--json").code == 0


def test_it_is_settled_and_pruned(
    refold: Command, line: tuple[str, ...], database: str, sandbox: Sandbox
) -> None:
    journal = f"{database}#{JOB}"
    assert "is that of 2 accounts" in refold("journal", "settle", journal, "--done", "a").err
    assert refold("journal", "settle", journal, "--done", "a", "--account", "demo-user-1").code == 0
    assert refold("journal", "settle", journal, "--not-done", "a", "--account", "demo-user-2").code == 0
    assert refold(*line).code == 0
    assert sandbox.ledger.count(effect="write") == 4
    assert not sandbox.ledger.duplicates()
    pruned = refold("journal", "prune", journal, "--before", "2099-01-01", "--yes")
    assert "4 calls removed" in pruned.out + pruned.err
    assert json.loads(refold("journal", "show", journal, "--json").out)["states"] == {}


def test_it_is_settled_by_looking_up(
    refold: Command, sandbox: Sandbox, tmp_path: Path, database: str
) -> None:
    accounts = tmp_path / "orders.csv"
    accounts.write_text("linked_account_id,order,email\ndemo-user-13,a,13@z.example\n")
    sandbox.faults.add(Fault(action_id="create_contact", drop="after", times=1))
    sandbox.faults.add(Fault(action_id="search_contacts", status=400))
    line = (*WRITE, "--accounts", str(accounts), "--journal", database, "--job", JOB)
    assert refold(*line, *LOOKUP, "--after", "0.05").code == 6
    journal = f"{database}#{JOB}"
    assert [record.state for record in Journal.read(journal)] == ["unresolved"]
    sandbox.faults.clear()
    assert refold("journal", "settle", journal, *LOOKUP).out == "1 found, 0 absent, 0 unresolved\n"
    assert [record.state for record in Journal.read(journal)] == ["found"]


def test_it_is_not_edited_while_a_run_uses_it(
    refold: Command, line: tuple[str, ...], database: str, sandbox: Sandbox
) -> None:
    running = open_store(Journal(database, job=JOB), sandbox.base_url)
    assert json.loads(refold("journal", "show", f"{database}#{JOB}", "--json").out)["in_use"]
    refused = refold("journal", "settle", f"{database}#{JOB}", "--done", "b")
    assert "is in use by a run" in refused.err
    running.renew()
    running.close()


def test_a_journal_that_is_not_there_is_named(refold: Command, database: str) -> None:
    for journal in (database, f"{database}#other/1"):
        assert "does not exist; name it URL#JOB" in refold("journal", "show", journal).err
        with pytest.raises(JournalError, match="does not exist"):
            list(Journal.read(journal))
