"""What the page of jobs shows of an example is in the example."""

import re

import pytest

from .pages import DOCS, ROOT, text_of

_SHOWN = re.compile(r"```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXAMPLE = re.compile(r"`(examples/[\w./@-]+)`")


def excerpts() -> list[tuple[str, str]]:
    """Return what the sections that name an example show of it."""
    return [
        (named[0], shown[1])
        for section in re.split(r"^## ", text_of(DOCS / "jobs.md"), flags=re.MULTILINE)
        for shown in _SHOWN.finditer(section)
        if (named := _EXAMPLE.findall(section[: shown.start()]))
    ]


@pytest.mark.parametrize(("example", "shown"), excerpts())
def test_an_excerpt_is_in_its_example(example: str, shown: str) -> None:
    code = (ROOT / example).read_text(encoding="utf-8")
    for part in shown.split("...\n"):
        assert part in code, part
