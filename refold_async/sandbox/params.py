"""Request parameters: required fields, their types, query values, and the page that a query asks for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlsplit

from refold_async.sandbox.requests import SandboxRequest
from refold_async.sandbox.responses import NOTHING, CodeField, SandboxResponse, refused, success

RecordT = TypeVar("RecordT", bound=Mapping[str, object])


def require(fields: Mapping[str, object], *names: str, field: CodeField = "error_code") -> None:
    """Refuse a body that lacks one of the named fields, with the service's own message."""
    if any(fields.get(name) in (None, "") for name in names):
        raise refused(400, f"{' and '.join(names)} {'are' if len(names) > 1 else 'is'} required", field=field)


def text(fields: Mapping[str, object], name: str, default: str = "") -> str:
    """Return a field as a string; refuses another type."""
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise refused(400, f"{name} must be a string", "VALIDATION_ERROR")
    return value


TEXTS = frozenset(
    {
        "agent_name", "base_prompt", "deduplication_key", "description", "group", "icon", "method", "name",
        "primary_color", "secondary_color", "slug", "webhook_description", "webhook_type", "webhook_url",
    }
)  # fmt: skip
"""The fields that are strings wherever they occur."""


def settable(fields: Mapping[str, object], names: Iterable[str]) -> dict[str, object]:
    """Return the named fields that are present; refuses other types of text fields."""
    found = {name: fields[name] for name in names if name in fields}
    for name in TEXTS.intersection(found):
        text(found, name)
    return found


def items(fields: Mapping[str, object], name: str) -> Sequence[object]:
    """Return a field as a list, empty if it is absent; refuses another type."""
    value = fields.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise refused(400, f"{name} must be an array", "VALIDATION_ERROR")
    return value


def objects(fields: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    """Return a field as a list of JSON objects; refuses any other item."""
    found = [value for value in items(fields, name) if isinstance(value, Mapping)]
    if len(found) != len(items(fields, name)):
        raise refused(400, f"{name} must be an array of objects", "VALIDATION_ERROR")
    return found


def mapping(fields: Mapping[str, object], name: str) -> Mapping[str, object]:
    """Return a field as a JSON object, empty if it is absent; refuses another type."""
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise refused(400, f"{name} must be an object", "VALIDATION_ERROR")
    return value


def flag(request: SandboxRequest, name: str) -> bool | None:
    """Return a query value or header that is `true` or `false`, or `None` if it is absent."""
    value = request.query(name) or request.header(name)
    return None if value is None else value.lower() == "true"


def moment(request: SandboxRequest, name: str) -> datetime | None:
    """Return a moment in the query; refuses a value that is not a date."""
    value = request.query(name)
    if not value:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise refused(400, f"{name} must be an ISO 8601 date", "VALIDATION_ERROR") from None
    return found.astimezone()


def is_web_url(text: str) -> bool:
    """Return whether a string is an http or https URL."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def within(moment: datetime, start: datetime | None, end: datetime | None) -> bool:
    """Return whether a moment lies between two others, inclusive; `None` leaves a side open."""
    return (start is None or start <= moment) and (end is None or moment <= end)


def matching(records: Iterable[RecordT], wanted: Mapping[str, object]) -> list[RecordT]:
    """Return the records whose fields match all patterns, ignoring case."""
    patterns = {name: pattern(str(value)) for name, value in wanted.items()}
    return [
        record
        for record in records
        if all(each.search(str(record.get(name, ""))) for name, each in patterns.items())
    ]


def pattern(expression: str) -> re.Pattern[str]:
    """Return a regular expression that ignores case; refuses a malformed one."""
    try:
        return re.compile(expression, re.IGNORECASE)
    except re.error:
        raise refused(400, f"Invalid regular expression: {expression}", "VALIDATION_ERROR") from None


ItemT = TypeVar("ItemT")


def page_of(
    request: SandboxRequest,
    items: Sequence[ItemT],
    show: Callable[[ItemT], object] = lambda item: item,
    *,
    limit: int = 10,
    name: str = "docs",
    more: Mapping[str, object] = NOTHING,
) -> SandboxResponse:
    """Return the page that the query asks for, with each item converted by `show`.

    Args:
        request: The request, with `page` (from 1) and `limit` in its query.
        items: All items.
        show: Converts an item to its JSON; called only for those on the page.
        limit: The limit if the query has none.
        name: The field of the response that holds the items.
        more: Additional fields of the response.
    """
    limit, page = number(request, "limit", limit), number(request, "page", 1)
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


def number(request: SandboxRequest, name: str, default: int) -> int:
    """Return a positive integer in the query."""
    text = request.query(name)
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise refused(400, f"{name} must be a positive integer", "VALIDATION_ERROR")
    return int(text)
