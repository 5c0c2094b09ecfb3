"""The fault matrix page of the docs matches the catalogue."""

from .catalogue import FAULTS
from .page import COMMAND, PATH, page


def test_the_page_is_up_to_date() -> None:
    assert PATH.read_text(encoding="utf-8") == page(), f"regenerate it: {COMMAND}"


def test_every_fault_has_a_well_formed_table_row() -> None:
    lines = [line for line in page().splitlines() if line.startswith("| ") and "---" not in line]
    assert len([line for line in lines if not line.startswith("| fault |")]) == len(FAULTS)
    assert {line.count("|") for line in lines} == {6}
