"""What the page of jobs shows of an example is in the example."""

import re

import pytest

from .pages import DOCS, ROOT, text_of

_SHOWN = re.compile(r"```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXAMPLE = re.compile(r"`(examples/[\w./@-]+)`")


def excerpts() -> list[tuple[tuple[str, ...], str]]:
    """Return what sections show below the examples that they name."""
    return [
        (tuple(named), shown[1])
        for section in re.split(r"^## ", text_of(DOCS / "jobs.md"), flags=re.MULTILINE)
        for shown in _SHOWN.finditer(section)
        if (named := _EXAMPLE.findall(section[: shown.start()]))
    ]


@pytest.mark.parametrize(("examples", "shown"), excerpts())
def test_an_excerpt_is_in_its_example(examples: tuple[str, ...], shown: str) -> None:
    codes = [(ROOT / example).read_text(encoding="utf-8") for example in examples]
    for part in shown.split("...\n"):
        assert any(part in code for code in codes), part
