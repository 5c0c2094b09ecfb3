"""The documents, and the blocks of code in them."""

import re
from pathlib import Path
from typing import NamedTuple

import refold_async
from refold_async import RefoldError

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
README = ROOT / "README.md"
PAGES = [README, *sorted(DOCS.rglob("*.md"))]
"""What users read: every block of code in them runs."""

LINKED = [
    *PAGES,
    *(ROOT / name for name in ("CHANGELOG.md", "CONTRIBUTING.md", "RELEASING.md", "SECURITY.md")),
]
"""All documents: every link in them leads somewhere."""

_FENCE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w*)\n(?P<code>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL
)

_PUBLIC = {name: getattr(refold_async, name) for name in refold_async.__all__}
ERRORS: dict[str, type[RefoldError]] = {
    name: kind for name, kind in _PUBLIC.items() if isinstance(kind, type) and issubclass(kind, RefoldError)
}
"""Every error that users can catch, by its name."""


class Block(NamedTuple):
    """A block of code.

    Attributes:
        page: The document.
        line: The line on which its code begins.
        language: What its fence says.
        code: The code.
        output: Of a program: what it prints, if a block of `text` right below says so.
    """

    page: Path
    line: int
    language: str
    code: str
    output: str | None

    @property
    def is_test(self) -> bool:
        """Whether it is for pytest to run."""
        return "def test_" in self.code


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[Block]:
    """Return a document's blocks of a language."""
    text = text_of(page)
    fences = list(_FENCE.finditer(text))
    return [
        Block(
            page, text.count("\n", 0, fence.start("code")) + 1, language, fence["code"], _output(text, fence)
        )
        for fence in fences
        if fence["language"] == language
    ]


def prose_of(page: Path) -> str:
    """Return a document's text without its code."""
    return _FENCE.sub("", text_of(page))


def _output(text: str, fence: re.Match[str]) -> str | None:
    below = re.match(r"\n*```text\n(.*?)^```$", text[fence.end() :], re.MULTILINE | re.DOTALL)
    return None if below is None else below[1]
