"""Which customer is in which shard, and the result files of one."""

from pathlib import Path
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from refold_async import ActionResult, Call, Done
from refold_async.fleet.parts import Parts, part_files
from refold_async.fleet.shards import accounts_of, shard_of
from refold_async.row_files import FileFormat

PINNED = [52, 21, 48, 56]


@given(st.sets(st.text(st.characters(codec="utf-8")), max_size=10), st.integers(1, 20))
def test_every_customer_is_in_one_shard(accounts: set[str], shards: int) -> None:
    found = [account for shard in range(shards) for account in accounts_of(list(accounts) * 2, shard, shards)]
    assert sorted(found) == sorted(accounts)


def test_the_shard_of_a_customer_never_changes() -> None:
    assert [shard_of(f"demo-user-{number}", 64) for number in range(4)] == PINNED


def test_accounts_come_from_the_lines_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "accounts.txt"
    file.write_text("\ufeffa\r\n\n b \nb\n", encoding="utf-8")
    assert list(accounts_of(file, 0, 1)) == ["a", "b"]


@pytest.mark.parametrize("form", get_args(FileFormat))
def test_a_part_that_was_written_before_a_kill_is_not_written_again(tmp_path: Path, form: FileFormat) -> None:
    if form == "parquet":
        pytest.importorskip("pyarrow")
    folder = tmp_path / "shard"
    first, second = (
        Done(
            Call("a", "hubspot", "get_contact", key=key),
            ActionResult("Success", 200, msgspec.Raw(b'{"a":1}')),
        )
        for key in "12"
    )
    assert Parts(folder, form).add([first]) == f"part-000001.{form}"
    (folder / f".part-000002.{form}.tmp").write_bytes(b"torn")
    parts = Parts(folder, form)
    assert parts.add([first]) is None
    assert parts.add([first, second]) == f"part-000002.{form}"
    assert [file.name for file in part_files(folder)] == [f"part-00000{n}.{form}" for n in (1, 2)]
    assert sorted(file.name for file in folder.iterdir()) == [file.name for file in part_files(folder)]
    # A run may go on in another format.
    assert Parts(folder, "jsonl").add([first, second]) is None
