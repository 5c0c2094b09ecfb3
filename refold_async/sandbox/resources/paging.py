"""Pages: the envelope around a list, and the part of the list in it."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import NOTHING, Reply, success
from refold_async.sandbox.resources.refusals import refused

ItemT = TypeVar("ItemT")


def page_of(
    call: Call,
    items: Sequence[ItemT],
    show: Callable[[ItemT], object] = lambda item: item,
    *,
    limit: int = 10,
    name: str = "docs",
    more: Mapping[str, object] = NOTHING,
) -> Reply:
    """The page that the query asks for, each of its items as ``show`` has it.

    Args:
        call: The request, with ``page`` (from 1) and ``limit`` in its query.
        items: All there is.
        show: What is answered of an item; only those of the page are shown.
        limit: The limit where the query has none.
        name: Where the items stand in the answer.
        more: Fields beside the page's own.
    """
    limit, page = number(call, "limit", limit), number(call, "page", 1)
    total, start = len(items), (page - 1) * limit
    pages = -(-total // limit)
    shown = [show(item) for item in items[start : start + limit]]
    envelope = {
        name: shown,
        "totalDocs": total,
        "limit": limit,
        "totalPages": pages,
        "page": page,
        "pagingCounter": start + 1,
        "hasPrevPage": page > 1,
        "hasNextPage": page < pages,
        "prevPage": page - 1 if page > 1 else None,
        "nextPage": page + 1 if page < pages else None,
    }
    return success({**more, **envelope})


def number(call: Call, name: str, default: int) -> int:
    """A whole number from 1 up in the query."""
    text = call.query(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise refused(400, f"{name} must be a positive integer", "VALIDATION_ERROR")
    return int(text)
