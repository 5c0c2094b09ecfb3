"""The folder of `--out-format`: each call has one row in it, whatever ends a run when."""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from refold_async import SettingsError
from refold_async.cli.result_folder import ResultFolder
from refold_async.row_files import FileFormat
from refold_async.row_files.rewriting import read_fields
from refold_async.sandbox import Fault, Sandbox

from .conftest import Command

needs_arrow = pytest.mark.skipif(find_spec("pyarrow") is None, reason="pyarrow is not installed")
FORMATS = [
    pytest.param(form, marks=needs_arrow) if form == "parquet" else form for form in get_args(FileFormat)
]
NAMES = ("linked_account_id", "key", "index", "outcome", "attempts")


def row(index: int, outcome: str, run: int = 1, key: str | None = None) -> dict[str, Any]:
    fields: dict[str, Any] = {"linked_account_id": "a", "key": key, "params": {"limit": "1"}, "index": index}
    fields |= {"outcome": outcome, "attempts": run, "elapsed": 0.5}
    if outcome == "done":
        return {**fields, "node_status": "Success", "http_status": 200, "data": msgspec.Raw(b'{"id":1}')}
    return (
        {**fields, "error": {"fate": "unknown"}} if outcome == "failed" else {**fields, "reason": "stopped"}
    )


def rows_of(folder: Path) -> list[tuple[int, str, int]]:
    """Return the index, outcome and run of each row that the manifest names."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    found = []
    for file in manifest["files"]:
        rows = list(read_fields(manifest["format"], folder / file["name"], NAMES))
        assert len(rows) == file["rows"]
        found += [(int(index), outcome, int(run)) for _, _, index, outcome, run in rows]
    assert len(found) == manifest["rows"]
    return sorted(found)


def run_once(
    path: Path, form: FileFormat, groups: Sequence[Sequence[dict[str, Any]]], *, continues: bool
) -> None:
    folder = ResultFolder(str(path), form)
    folder.begin(continues=continues)
    for group in groups:
        for each in group:
            folder.write(each)
        folder.flush()
        folder.sync()
    folder.close()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize(
    ("outcomes", "kept"),
    [
        (["failed", "done"], 2),
        (["failed", "failed"], 2),
        (["cut_off", "failed"], 2),
        (["done", "done"], 1),
        (["done", "skipped"], 1),
        (["done", "failed"], 1),
        (["failed", "skipped"], 1),
        (["skipped", "failed"], 2),
        (["failed", "done", "skipped"], 2),
    ],
)
def test_a_call_has_the_row_that_says_most(
    form: FileFormat, outcomes: list[str], kept: int, tmp_path: Path
) -> None:
    for run, outcome in enumerate(outcomes, 1):
        groups = [[row(7, outcome, run), row(8, "done", run)], [row(9, "failed", run, key="k")]]
        run_once(tmp_path, form, groups, continues=run > 1)
    assert rows_of(tmp_path) == [
        (7, outcomes[kept - 1], kept),
        (8, "done", 1),
        (9, "failed", len(outcomes)),
    ]


class Crash(BaseException):
    """As if the process were killed."""


@contextmanager
def crash_at(number: int, patch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """End the process, so to speak, in place of its nth change of what is on disk."""
    steps: list[str] = []

    def counted(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def step(*arguments: Any, **options: Any) -> Any:
            steps.append(name)
            if len(steps) >= number:  # those that clean up afterwards do not happen either
                raise Crash(name)
            return work(*arguments, **options)

        return step

    with patch.context() as patched:
        patched.setattr(os, "fsync", counted("fsync", os.fsync))
        patched.setattr(Path, "replace", counted("replace", Path.replace))
        patched.setattr(Path, "unlink", counted("unlink", Path.unlink))
        yield steps


@pytest.mark.parametrize("form", FORMATS)
def test_no_crash_loses_or_doubles_a_row(
    form: FileFormat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A group counts as delivered once it was written; after a crash, the others come again."""
    for number in range(1, 100):
        path = tmp_path / str(number)
        delivered: set[int] = set()
        crashed = False
        # The first run fails a call, the second does it, and is killed at one of its steps.
        run_once(path, form, [[row(0, "done"), row(1, "failed")], [row(2, "failed")]], continues=False)
        with crash_at(number, monkeypatch):
            try:
                folder = ResultFolder(str(path), form)
                folder.begin(continues=True)
                for group in ((1, 3), (4,), (0, 5)):
                    for index in group:
                        folder.write(row(index, "done", 2))
                    folder.flush()
                    folder.sync()
                    delivered.update(group)
                folder.close()
            except Crash:
                crashed = True
        outcomes = Counter((index, outcome) for index, outcome, _ in rows_of(path))
        assert set(outcomes.values()) == {1}, "a row is there twice"
        assert {index for index, outcome in outcomes if outcome == "done"} >= {0, *delivered}
        run_once(path, form, [[row(index, "done", 3) for index in (1, 3, 4, 5)]], continues=True)
        found = rows_of(path)
        assert [index for index, *_ in found] == [0, 1, 2, 3, 4, 5]
        assert found[0] == (0, "done", 1)
        assert {run for index, _, run in found if index in delivered} <= {1, 2}, "a result was replaced"
        listed = {each["name"] for each in json.loads((path / "manifest.json").read_bytes())["files"]}
        assert {each.name for each in path.iterdir()} == {"manifest.json", *listed}
        if not crashed:
            assert number > 10
            return
    raise AssertionError("it crashes again and again")


@pytest.mark.parametrize("form", FORMATS)
def test_a_run_that_does_not_continue_replaces_all(form: FileFormat, tmp_path: Path) -> None:
    run_once(tmp_path, form, [[row(0, "done")], [row(1, "done")]], continues=False)
    run_once(tmp_path, form, [[row(0, "failed", 2)]], continues=False)
    assert rows_of(tmp_path) == [(0, "failed", 2)]
    run_once(tmp_path, form, [], continues=False)
    assert rows_of(tmp_path) == []
    assert [each.name for each in tmp_path.iterdir()] == ["manifest.json"]


@pytest.mark.parametrize("form", FORMATS)
def test_a_part_that_cannot_be_written_is_removed(
    form: FileFormat, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    folder = ResultFolder(str(tmp_path), form)
    folder.begin(continues=False)
    folder.write(row(0, "done"))
    folder.flush()
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="No space left"):
            folder.sync()
    folder.close()
    assert rows_of(tmp_path) == []
    assert [each.name for each in tmp_path.iterdir()] == ["manifest.json"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"part-000001.jsonl": ""}, "has part-000001.jsonl, but no manifest.json"),
        ({"manifest.json": '{"format":"jsonl","run":1,"files":[]}'}, "has files of a pull, not of a batch"),
        ({"manifest.json": "{"}, "manifest.json cannot be read"),
        ({"manifest.json": '{"kind":"batch","format":"csv","files":[]}'}, "has results as csv, not jsonl"),
        (
            {
                "manifest.json": '{"kind":"batch","format":"jsonl","files":[{"name":"part-000001.jsonl","rows":1}]}'
            },
            "lacks part-000001.jsonl",
        ),
    ],
)
def test_another_folder_is_refused_and_not_touched(files: dict[str, str], said: str, tmp_path: Path) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(SettingsError, match=said):
        ResultFolder(str(tmp_path), "jsonl")
    assert {each.name: each.read_text() for each in tmp_path.iterdir()} == files


@pytest.mark.parametrize("form", FORMATS)
def test_a_damaged_part_is_named(form: FileFormat, tmp_path: Path) -> None:
    run_once(tmp_path, form, [[row(0, "done")]], continues=False)
    (part,) = tmp_path.glob("part-*")
    content = part.read_bytes()
    for damaged in (content[: len(content) // 2], b""):
        part.write_bytes(damaged)
        with pytest.raises(SettingsError, match="part-000001"):
            ResultFolder(str(tmp_path), form).begin(continues=True)


READ = ("batch", "hubspot", "get_contact", "--param", "limit=1", "--accounts")


@pytest.fixture
def accounts(tmp_path: Path) -> str:
    """A file of five accounts."""
    path = tmp_path / "accounts.csv"
    path.write_text("linked_account_id\n" + "".join(f"demo-user-{number}\n" for number in range(1, 6)))
    return str(path)


@pytest.mark.parametrize("form", FORMATS)
def test_a_batch_writes_a_folder(
    form: FileFormat, refold: Command, sandbox: Sandbox, accounts: str, tmp_path: Path
) -> None:
    out = tmp_path / "results"
    sandbox.faults.add(Fault(linked_account_id="demo-user-2", status=422, times=1))
    line = (
        *READ,
        accounts,
        "--out",
        str(out),
        "--out-format",
        form,
        "--journal",
        str(tmp_path / "job.sqlite"),
    )
    assert refold(*line).code == 1
    first = {index: outcome for index, outcome, _ in rows_of(out)}
    assert first == {0: "done", 1: "failed", 2: "done", 3: "done", 4: "done"}
    assert refold(*line).code == 0
    assert [(index, outcome) for index, outcome, _ in rows_of(out)] == [(each, "done") for each in range(5)]
    assert sandbox.ledger.count() == 5
    (file, *_) = json.loads((out / "manifest.json").read_bytes())["files"]
    (data, *_), *_ = read_fields(form, out / file["name"], ("data", "http_status"))
    assert "results" in (json.loads(data) if isinstance(data, str) else data)


def test_a_folder_and_a_file_are_not_mixed_up(
    refold: Command, sandbox: Sandbox, accounts: str, tmp_path: Path
) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    table = [
        (("--out", str(folder)), "is a folder: pass --out-format"),
        (("--out", accounts, "--out-format", "csv"), "are the same file"),
        (
            ("--out", str(tmp_path / "file"), "--out-format", "csv"),
            "is a file: --out-format csv needs a folder",
        ),
        (("--out-format", "csv"), "pass --out DIR"),
        (("--out", "-", "--out-format", "csv"), "pass --out DIR"),
    ]
    (tmp_path / "file").touch()
    for options, said in table:
        ended = refold(*READ, accounts, *options)
        assert (ended.code, said in ended.err) == (2, True), ended.err
    pulled = refold("pull", "hubspot", "get_contact", "--accounts", accounts, "--out", str(folder))
    assert pulled.code == 0
    before = sandbox.ledger.count()
    ended = refold(*READ, accounts, "--out", str(folder), "--out-format", "jsonl")
    assert (ended.code, "has files of a pull, not of a batch" in ended.err) == (2, True)
    assert sandbox.ledger.count() == before
    run_once(tmp_path / "empty", "jsonl", [], continues=False)
    ended = refold("pull", "hubspot", "get_contact", "--accounts", accounts, "--out", str(tmp_path / "empty"))
    assert (ended.code, "has files of a batch, not of a pull" in ended.err) == (2, True)
