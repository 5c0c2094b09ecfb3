"""What an app's answer holds: scalars, lists, and what they say about the pages after it. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec

from refold_async._core.lenient_json import repair
from refold_async._core.paging_names import (
    CONTAINERS,
    CURRENT_PAGE,
    MORE,
    NO_MORE,
    OF_NEXT,
    PAGES,
    POINTERS,
    TOTALS,
    plain,
    words,
)
from refold_async._core.slices import Buffer
from refold_async.errors import IncompleteWalkError

Scalar = str | int | float | bool | None


class Outline(NamedTuple):
    """An answer without its records.

    Attributes:
        values: Its scalars by path, e.g. `paging.next.after`.
        lists: Its lists by path, undecoded; a bare list has the path `""`.
    """

    values: dict[str, Scalar]
    lists: dict[str, Buffer]


_DEPTH: Final = 4
_objects: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_anything: Final = msgspec.json.Decoder()
_ERRORS: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


def outline(data: msgspec.Raw) -> Outline:
    """Split an answer's data into scalars and undecoded lists.

    Raises:
        ValueError: If it is not JSON.
        RecursionError: If it is nested too deeply.
    """
    try:
        return _outline(data)
    except (msgspec.DecodeError, UnicodeError):
        return _outline(msgspec.Raw(repair(bytes(data))))  # it may hold half a character


def _outline(data: msgspec.Raw) -> Outline:
    found = Outline({}, {})
    _collect(data, "", _DEPTH, found)
    return found


def _collect(data: msgspec.Raw, path: str, depth: int, found: Outline) -> None:
    first = memoryview(data)[:64].tobytes().lstrip()[:1]
    if first == b"[":
        found.lists[path] = data
    elif first != b"{":
        found.values[path] = _anything.decode(data)
    elif depth:
        for key, value in _objects.decode(data).items():
            _collect(value, f"{path}.{key}" if path else key, depth - 1, found)


def outline_of_one_list(text: bytes) -> Outline | None:
    """Split an answer with one list only, without reading through that list; `None` if it is none.

    What is between the first `[` and the last `]` is taken for the list. If it can be decoded as one, it is:
    the bracket that begins it is not inside a string, for without the list the answer is JSON with an empty
    list there. Else use `outline`.
    """
    start, end = text.find(b"["), text.rfind(b"]") + 1
    try:
        rest = _anything.decode(text[:start] + b"[]" + text[end:])
    except _ERRORS:
        return None
    found = Outline({}, {})
    _flatten(rest, "", _DEPTH, found, text[start:end])
    return found if found.lists else None


def _flatten(value: Any, path: str, depth: int, found: Outline, content: Buffer) -> None:
    """Collect the scalars of a decoded answer, and the path of its list."""
    if isinstance(value, dict):
        for key, below in value.items() if depth else ():
            _flatten(below, f"{path}.{key}" if path else key, depth - 1, found, content)
    elif isinstance(value, list):  # the empty one
        found.lists[path] = content
    else:
        found.values[path] = value


_NOT_RECORDS: Final = words("errors warnings messages")
_FAILURES: Final = words("error errors message")


@lru_cache(maxsize=4096)
def _name_at(path: str) -> str:
    """Return the name at the end of a path; empty if it is not one that can tell of paging."""
    *containers, name = map(plain, path.split("."))
    if not CONTAINERS.issuperset(containers):
        return ""
    return "" if name in OF_NEXT and containers[-1:] != ["next"] else name


class Signals(NamedTuple):
    """What an answer says about the pages after it.

    Attributes:
        pointers: The paths of cursors and links, likeliest first, those without a value included.
        more: Whether a flag says that there is more; `None` if there is no flag.
        total: The path of the number of all records.
        pages: The path of the number of pages.
        page: The page's own number.
    """

    pointers: list[str]
    more: bool | None
    total: str | None
    pages: str | None
    page: int | None


def read_signals(values: Mapping[str, Scalar]) -> Signals:
    """Find what an answer says about the pages after it."""
    ranked: list[tuple[int, str]] = []
    more = total = pages = page = None
    for path, value in values.items():
        name = _name_at(path)
        if not name:
            continue
        if isinstance(value, bool):
            flag = value if name in MORE else not value if name in NO_MORE else None
            more = flag if more is None else more
        elif name in POINTERS:
            ranked.append((POINTERS.index(name), path))
        elif name in OF_NEXT:
            ranked.append((len(POINTERS), path))
        elif isinstance(value, int):
            total = path if total is None and name in TOTALS else total
            pages = path if pages is None and name in PAGES else pages
            page = value if page is None and name in CURRENT_PAGE else page
    return Signals([path for _, path in sorted(ranked)], more, total, pages, page)


def is_empty(value: Scalar) -> bool:
    """Whether a cursor or link says that there is no next page."""
    return value is None or value == "" or value is False


def has_more(values: Mapping[str, Scalar], signals: Signals, count: int) -> bool | None:
    """Return whether a first answer says that more follows; `None` if it says nothing."""
    if signals.more is False:
        return False
    if signals.more or any(not is_empty(values[path]) for path in signals.pointers):
        return True
    total, pages = values.get(signals.total or "-"), values.get(signals.pages or "-")
    if isinstance(total, int) and total > count:
        return True
    if isinstance(pages, int) and pages > 1 and signals.page in (0, 1, None):
        return True
    return False if signals.pointers or total is not None or pages is not None else None


def find_records(found: Outline, given: str | None) -> str | None:
    """Return the path of an answer's records; `None` if it has none and does not tell where they would be.

    Args:
        found: The answer.
        given: The path, if it is known.

    Raises:
        IncompleteWalkError: If two lists may be the records, or if the known path is not there and
            another list is, or an error.
    """
    # A null instead of the list is an empty page.
    if given is not None and (given in found.lists or found.values.get(given, True) is None):
        return given
    lists = [path for path in found.lists if plain(path.rpartition(".")[2]) not in _NOT_RECORDS]
    filled = [path for path in lists if _starts_with(found.lists[path], rb"\[\s*{")]
    if given is not None:
        if filled or _tells_error(found.values):
            found_at = "; found" if filled else ""
            raise _no_records(f"the answer has no list at {given!r}{found_at}", filled)
        return given
    if "" in lists:
        return ""
    if len(filled) > 1:
        raise _no_records("two lists may be the records", filled)
    if filled:
        return filled[0]
    # Of strings or numbers: it may as well be the tags of a single record.
    if other := [path for path in lists if not _starts_with(found.lists[path], rb"\[\s*\]")]:
        raise _no_records("no list of the answer has objects", other)
    if not lists and found.values:
        raise _no_records("the answer has no list of records", [])
    return lists[0] if len(lists) == 1 else None


def _no_records(why: str, paths: list[str]) -> IncompleteWalkError:
    where = f": {' and '.join(map(repr, paths))}; pass records=..." if paths else ""
    return IncompleteWalkError(f"{why}{where}", reason="no_records")


def _starts_with(content: Buffer, pattern: bytes) -> bool:
    return re.match(pattern, memoryview(content)[:256]) is not None


def _tells_error(values: Mapping[str, Scalar]) -> bool:
    return values.get("ok") is False or any(not is_empty(values.get(name)) for name in _FAILURES)
