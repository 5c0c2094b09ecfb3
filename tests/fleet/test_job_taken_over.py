"""A worker that is stopped while another takes its shard over begins nothing more."""

from pathlib import Path

from tests.services import needs

from .taking_over import take_over


@needs("postgres")
def test_a_woken_worker_begins_nothing(database: str, tmp_path: Path) -> None:
    found = take_over(database, tmp_path, lease=0.8, stopped=0.0, each=15)
    assert "JournalInUseError" in found.woken
    assert "was taken over by worker" in found.woken
    assert (found.begun_after, found.doubled, found.missing) == (0, 0, 0)
    assert found.sent_before < 300
