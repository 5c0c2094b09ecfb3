"""The file of `--out`: one line per call, whatever was killed when."""

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async.cli.result_file import ResultFile


def line(index: int, outcome: str, run: int = 1, **more: object) -> bytes:
    fields = {"linked_account_id": "a", "key": None, "index": index, "outcome": outcome, "run": run, **more}
    return json.dumps(fields).encode() + b"\n"


def compacted(path: Path, content: bytes) -> list[dict[str, object]]:
    path.write_bytes(content)
    file = ResultFile(str(path))
    file.begin(continues=True)
    file.close()
    return [json.loads(each) for each in path.read_bytes().splitlines()]


@pytest.mark.parametrize(
    ("outcomes", "kept"),
    [
        (["failed", "done"], 1),
        (["failed", "failed"], 1),
        (["cut_off", "failed"], 1),
        (["failed", "cut_off"], 1),
        (["done", "done"], 0),
        (["done", "skipped"], 0),
        (["failed", "skipped"], 0),
        (["skipped", "skipped"], 0),
        (["skipped", "failed"], 1),
        (["failed", "done", "skipped"], 1),
    ],
)
def test_a_call_has_the_line_that_says_most(tmp_path: Path, outcomes: list[str], kept: int) -> None:
    content = b"".join(line(7, outcome, run) for run, outcome in enumerate(outcomes))
    [found] = compacted(tmp_path / "out.jsonl", content)
    assert (found["run"], found["outcome"]) == (kept, outcomes[kept])


def test_a_torn_line_is_dropped_also_in_the_middle(tmp_path: Path) -> None:
    content = (
        line(0, "done") + line(1, "done")[:30] + line(2, "failed") + line(3, "done") + line(4, "done")[:20]
    )
    assert [found["index"] for found in compacted(tmp_path / "out.jsonl", content)] == [0, 3]


def test_json_that_is_not_valid_unicode_is_a_result(tmp_path: Path) -> None:
    content = line(0, "failed") + line(0, "done", data="\ud83d")
    assert [found["data"] for found in compacted(tmp_path / "out.jsonl", content)] == ["\ud83d"]


def test_keys_are_of_their_accounts(tmp_path: Path) -> None:
    lines = [line(0, "done", linked_account_id=account, key="k") for account in "abab"]
    assert [found["linked_account_id"] for found in compacted(tmp_path / "o", b"".join(lines))] == ["a", "b"]


@given(runs=st.lists(st.lists(st.sampled_from(["done", "failed", "skipped", "cut_off"]), max_size=6), max_size=4),
       torn=st.integers(0, 40))  # fmt: skip
def test_any_runs_leave_one_line_of_each_call(
    tmp_path_factory: pytest.TempPathFactory, runs: list[list[str]], torn: int
) -> None:
    content = b"".join(
        line(index, outcome, run)
        for run, outcomes in enumerate(runs)
        for index, outcome in enumerate(outcomes)
    )
    path = tmp_path_factory.mktemp("out") / "out.jsonl"
    found = compacted(path, content + line(99, "done")[:torn])
    seen = {index: [run[index] for run in runs if index < len(run)] for index in range(6)}
    seen = {index: outcomes for index, outcomes in seen.items() if outcomes}
    assert {each["index"] for each in found} == set(seen)
    assert len(found) == len(seen)
    for each in found:
        outcomes = seen[int(str(each["index"]))]
        assert each["outcome"] == "done" or "done" not in outcomes
        assert each["outcome"] != "skipped" or set(outcomes) == {"skipped"}


def test_a_new_run_empties_the_file_and_one_that_continues_appends(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    for continues, outcomes in ((False, ["failed", "done"]), (True, ["done"])):
        file = ResultFile(str(path))
        file.begin(continues=continues)
        for index, outcome in enumerate(outcomes):
            file.write(json.loads(line(index, outcome)))
        file.flush()
        file.sync()
        file.close()
    assert [json.loads(each)["outcome"] for each in path.read_text().splitlines()] == ["done", "done"]
    file = ResultFile(str(path))
    file.begin(continues=False)
    file.close()
    assert path.read_bytes() == b""


@pytest.mark.skipif(os.name != "posix", reason="links, modes and devices as POSIX has them")
def test_links_and_modes_stay_and_devices_are_only_written_to(tmp_path: Path) -> None:
    target, link = tmp_path / "target.jsonl", tmp_path / "link.jsonl"
    target.write_bytes(b"")
    target.chmod(0o640)
    link.symlink_to(target)
    assert len(compacted(link, line(0, "failed") + line(0, "done"))) == 1
    assert link.is_symlink()
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link.jsonl", "target.jsonl"]
    device = ResultFile("/dev/null")
    device.begin(continues=True)
    device.write({})
    device.flush()
    device.sync()
    device.close()
