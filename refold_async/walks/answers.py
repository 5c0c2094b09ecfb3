"""What an app's answer holds: scalars, lists, and what they say about the pages after it. No I/O."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import msgspec

from refold_async._core.lenient_json import repair
from refold_async._core.paging_names import (
    CONTAINER,
    CONTAINERS,
    CURRENT_PAGE,
    MORE,
    NO_MORE,
    OF_NEXT,
    OFFSET_PARAMS,
    PAGES,
    POINTERS,
    TELLING,
    TOTALS,
    plain,
    words,
)
from refold_async._core.slices import Buffer
from refold_async.errors import IncompleteWalkError

Scalar = str | int | float | bool | None


class Outline(msgspec.Struct, frozen=True):
    """An answer without its records.

    Attributes:
        values: Its scalars by path, e.g. `paging.next.after`.
        lists: Its lists by path, undecoded; a bare list has the path `""`.
    """

    values: dict[str, Scalar]
    lists: dict[str, Buffer]


_DEPTH: Final = 6
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


_EDGE: Final = 1024
"""Bytes at both ends of an answer in which its list usually begins and ends."""


def outline_of_one_list(data: Buffer) -> Outline | None:
    """Split an answer with one list only, without reading through that list; `None` if it is none.

    What is between the first `[` and the last `]` is taken for the list. If it can be decoded as one, it is:
    the bracket that begins it is not inside a string, for without the list the answer is JSON with an empty
    list there. Else use `outline`.
    """
    text = memoryview(data)
    # Only the ends are copied: the records between them may be long.
    head, tail = text[:_EDGE].tobytes(), text[-_EDGE:].tobytes()
    if b"[" not in head or b"]" not in tail:
        head = tail = text.tobytes()
    start, behind = head.find(b"["), tail[tail.rfind(b"]") + 1 :]
    content = text[start : len(text) - len(behind)]
    try:
        rest = _anything.decode(head[:start] + b"[]" + behind)
    except _ERRORS:
        return None
    found = Outline({}, {"": content} if rest == [] else {})
    if isinstance(rest, dict):
        _flatten(rest, "", _DEPTH, found, content)
    return found if found.lists else None


def _flatten(members: dict[str, Any], path: str, depth: int, found: Outline, content: Buffer) -> None:
    """Collect the scalars of a decoded answer, and the path of its list."""
    for key, value in members.items():
        at = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            if depth > 1:
                _flatten(value, at, depth - 1, found, content)
        elif isinstance(value, list):  # the empty one
            found.lists[at] = content
        else:
            found.values[at] = value


_NOT_RECORDS: Final = words("errors warnings")
_SELDOM_RECORDS: Final = words("messages links link")
"""Lists that are the records only if there is no other."""
_FAILURES: Final = words("error errors message")
_FAILED: Final = words("error fail failed failure")
_RANKS: Final = {name: rank for rank, name in enumerate(POINTERS)} | dict.fromkeys(OF_NEXT, len(POINTERS))
_FEW: Final = 64
"""Scalars of an answer up to which the names of its paths are kept for the next page."""


@lru_cache(maxsize=4096)
def _name_at(path: str) -> str:
    """Return the name at the end of a path; empty if it is not one that can tell of paging."""
    *containers, name = map(plain, path.split("."))
    if containers[-1:] == ["total"] and name in {"value", "count"}:
        name = containers.pop()
    known = all(each in CONTAINERS or CONTAINER.search(each) for each in containers)
    if not known and name not in TELLING:
        return ""
    if name == "after" and containers[-1:] == ["cursors"]:
        return "aftercursor"  # Facebook's last page has it, too, but no link
    if containers[-1:] in (["next"], ["nextpage"]):
        return f"next{name}" if name in {"page", "offset"} else name
    return "" if name in OF_NEXT else name


class Signals(msgspec.Struct, frozen=True):
    """What an answer says about the pages after it.

    Attributes:
        pointers: The paths of cursors and links, likeliest first, those without a value included.
        more: Whether a flag says that there is more; `None` if there is no flag.
        total: The path of the number of all records.
        pages: The path of the number of pages.
        page: The page's own number.
        start: The path of the number of records before the page, or before the next one.
    """

    pointers: list[str]
    more: bool | None
    total: str | None
    pages: str | None
    page: int | None
    start: str | None


def read_signals(values: Mapping[str, Scalar], records: str | None = None) -> Signals:
    """Find what an answer says about the pages after it.

    Args:
        values: Its scalars.
        records: The path of its records: what is beside them tells of no other list.
    """
    ranked: list[tuple[int, str]] = []
    more = total = pages = page = start = None
    names = _telling if len(values) <= _FEW else _telling.__wrapped__
    for path, name in names(tuple(values), records):
        value = values[path]
        if value is True or value is False:
            flag = value if name in MORE else not value if name in NO_MORE else None
            more = flag if more is None else more
        elif (rank := _RANKS.get(name)) is not None:
            ranked.append((rank, path))
        elif (number := count_of(value)) is not None:
            total = path if total is None and name in TOTALS else total
            pages = path if pages is None and name in PAGES else pages
            page = number if page is None and name in CURRENT_PAGE else page
            start = path if start is None and name in OFFSET_PARAMS else start
        elif name == "offset" and isinstance(value, str):  # Airtable's: no number of records
            ranked.append((_RANKS["nextoffset"], path))
    if len(ranked) > 1:
        ranked.sort()
    return Signals([path for _, path in ranked], more, total, pages, page, start)


@lru_cache(maxsize=256)
def _telling(paths: tuple[str, ...], records: str | None) -> list[tuple[str, str]]:
    """Return the paths that can tell of paging, with their names: first what is beside the records."""
    beside = f"{records.rpartition('.')[0]}." if records is not None and "." in records else ""
    named = [(path, _name_at(path.removeprefix(beside))) for path in paths]
    return sorted((each for each in named if each[1]), key=lambda each: not each[0].startswith(beside))


def count_of(value: Scalar) -> int | None:
    """Return a number of records or pages, also as text; `None` for anything else."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def find_next_links(found: Outline, records: str | None) -> dict[str, Scalar]:
    """Return the link to the next page in an answer's lists of links, e.g. `[{"rel": "next", "href": …}]`."""
    links = {}
    for path, content in found.lists.items():
        if path != records and _last_of(path) in {"links", "link"}:
            listed = [each for each in _decoded_list(content) if isinstance(each, dict)]
            for each in listed:
                if "next" in (each.get("rel"), each.get("relation")):
                    links[f"{path}.next"] = each.get("href") or each.get("url")
    return {path: link for path, link in links.items() if isinstance(link, str)}


def _decoded_list(content: Buffer) -> list[Any]:
    try:
        return list(_anything.decode(content))
    except _ERRORS:
        return []


def is_empty(value: Scalar) -> bool:
    """Whether a cursor or link says that there is no next page."""
    return value is None or value == "" or value is False


def has_more(values: Mapping[str, Scalar], signals: Signals, count: int) -> bool | None:
    """Return whether a first answer says that more follows; `None` if it says nothing."""
    if signals.more is False:
        return False
    if signals.more or any(not is_empty(values[path]) for path in signals.pointers):
        return True
    total, pages = count_of(values.get(signals.total or "-")), count_of(values.get(signals.pages or "-"))
    if total is not None and total > count:
        return True
    if pages is not None and pages > max(1, signals.page or 0):
        return True
    # A total of fewer records than came says nothing.
    return False if signals.pointers or (total == count or pages) else None


def find_records(found: Outline, given: str | None) -> str | None:
    """Return the path of an answer's records; `None` if it has none and does not tell where they would be.

    Args:
        found: The answer.
        given: The path, if it is known.

    Raises:
        IncompleteWalkError: If two lists may be the records, or if the known path is not there and
            another list is, or an error.
    """
    path = _find_records(found, given)
    if _says_failed(found.values):
        content = b"[]" if path is None else found.lists.get(path, b"[]")
        if _starts_with(content, rb"\[\s*\]"):
            raise _no_records("the answer has no records, and says that it failed", [])
    return path


def _find_records(found: Outline, given: str | None) -> str | None:
    # A null instead of the list is an empty page.
    if given is not None and (given in found.lists or found.values.get(given, True) is None):
        return given
    lists = _candidates(found) if given is None else _usual(found)
    filled = [path for path in lists if _starts_with(found.lists[path], rb"\[\s*{")]
    if given is not None:
        if filled or given in found.values or _tells_error(found):
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


def _candidates(found: Outline) -> list[str]:
    """Return the lists that may be the records."""
    if (usual := _usual(found)) or found.values.get("success") is False:
        return usual
    names = {path: _last_of(path) for path in found.lists}
    return [
        path for path, name in names.items() if name in _SELDOM_RECORDS and "errors" not in names.values()
    ]


def _usual(found: Outline) -> list[str]:
    return [path for path in found.lists if _last_of(path) not in {*_NOT_RECORDS, *_SELDOM_RECORDS}]


def _last_of(path: str) -> str:
    return plain(path.rpartition(".")[2])


def _no_records(why: str, paths: list[str]) -> IncompleteWalkError:
    where = f": {' and '.join(map(repr, paths))}; pass records=..." if paths else ""
    return IncompleteWalkError(f"{why}{where}", reason="no_records")


def _starts_with(content: Buffer, pattern: bytes) -> bool:
    return re.match(pattern, memoryview(content)[:256]) is not None


def _tells_error(found: Outline) -> bool:
    told = {name for name, value in found.values.items() if not is_empty(value)}
    told |= {path for path, content in found.lists.items() if _starts_with(content, rb"\[\s*[^\]\s]")}
    if _says_failed(found.values) or found.values.get("status") in _FAILED:
        return True
    return any(path.split(".")[0] in _FAILURES for path in told)


def _says_failed(values: Mapping[str, Scalar]) -> bool:
    return values.get("ok") is False or values.get("success") is False
