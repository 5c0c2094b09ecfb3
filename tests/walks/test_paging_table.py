"""Every paging style against everything that goes wrong with it: the right rows, or the right error and count."""

from typing import Any

import pytest

from refold_async import IncompleteWalkError, Refold
from refold_async.sandbox import Fault, Sandbox
from refold_async.sandbox.apps.action_run import PagingFault
from refold_async.walks import ActionPages, Cursor, NextLink, Offset, PageNumber

RECORDS = 25
LIMIT = 10

STYLES = {
    "cursor": ("list_products", Cursor("nextCursor", "cursor")),
    "offset": ("list_products_by_offset", Offset("offset", "limit", "total")),
    "page": ("list_products_by_page", PageNumber("page", 1, "totalPages")),
    "link": ("list_products_by_link", NextLink("links.next", "after")),
    "bare": ("list_products_bare", Offset("offset", "limit")),
}

Expected = dict[str, int | tuple[int, str]]


def faults(kind: PagingFault, after: int = 0, times: int | None = None) -> list[Fault]:
    return [Fault(operation="actions.execute", paging=kind, after=after, times=times)]


def each(expected: int | tuple[int, str]) -> Expected:
    return dict.fromkeys(STYLES, expected)


TABLE: dict[str, tuple[list[Fault], Expected]] = {
    # what the app does, and per style the rows, or the rows and the reason
    "nothing": ([], each(25)),
    "last page with a cursor": (faults("late"), each(25)),
    "empty page inside": (
        faults("empty", after=1, times=1),
        {
            "cursor": 25,
            "link": 25,
            "bare": 10,  # a bare list ends with an empty page: it has no other way to say so
            # The rows behind the empty page were not to be seen, and the total tells.
            "offset": (15, "total_not_reached"),
            "page": (15, "total_not_reached"),
        },
    ),
    "stuck": (faults("stuck", after=1), each((10, "repeated"))),
    "cyclic": (faults("cyclic"), each((20, "repeated"))),
    "double": (faults("double", after=1, times=1), each((10, "repeated"))),
    "total lies": (
        faults("lying_total"),
        {
            "cursor": 25,
            "link": 25,
            "bare": 25,
            "offset": (25, "total_not_reached"),
            "page": (25, "total_not_reached"),
        },
    ),
    "capped page size": (faults("capped"), each(25)),
    "dead cursor": (faults("dead_cursor", after=1), each((10, "refused"))),
}
CELLS = [(style, name) for style in STYLES for name in TABLE]


@pytest.mark.parametrize(("style", "name"), CELLS)
async def test_a_walk_is_right_or_says_why(style: str, name: str) -> None:
    action, paging = STYLES[style]
    injected, expected = TABLE[name]
    async with (
        Sandbox(accounts=1, records=RECORDS, faults=injected) as sandbox,
        Refold(sandbox.api_key, base_url=sandbox.base_url) as refold,
    ):
        walk = refold.account("demo-user-1").actions.walk("catalog", action, {"limit": str(LIMIT)})
        ids: list[str] = []
        error = await read_into(ids, walk)
    right = expected[style]
    if isinstance(right, int):
        assert (len(ids), error) == (right, None)
    else:
        assert error is not None
        assert (len(ids), error.reason) == right
        assert (error.record_count, error.page_count) == (len(ids), walk.page_count)
        assert (error.slug, error.action_id, error.linked_account_id) == ("catalog", action, "demo-user-1")
    assert len(set(ids)) == len(ids)
    assert walk.paging == paging


async def read_into(ids: list[str], walk: ActionPages[Any]) -> IncompleteWalkError | None:
    try:
        async for record in walk:
            ids.append(record["id"])  # noqa: PERF401 - what came before the error counts
    except IncompleteWalkError as error:
        return error
    return None
