"""How an action's answers are paged: as data, found in the first answer if it is not given. No I/O."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec

from refold_async.errors import IncompleteWalkError


class Cursor(msgspec.Struct, frozen=True, tag=True):
    """Each page names the next one.

    Args:
        path: Where the cursor is in the answer, e.g. `paging.next.after`.
        param: The parameter that takes it, e.g. `after`.
    """

    path: str
    param: str


class Offset(msgspec.Struct, frozen=True, tag=True):
    """Each page starts after a number of records.

    Args:
        param: The parameter with that number, e.g. `offset`.
        limit: The parameter with the size of a page, e.g. `limit`; it tells how far an empty page reaches.
        total: Where the number of all records is in the answer, e.g. `meta.total`; default: it does not say.
    """

    param: str
    limit: str
    total: str | None = None


class PageNumber(msgspec.Struct, frozen=True, tag=True):
    """Pages are numbered.

    Args:
        param: The parameter with the number, e.g. `page`.
        first: The number of the first page.
        pages: Where the number of pages is in the answer, e.g. `meta.totalPages`; default: it does not say.
    """

    param: str
    first: int = 1
    pages: str | None = None


class NextLink(msgspec.Struct, frozen=True, tag=True):
    """Each page holds the URL of the next one.

    Args:
        path: Where the URL is in the answer, e.g. `links.next`.
        param: The parameter of the action that takes the value which the URL's query has under the same
            name, or the whole URL if its query has none.
    """

    path: str
    param: str


Paging = Cursor | Offset | PageNumber | NextLink

Scalar = str | int | float | bool | None


class Outline(NamedTuple):
    """An answer without its records.

    Attributes:
        values: Its scalars by path, e.g. `paging.next.after`.
        lists: Its lists by path, undecoded; a bare list has the path `""`.
    """

    values: Mapping[str, Scalar]
    lists: Mapping[str, msgspec.Raw]


_DEPTH: Final = 4
_SMALL: Final = 2048
_objects: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_anything: Final = msgspec.json.Decoder()
_scalars: Final = msgspec.json.Decoder(str | int | float | bool | None)


def outline(data: msgspec.Raw) -> Outline:
    """Split an answer's data into scalars and undecoded lists.

    Raises:
        msgspec.MsgspecError: If it is not JSON.
    """
    found = Outline({}, {})
    _collect(data, "", _DEPTH, found)
    return found


def _collect(data: msgspec.Raw, path: str, depth: int, found: Outline) -> None:
    view = memoryview(data)
    first = view[:64].tobytes().lstrip()[:1]
    if first == b"[":
        found.lists[path] = data  # type: ignore[index]  # read-only for all but this function
    elif first != b"{":
        found.values[path] = _scalars.decode(data)  # type: ignore[index]
    elif len(view) <= _SMALL and b"[" not in (text := view.tobytes()):
        _flatten(_anything.decode(text), path, depth, found)
    elif depth:
        for key, value in _objects.decode(data).items():
            _collect(value, f"{path}.{key}" if path else key, depth - 1, found)


def _flatten(data: dict[str, Any], path: str, depth: int, found: Outline) -> None:
    """Collect the scalars of an object without lists: at once, which is cheaper than member by member."""
    for key, value in data.items() if depth else ():
        below = f"{path}.{key}" if path else key
        if isinstance(value, dict):
            _flatten(value, below, depth - 1, found)
        else:
            found.values[below] = value  # type: ignore[index]


# Names are compared as `_plain` writes them: lower case, without underscores and the like.


def _words(text: str) -> list[str]:
    return text.split()


_CONTAINERS: Final = frozenset(
    _words(
        "cursor cursors data links meta metadata next nextpage odata page pagedata pageinfo pages pagination "
        "paging paginginfo responsemetadata response result"
    )
)
_POINTERS: Final = _words(
    "after nextcursor nextpagetoken nexttoken nextpagecursor pagetoken endcursor continuationtoken "
    "continuation scrollid bookmark nextafter startingafter nextstart nextoffset nextpage next cursor "
    "nextlink nexturl nextpageurl nextrecordsurl nexthref"
)
_OF_NEXT: Final = _words("link href url")
_MORE: Final = _words("hasmore hasnext hasnextpage more moreresults morerecords hasmoreitems next")
_NO_MORE: Final = _words("done islast islastpage lastpage finished isfinished")
_TOTALS: Final = _words(
    "total totalcount totalsize totalresults totalrecords totalitems totaldocs recordstotal"
)
_PAGES: Final = _words("totalpages pagecount pages lastpage")
_CURRENT_PAGE: Final = _words("page currentpage pagenumber pageno pageindex")

_CURSOR_PARAMS: Final = _words(
    "after cursor nextcursor pagetoken nextpagetoken startingafter startafter nexttoken continuationtoken "
    "scrollid bookmark marker startcursor"
)
_PAGE_PARAMS: Final = _words("page pagenumber pageno pageindex")
_OFFSET_PARAMS: Final = _words("offset skip startat startindex startposition start")
_LIMIT_PARAMS: Final = _words("limit pagesize perpage maxresults top count size take")
_LINK_PARAMS: Final = _words("nextlink nexturl nextpageurl nextrecordsurl link")
_NUMBERED: Final = {"nextpage": _PAGE_PARAMS, "nextoffset": _OFFSET_PARAMS, "nextstart": _OFFSET_PARAMS}
_NOT_RECORDS: Final = _words("errors warnings messages")
_FAILURES: Final = _words("error errors message")


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


@lru_cache(maxsize=4096)
def _name_at(path: str) -> str:
    """Return the name at the end of a path; empty if it is not one that can tell of paging."""
    *containers, name = map(_plain, path.split("."))
    if not _CONTAINERS.issuperset(containers):
        return ""
    return "" if name in _OF_NEXT and containers[-1:] != ["next"] else name


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
            flag = value if name in _MORE else not value if name in _NO_MORE else None
            more = flag if more is None else more
        elif name in _POINTERS:
            ranked.append((_POINTERS.index(name), path))
        elif name in _OF_NEXT:
            ranked.append((len(_POINTERS), path))
        elif isinstance(value, int):
            total = path if total is None and name in _TOTALS else total
            pages = path if pages is None and name in _PAGES else pages
            page = value if page is None and name in _CURRENT_PAGE else page
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


def can_page(names: Iterable[str]) -> bool:
    """Return whether one of an action's parameters, by its name, asks for another page."""
    known = {_plain(name): name for name in names}
    return _first_of([*_CURSOR_PARAMS, *_PAGE_PARAMS, *_OFFSET_PARAMS, *_LINK_PARAMS], known) is not None


def find_paging(
    values: Mapping[str, Scalar], signals: Signals, names: Collection[str], params: Mapping[str, object]
) -> Paging | None:
    """Find how an action is paged, from its first answer and its parameters.

    Args:
        values: The first answer's scalars.
        signals: What they say.
        names: The names of the action's parameters.
        params: The parameters that were sent.

    Returns:
        The paging, or `None` if no parameter asks for the next page.
    """
    known = {_plain(name): name for name in names}
    for path in signals.pointers:
        if (found := _pointer(path, values[path], known, params)) is not None:
            return found
    number, offset = _first_of(_PAGE_PARAMS, known), _first_of(_OFFSET_PARAMS, known)
    if number is not None and (offset is None or signals.pages is not None or signals.page is not None):
        zero_based = signals.page == 0 and number not in params
        return PageNumber(number, 0 if zero_based else 1, signals.pages)
    if offset is not None:
        return Offset(offset, _first_of(_LIMIT_PARAMS, known) or "limit", signals.total)
    return None


def _pointer(
    path: str, value: Scalar, known: Mapping[str, str], params: Mapping[str, object]
) -> Cursor | NextLink | None:
    if is_empty(value):
        return None
    name = _plain(path.rpartition(".")[2])
    if isinstance(value, str) and re.match(r"https?://|/|\?", value):
        param = _link_param(name, value, known, params)
        return None if param is None else NextLink(path, param)
    wanted = _NUMBERED.get(name) if name != "nextstart" or isinstance(value, int) else None
    if wanted is None:
        wanted = [name, name.removeprefix("next"), name.removeprefix("end"), *_CURSOR_PARAMS]
    param = _first_of(wanted, known)
    return None if param is None else Cursor(path, param)


def _link_param(name: str, link: str, known: Mapping[str, str], params: Mapping[str, object]) -> str | None:
    query = parse_qs(urlsplit(link).query)
    changed = {
        _plain(key): known[_plain(key)]
        for key, (value, *_) in query.items()
        if _plain(key) in known and str(params.get(known[_plain(key)])) != value
    }
    param = _first_of([*_CURSOR_PARAMS, *_PAGE_PARAMS, *_OFFSET_PARAMS], changed)
    if param is None and len(changed) == 1:
        (param,) = changed.values()
    return param or _first_of([name, *_LINK_PARAMS], known)


def _first_of(wanted: Collection[str], known: Mapping[str, str]) -> str | None:
    return next((known[name] for name in wanted if name in known), None)


def link_value(link: Scalar, param: str) -> Scalar:
    """Return the value of a link's query that a parameter takes, or the whole link if it has none."""
    query = parse_qs(urlsplit(str(link)).query)
    found = next((values[0] for key, values in query.items() if _plain(key) == _plain(param)), None)
    return link if found is None else found


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
    lists = [path for path in found.lists if _plain(path.rpartition(".")[2]) not in _NOT_RECORDS]
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


def _starts_with(raw: msgspec.Raw, pattern: bytes) -> bool:
    return re.match(pattern, bytes(memoryview(raw)[:256])) is not None


def _tells_error(values: Mapping[str, Scalar]) -> bool:
    return values.get("ok") is False or any(not is_empty(values.get(name)) for name in _FAILURES)
