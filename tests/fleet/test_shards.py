"""Which customer is in which shard, and the result files of one."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from refold_async import Call
from refold_async.fleet.parts import Parts
from refold_async.fleet.shards import accounts_of, shard_of

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


def test_a_part_that_was_written_before_a_kill_is_not_written_again(tmp_path: Path) -> None:
    call = Call("a", "hubspot", "get_contact", key="1")
    line = b'{"linked_account_id": "a", "key": "1"}\n'
    assert Parts(tmp_path / "shard").add([(call, line)]) == 1
    (tmp_path / "shard" / ".part-000002.jsonl.left").write_bytes(b"torn")
    assert Parts(tmp_path / "shard").add([(call, line)]) == 0
    assert [file.name for file in (tmp_path / "shard").iterdir()] == ["part-000001.jsonl"]
