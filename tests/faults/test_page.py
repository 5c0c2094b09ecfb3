"""The page of the docs about faults says what the catalogue says."""

from .catalogue import FAULTS
from .page import COMMAND, PATH, page


def test_the_page_is_up_to_date() -> None:
    assert PATH.read_text(encoding="utf-8") == page(), f"write it again: {COMMAND}"


def test_every_fault_has_a_line_that_markdown_can_tell_apart() -> None:
    lines = [line for line in page().splitlines() if line.startswith("| ") and "---" not in line]
    assert len([line for line in lines if not line.startswith("| what happens")]) == len(FAULTS)
    assert {line.count("|") for line in lines} == {6}
