"""How requests are read: fields that must come, texts, lists, moments and patterns."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlsplit

from refold_async.sandbox.call import Call
from refold_async.sandbox.replies import CodeField
from refold_async.sandbox.resources.refusals import refused

RecordT = TypeVar("RecordT", bound=Mapping[str, object])


def require(fields: Mapping[str, object], *names: str, field: CodeField = "error_code") -> None:
    """Refuse a body that lacks one of the named fields, in the words of the service."""
    if any(fields.get(name) in (None, "") for name in names):
        raise refused(400, f"{' and '.join(names)} {'are' if len(names) > 1 else 'is'} required", field=field)


def text(fields: Mapping[str, object], name: str, default: str = "") -> str:
    """A field as text; refuses another type."""
    value = fields.get(name)
    if value is None:
        return default
    if not isinstance(value, str):
        raise refused(400, f"{name} must be a string", "VALIDATION_ERROR")
    return value


def items(fields: Mapping[str, object], name: str) -> Sequence[object]:
    """A field as a list, empty where it is absent; refuses another type."""
    value = fields.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise refused(400, f"{name} must be an array", "VALIDATION_ERROR")
    return value


def objects(fields: Mapping[str, object], name: str) -> list[Mapping[str, object]]:
    """A field as a list of JSON objects; refuses anything else in it."""
    found = [value for value in items(fields, name) if isinstance(value, Mapping)]
    if len(found) != len(items(fields, name)):
        raise refused(400, f"{name} must be an array of objects", "VALIDATION_ERROR")
    return found


def mapping(fields: Mapping[str, object], name: str) -> Mapping[str, object]:
    """A field as a JSON object, empty where it is absent; refuses another type."""
    value = fields.get(name)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise refused(400, f"{name} must be an object", "VALIDATION_ERROR")
    return value


def flag(call: Call, name: str) -> bool | None:
    """A query or header that is ``true`` or ``false``; ``None`` where it is absent."""
    value = call.query(name) or call.header(name)
    return None if value is None else value.lower() == "true"


def moment(call: Call, name: str) -> datetime | None:
    """A moment in the query; refuses what is none."""
    value = call.query(name)
    if not value:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise refused(400, f"{name} must be an ISO 8601 date", "VALIDATION_ERROR") from None
    return found.astimezone()


def is_web_url(text: str) -> bool:
    """Whether a text is the address of something on the web."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def within(moment: datetime, start: datetime | None, end: datetime | None) -> bool:
    """Whether a moment lies between the two, both of them included; ``None`` leaves a side open."""
    return (start is None or start <= moment) and (end is None or moment <= end)


def matching(records: Iterable[RecordT], wanted: Mapping[str, object]) -> list[RecordT]:
    """The records whose fields match all the patterns, in any case of letters."""
    patterns = {name: pattern(str(value)) for name, value in wanted.items()}
    return [
        record
        for record in records
        if all(each.search(str(record.get(name, ""))) for name, each in patterns.items())
    ]


def pattern(expression: str) -> re.Pattern[str]:
    """A regular expression that ignores case; refuses one that is malformed."""
    try:
        return re.compile(expression, re.IGNORECASE)
    except re.error:
        raise refused(400, f"Invalid regular expression: {expression}", "VALIDATION_ERROR") from None
