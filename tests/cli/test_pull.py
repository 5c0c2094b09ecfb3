"""`refold pull`: files, exit codes, messages about incomplete customers."""

import json
from pathlib import Path

import pytest

from refold_async.sandbox import Fault, Sandbox
from tests.walks.folders import manifest, rows_in

from .conftest import Command


@pytest.fixture
def accounts(tmp_path: Path) -> str:
    path = tmp_path / "ids.csv"
    path.write_text(
        "linked_account_id\ndemo-user-1\ndemo-user-2\ndemo-user-3\ndemo-user-2\n", encoding="utf-8"
    )
    return str(path)


def test_a_folder_is_pulled_and_pulled_again(refold: Command, accounts: str, tmp_path: Path) -> None:
    out = tmp_path / "products"
    line = (
        "pull",
        "catalog",
        "list_products",
        "--accounts",
        accounts,
        "--out",
        str(out),
        "--param",
        "limit=5",
    )
    ended = refold(*line, "--since", "updatedAfter", "--json")
    assert ended.code == 0
    told = json.loads(ended.out)
    assert (told["complete"], told["records"], told["incomplete"]) == (3, 36, 0)
    assert "3 of 3 complete" in ended.err
    assert rows_in(out).total() == 36
    assert refold(*line, "--once").code == 0
    assert manifest(out)["run"] == 1
    again = refold(*line, "--since", "updatedAfter", "--since-format", "epoch_ms")
    assert (again.code, manifest(out)["run"], rows_in(out).total()) == (0, 2, 0)
    assert "3 complete" in again.out


def test_the_exit_code_says_that_a_customer_is_not_complete(
    refold: Command, sandbox: Sandbox, accounts: str, tmp_path: Path
) -> None:
    line = (
        "pull",
        "catalog",
        "list_products",
        "--accounts",
        accounts,
        "--format",
        "csv",
        "--param",
        "limit=5",
    )
    sandbox.faults.add(
        Fault(operation="actions.execute", linked_account_id="demo-user-2", paging="dead_cursor")
    )
    ended = refold(*line, "--out", str(tmp_path / "one"))
    assert ended.code == 1
    assert "demo-user-2: page 2 was refused" in ended.err
    sandbox.faults.clear()
    sandbox.expire("demo-user-3", "catalog")
    ended = refold(*line, "--out", str(tmp_path / "two"))
    assert ended.code == 3
    assert "demo-user-3: " in ended.err
    sandbox.connect("demo-user-3", "catalog")
    ended = refold(*line, "--out", str(tmp_path / "two"), "--once")
    assert (ended.code, rows_in(tmp_path / "two").total()) == (0, 36)


def test_an_action_that_writes_is_refused(
    refold: Command, sandbox: Sandbox, accounts: str, tmp_path: Path
) -> None:
    ended = refold(
        "pull", "catalog", "create_product", "--accounts", accounts, "--out", str(tmp_path / "out")
    )
    assert ended.code == 2
    assert "create_product may change something" in ended.err
    assert "pass --effect read" in ended.err
    assert not sandbox.ledger.writes()


def test_progress_is_written_as_json_lines(refold: Command, accounts: str, tmp_path: Path) -> None:
    line = ("pull", "catalog", "list_products", "--accounts", accounts, "--out", str(tmp_path / "out"))
    ended = refold(*line, "--progress", "json")
    last = json.loads(ended.err.splitlines()[-1])["progress"]
    assert (last["complete"], last["records"], last["calls"]["ended"]) == (3, 36, True)


def test_a_report_counts_the_pages(refold: Command, sandbox: Sandbox, accounts: str, tmp_path: Path) -> None:
    sandbox.faults.add(Fault(status=503, times=2, operation="actions.execute"))
    asked = len(sandbox.requests)
    path = tmp_path / "pull.json"
    line = ("pull", "catalog", "list_products", "--accounts", accounts, "--param", "limit=5")
    assert refold(*line, "--out", str(tmp_path / "out"), "--report", str(path)).code == 0
    report = json.loads(path.read_bytes())
    executed = [
        each for each in sandbox.requests[asked:] if each.method == "POST" and "list_products" in each.path
    ]
    assert report["title"] == "catalog/list_products"
    assert report["summary"]["attempts"] == sum(each["attempts"] for each in report["periods"])
    assert report["failed_attempts"] == {"ServerError": 2}
    assert report["summary"]["done"] == len(sandbox.ledger.runs)
    assert report["summary"]["attempts"] == len(executed)
    assert refold(*line, "--out", str(tmp_path / "x"), "--report", "report.pdf").code == 2


def test_accounts_in_another_encoding_and_none_at_all(
    refold: Command, sandbox: Sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "ids.csv"
    path.write_bytes("linked_account_id;note\ndemo-user-1;Müller\n".encode("cp1252"))
    line = ("pull", "catalog", "list_products", "--accounts", str(path), "--out", str(tmp_path / "out"))
    assert "pass --encoding" in refold(*line).err
    assert refold(*line, "--encoding", "cp1252").code == 0
    path.write_text("linked_account_id\n")
    asked = len(sandbox.requests)
    assert f"no accounts in {path}: nothing to read" in refold(*line).err
    assert len(sandbox.requests) == asked


def test_an_incomplete_customer_is_told_in_the_words_of_the_command(
    refold: Command, accounts: str, tmp_path: Path
) -> None:
    line = ("pull", "catalog", "no_such_action", "--accounts", accounts, "--effect", "read")
    ended = refold(*line, "--out", str(tmp_path / "out"))
    assert (
        "demo-user-1: 404 SERVER_ERROR: Action no_such_action not found in Application catalog\n" in ended.err
    )


def test_a_folder_that_cannot_be_made_is_refused(refold: Command, accounts: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    out = str(tmp_path / "file" / "products")
    ended = refold("pull", "catalog", "list_products", "--accounts", accounts, "--out", out)
    assert ended.code == 2
    assert f"cannot write to {out}: Not a directory" in ended.err
