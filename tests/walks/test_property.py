"""Whatever the pages are, a walk yields their records once and in order, or says why not."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from refold_async import IncompleteWalkError, Walk
from refold_async.results import restored
from refold_async.walks.page_reader import PageReader

PAGES = st.lists(st.integers(0, 4), min_size=1, max_size=12)
CURSORS = st.lists(
    st.one_of(st.text(min_size=1, max_size=5), st.integers(1, 10**20)),
    min_size=12,
    max_size=12,
    unique_by=str,
)


def cut(sizes: list[int]) -> list[list[dict[str, int]]]:
    """Return pages of these sizes, their records numbered."""
    starts = [sum(sizes[:place]) for place in range(len(sizes))]
    return [[{"id": start + each} for each in range(size)] for start, size in zip(starts, sizes, strict=True)]


async def names() -> list[str]:
    return ["limit", "cursor"]


async def read(
    answers: list[Any], start: PageReader | None = None
) -> tuple[list[int], str | None, PageReader]:
    """Read answers one after the other, as they are asked for."""
    reader = start or PageReader(Walk("demo-user-1", "app", "list_things"), names)
    ids: list[int] = []
    for answer in answers:
        try:
            page = await reader.read(restored("Success", 200, msgspec.json.encode(answer)))
            assert page is not None
        except IncompleteWalkError as error:
            return ids, error.reason, reader
        ids += [record["id"] for record in page.records]
        if reader.ended or reader.error:
            break
    return ids, None if reader.error is None else reader.error.reason, reader


@given(sizes=PAGES, cursors=CURSORS)
async def test_every_record_comes_once(sizes: list[int], cursors: list[Any]) -> None:
    pages = cut(sizes)
    answers = [
        {"items": page, "next_cursor": cursors[place] if place < len(pages) - 1 else None}
        for place, page in enumerate(pages)
    ]
    ids, reason, reader = await read(answers)
    assert (ids, reason, reader.ended) == ([*range(sum(sizes))], None, True)


@given(sizes=PAGES.filter(lambda sizes: sum(sizes) > 0), cursors=CURSORS, back=st.integers(0, 11))
async def test_a_repeated_cursor_is_detected(sizes: list[int], cursors: list[Any], back: int) -> None:
    pages = cut(sizes)
    answers = [{"items": page, "next_cursor": cursors[place]} for place, page in enumerate(pages)]
    answers.append({"items": [{"id": -1}], "next_cursor": cursors[back % len(pages)]})
    ids, reason, reader = await read(answers)
    assert reason == "repeated"
    assert not reader.ended
    assert ids[: sum(sizes)] == [*range(sum(sizes))]


@given(sizes=PAGES, cursors=CURSORS, stop=st.integers(1, 11))
async def test_a_walk_resumes_behind_any_page(sizes: list[int], cursors: list[Any], stop: int) -> None:
    pages = cut(sizes)
    answers = [
        {"items": page, "next_cursor": cursors[place] if place < len(pages) - 1 else None}
        for place, page in enumerate(pages)
    ]
    first, _, reader = await read(answers[:stop])
    if not reader.ended:
        walk = Walk("demo-user-1", "app", "list_things", resume=reader.point.encode())
        rest, reason, reader = await read(answers[stop:], PageReader(walk, names))
        assert reason is None
        first += rest
    assert first == [*range(sum(sizes))]
    assert reader.point.record_count == sum(sizes)
