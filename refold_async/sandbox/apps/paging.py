"""Lists that come in pages, in every way that apps page, and the ways in which they go wrong.

A position is the number of records before a page. A cursor is a position too, or a negative number: the
one that an empty page hands out for the page after it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from refold_async.sandbox.apps.action_run import ActionRun, AppAnswer, AppProblemError, as_text
from refold_async.sandbox.apps.model import PageStyle
from refold_async.sandbox.apps.records import StoredRecord

PAGE_SIZE = 10
LARGEST_PAGE = 100
_CAP = 3


class _Page(NamedTuple):
    """One page; `following` is the position of the next one, `number` counts from 1."""

    records: Sequence[StoredRecord]
    position: int
    limit: int
    total: int
    following: int | None


def list_pages(run: ActionRun) -> AppAnswer:
    """Return one page in the action's style."""
    style = run.action.paging
    limit = int(run.number("limit", PAGE_SIZE, LARGEST_PAGE)) or PAGE_SIZE
    limit = min(limit, _CAP) if run.paging_fault == "capped" else limit
    page = _cut(run, _position(run, style, limit), limit)
    return AppAnswer(_BODIES[style](page, [run.shape.record(record) for record in page.records]))


def _position(run: ActionRun, style: PageStyle, limit: int) -> int:
    name = _PARAMS[style]
    asked = run.text(name)
    if not asked:
        return 0
    if run.paging_fault == "dead_cursor":
        raise AppProblemError("invalid", f"{name} {asked} has expired")
    try:
        number = int(asked)
    except ValueError:
        raise AppProblemError("invalid", f"{asked} is not a valid {name}") from None
    return (number - 1) * limit if style == "page" else number


def _cut(run: ActionRun, position: int, limit: int) -> _Page:
    fault = run.paging_fault
    after_empty, position = position < 0, -position - 1 if position < 0 else position
    if fault == "stuck":
        position = 0
    elif fault == "cyclic":
        position %= 2 * limit
    records, total = _records(run, max(0, position - limit) if fault == "double" else position, limit)
    most = run.action.most
    if most and position + limit > most:
        raise AppProblemError("invalid", f"no more than {most} records can be read")
    end = position + limit
    following = end if end < total or (fault in {"stuck", "late"} and records) else None
    if fault == "cyclic":
        following = limit if position else end
    if fault == "empty" and not after_empty:
        records, following = [], -position - 1
    return _Page(records, position, limit, total + 5 if fault == "lying_total" else total, following)


def _records(run: ActionRun, position: int, limit: int) -> tuple[Sequence[StoredRecord], int]:
    """Return the records of a page, and the number of all that match."""
    since, query = run.text("updatedAfter"), run.text("query").lower()
    if not since and not query:
        return run.table.slice(position, limit), len(run.table)
    moment = _moment(since) if since else datetime.min.replace(tzinfo=UTC)
    found = [
        record
        for record in run.table.scan()
        if datetime.fromisoformat(record.updated_at) >= moment
        and (not query or any(query in as_text(value).lower() for value in record.fields.values()))
    ]
    return found[position : position + limit], len(found)


def _moment(text: str) -> datetime:
    """Read a time in ISO 8601, or in seconds or milliseconds since 1970."""
    try:
        if text.replace(".", "", 1).isdigit():
            number = float(text)
            return datetime.fromtimestamp(number / 1000 if number > 1e11 else number, UTC)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise AppProblemError("invalid", f"{text} is not a time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _with_cursor(page: _Page, items: Sequence[object]) -> object:
    return {"items": items, "nextCursor": page.following}


def _with_offset(page: _Page, items: Sequence[object]) -> object:
    return {"items": items, "offset": page.position, "total": page.total}


def _with_number(page: _Page, items: Sequence[object]) -> object:
    pages = -(-page.total // page.limit)
    number = page.position // page.limit + 1
    return {"items": items, "page": number, "totalPages": pages, "totalItems": page.total}


def _with_link(page: _Page, items: Sequence[object]) -> object:
    link = f"https://catalog.example/products?limit={page.limit}&after={page.following}"
    return {"items": items, "links": {"next": None if page.following is None else link}}


def _bare(page: _Page, items: Sequence[object]) -> object:  # noqa: ARG001 - it says nothing about the page
    return items


_PARAMS: Mapping[PageStyle, str] = {
    "cursor": "cursor",
    "offset": "offset",
    "page": "page",
    "link": "after",
    "bare": "offset",
}
_BODIES: Mapping[PageStyle, Callable[[_Page, Sequence[object]], object]] = {
    "cursor": _with_cursor,
    "offset": _with_offset,
    "page": _with_number,
    "link": _with_link,
    "bare": _bare,
}
