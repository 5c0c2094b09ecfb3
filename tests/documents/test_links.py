"""Every link in the documents resolves, and every file that they name exists."""

import builtins
import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from .pages import DOCS, LINKED, ROOT, name_of, prose_of, text_of

_LINK = re.compile(r"\[(?:[^\[\]]|`[^`]*`)*\]\(([^)\s]+)\)")
_FILE = re.compile(
    r"`((?:examples|benchmarks|tests|docs|refold_async|\.ci|\.github)/[\w./-]+|[A-Z]{4,}\.md|\w+\.toml)`"
)


def links(page: Path) -> list[str]:
    return [link for link in _LINK.findall(prose_of(page)) if not link.startswith("https://")]


@cache
def anchors(page: Path) -> frozenset[str]:
    """Return the anchors of a page's headings."""
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    return frozenset(map(_slug, headings))


def _slug(heading: str) -> str:
    return re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower())


def documented(page: Path) -> list[str]:
    """Return the names that a reference page documents."""
    return re.findall(r"^::: (\S+)$", text_of(page), re.MULTILINE)


@pytest.mark.parametrize("name", [name_of(page) for page in LINKED])
def test_each_link_resolves(name: str) -> None:
    page = ROOT / name
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if anchor.startswith("refold_async."):
            assert anchor in documented(target) or anchor.rpartition(".")[0] in documented(target), link
        elif target.suffix == ".png":
            assert anchor in {"", "only-light", "only-dark"}, link
        elif anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("name", [name_of(page) for page in LINKED])
def test_each_named_file_exists(name: str) -> None:
    for path in _FILE.findall(prose_of(ROOT / name)):
        assert (ROOT / path).exists(), path


def test_no_heading_is_the_name_of_a_builtin() -> None:
    """The site generator links a name in a signature to any heading of that name."""
    headings = {anchor for page in DOCS.rglob("*.md") for anchor in anchors(page)}
    assert not headings & {name.lower() for name in dir(builtins)}


def test_every_page_is_in_the_navigation() -> None:
    site = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
    assert sorted(_paths(site["nav"])) == sorted(
        page.relative_to(DOCS).as_posix() for page in DOCS.rglob("*.md")
    )


def _paths(entries: list[dict[str, Any]]) -> Iterator[str]:
    for entry in entries:
        for value in entry.values():
            if isinstance(value, str):
                yield value
            else:
                yield from _paths(value)
