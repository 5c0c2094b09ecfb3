"""Cron expressions of five fields, checked; nothing here computes when they come due."""

import re
from typing import NamedTuple


class Range(NamedTuple):
    """The numbers that a field may hold, and the names that stand for some of them."""

    low: int
    high: int
    names: tuple[str, ...] = ()


MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
FIELDS = (Range(0, 59), Range(0, 23), Range(1, 31), Range(1, 12, MONTHS), Range(0, 7, DAYS))

_PART = re.compile(r"(?:\*|(?P<first>\w+)(?:-(?P<last>\w+))?)(?:/(?P<step>[1-9]\d*))?")


def is_cron(expression: str) -> bool:
    """Whether an expression has five fields, each of them in its range."""
    fields = expression.split()
    return len(fields) == len(FIELDS) and all(map(_fits, fields, FIELDS))


def _fits(field: str, allowed: Range) -> bool:
    return all(_part_fits(part, allowed) for part in field.split(","))


def _part_fits(part: str, allowed: Range) -> bool:
    found = _PART.fullmatch(part)
    if found is None:
        return False
    first = _number(found["first"] or str(allowed.low), allowed)
    last = _number(found["last"] or str(allowed.high), allowed)
    return first is not None and last is not None and first <= last


def _number(text: str, allowed: Range) -> int | None:
    if text.upper() in allowed.names:
        return allowed.low + allowed.names.index(text.upper())
    if not (text.isascii() and text.isdigit() and len(text) < 4):
        return None
    return int(text) if allowed.low <= int(text) <= allowed.high else None
