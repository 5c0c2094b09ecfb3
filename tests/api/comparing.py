"""Comparing what a body held with what was read of it."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

NOT_NAMED = {"__v"}
"""Fields of the service's own bookkeeping, which no struct names."""


def lost(sent: Any, read: Any) -> list[str]:
    """Describe each value of a body that was not read as it came."""
    return list(_lost(sent, read, ""))


def _lost(sent: Any, read: Any, place: str) -> Iterator[str]:
    if isinstance(sent, Mapping) and isinstance(read, Mapping):
        for key, value in sent.items():
            if key in read:
                yield from _lost(value, read[key], f"{place}.{key}")
            elif key not in NOT_NAMED:
                yield f"{place}.{key}: not read"
    elif isinstance(sent, list) and isinstance(read, list | tuple) and len(sent) == len(read):
        for index, (one, other) in enumerate(zip(sent, read, strict=True)):
            yield from _lost(one, other, f"{place}[{index}]")
    elif sent != read and not _same_moment(sent, read):
        yield f"{place}: {sent!r} was read as {read!r}"


def _same_moment(sent: object, read: object) -> bool:
    try:
        return datetime.fromisoformat(str(sent)) == datetime.fromisoformat(str(read))
    except ValueError:
        return False
