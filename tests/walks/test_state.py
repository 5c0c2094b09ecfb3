"""The size of a state."""

from pathlib import Path

from refold_async.walks import Cursor, Walk
from refold_async.walks.position import ResumePoint
from refold_async.walks.state import StateFile, WalkRow, key_of


def row(number: int) -> WalkRow:
    """Return the row of a walk; the first half is open, which is as many as may be by default."""
    key = key_of(Walk(f"customer-{number:06d}-of-a-company", "hubspot", "get_contact", {"limit": "100"}))
    if number >= 10_000:
        return WalkRow(key, 1, None, 1_764_000_000.5)
    paging = Cursor("paging.next.after", "after")
    point = ResumePoint({"after": f"NTI1Cg%3D%3D{number:012d}"}, paging, "results", 1000, 17, 100_000)
    return WalkRow(key, 1, point.encode())


def test_the_state_of_twenty_thousand_customers_takes_less_than_five_megabytes(tmp_path: Path) -> None:
    path = tmp_path / "walks.sqlite"
    state = StateFile(path, base_url="http://localhost", once=False)
    state.write([row(number) for number in range(20_000)])
    state.close()
    assert sum(each.stat().st_size for each in tmp_path.iterdir()) < 5_000_000
