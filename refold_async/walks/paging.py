"""How an action's answers are paged: as data, found in the first answer if it is not given. No I/O."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from refold_async._core.paging_names import (
    CURSOR_PARAMS,
    HEADER_PARAMS,
    LIMIT_PARAMS,
    LINK_PARAMS,
    OFFSET_PARAMS,
    PAGE_PARAMS,
    plain,
)
from refold_async.errors import IncompleteWalkError
from refold_async.walks.answers import Scalar, Signals, count_of, is_empty


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

_NUMBERED: Final = {"nextpage": PAGE_PARAMS, "nextoffset": OFFSET_PARAMS, "nextstart": OFFSET_PARAMS}


# Without a query, a text that begins with a slash may as well be a cursor in base64.
_LINK: Final = re.compile(r"https?://|[^?\s]*\?[^=\s]+=")


def can_page(names: Iterable[str]) -> bool:
    """Return whether one of an action's parameters, by its name, asks for another page."""
    known = {plain(name): name for name in names}
    return _first_of([*CURSOR_PARAMS, *PAGE_PARAMS, *OFFSET_PARAMS, *LINK_PARAMS], known) is not None


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
    known = {plain(name): name for name in names}
    for path in signals.pointers:
        if (found := _pointer(path, values[path], known, params)) is not None:
            return found
    # One that was sent as a text, e.g. a date, is none.
    known = {key: name for key, name in known.items() if count_of(_text_of(params.get(name))) is not None}
    number, offset = _first_of(PAGE_PARAMS, known), _first_of(OFFSET_PARAMS, known)
    if number is not None and (offset is None or signals.pages is not None or signals.page is not None):
        # The number of the first page is unknown unless something says it: the second one tells.
        from_one = signals.page or number in params or (signals.page is None and signals.total is not None)
        return PageNumber(number, 1 if from_one else 0, signals.pages)
    if offset is not None:
        start = signals.start
        if start is not None and offset not in params and (count_of(values[start]) or 0) > 1:
            return Cursor(start, offset)  # nothing was skipped, so it is where the next page begins
        return Offset(offset, _first_of(LIMIT_PARAMS, known) or "limit", signals.total)
    return None


def _text_of(value: object) -> str:
    return "0" if value is None else str(value)


def dead_end(
    names: Collection[str],
    params: Mapping[str, object],
    records: str | None,
    count: int,
    *,
    more: bool | None,
) -> IncompleteWalkError | None:
    """Return why a walk cannot be told to be complete after its first page, although there is no paging.

    Args:
        names: The names of the action's parameters.
        params: The parameters that were sent.
        records: The path of the records.
        count: The number of the records.
        more: Whether the answer says that there is more.
    """
    known = {plain(name): name for name in names}
    cursor = _first_of(CURSOR_PARAMS, known)
    unseen = _first_of(HEADER_PARAMS, known) or (cursor if more or records == "" else None)
    if unseen is not None and (more or count):
        return IncompleteWalkError(
            f"the action takes {unseen} for the next page, but the answer has no value for it; it may be in "
            "a header, or the id of the last record: pass paging=..., or run the action for each page",
            reason="no_cursor",
        )
    if more:
        return IncompleteWalkError(
            "the answer says that there is more, but the action has no parameter that asks for it; "
            "pass paging=... if it has one, or use another action",
            reason="no_parameter",
        )
    if cursor is not None:
        return None  # as HubSpot's last page: it has no cursor
    limit = next((name for key, name in known.items() if key in LIMIT_PARAMS and name in params), None)
    if limit is not None and count and str(params[limit]) == str(count):
        return IncompleteWalkError(
            f"the page is full, with {count} records for {limit}={count}, and the action has no parameter "
            "that asks for another one; pass paging=... if it has one, or a higher limit",
            reason="no_parameter",
        )
    return None


def _pointer(
    path: str, value: Scalar, known: Mapping[str, str], params: Mapping[str, object]
) -> Cursor | NextLink | None:
    if is_empty(value):
        return None
    name = plain(path.rpartition(".")[2])
    if isinstance(value, str) and _LINK.match(value):
        param = _link_param(name, value, known, params)
        return None if param is None else NextLink(path, param)
    wanted = _NUMBERED.get(name) if name != "nextstart" or isinstance(value, int) else None
    if wanted is None:
        wanted = [name, name.removeprefix("next"), name.removeprefix("end"), *CURSOR_PARAMS]
        wanted += LINK_PARAMS if str(value).startswith("/") else []
        wanted += OFFSET_PARAMS if count_of(value) is None else []  # a text, as Lever's
    param = _first_of(wanted, known)
    return None if param is None else Cursor(path, param)


def _link_param(name: str, link: str, known: Mapping[str, str], params: Mapping[str, object]) -> str | None:
    query = parse_qs(urlsplit(link).query)
    changed = {
        plain(key): known[plain(key)]
        for key, (value, *_) in query.items()
        if plain(key) in known
        and plain(key) not in LIMIT_PARAMS
        and str(params.get(known[plain(key)])) != value
    }
    param = _first_of([*CURSOR_PARAMS, *PAGE_PARAMS, *OFFSET_PARAMS], changed)
    if param is None and len(changed) == 1:
        (param,) = changed.values()
    return param or _first_of([name, *LINK_PARAMS], known)


def _first_of(wanted: Collection[str], known: Mapping[str, str]) -> str | None:
    return next((known[name] for name in wanted if name in known), None)


def link_value(link: Scalar, param: str) -> Scalar:
    """Return the value of a link's query that a parameter takes, or the whole link if it has none."""
    query = parse_qs(urlsplit(str(link)).query)
    found = next((values[0] for key, values in query.items() if plain(key) == plain(param)), None)
    return link if found is None else found
