"""Whether an app's answer is one page of several. No I/O.

"Absent" must not be concluded from one page. So an answer that might continue counts as one that does; only
what is plainly the last page does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from refold_async._core.paging_names import LIMIT_PARAMS, MORE, NO_MORE, PAGES, POINTERS, TOTALS, plain

_DEPTH: Final = 4
_POINTERS: Final = {*POINTERS, "offset"}
_USUAL_LIMITS: Final = {10, 20, 25, 30, 50, 100, 200, 250, 500, 1000}
_WORDS: Final = {"true": True, "yes": True, "false": False, "no": False}


def has_more_pages(data: Any, params: Mapping[str, object] | None = None) -> bool:
    """Return whether an answer says, or leaves open, that there are more records than it has.

    Args:
        data: The app's answer.
        params: The parameters of the request: a page as long as its limit, or as a usual one if it has none,
            and without a word on whether it is the last, counts as one of several.
    """
    signs = list(_signs(data, _DEPTH))
    if any(signs):
        return True
    length, totals = _longest_list(data), list(_numbers(data, TOTALS))
    if any(total > length for total in totals):
        return True
    return not signs and not totals and length > 0 and length in (_limits(params or {}) or _USUAL_LIMITS)


def _signs(data: Any, depth: int) -> Iterator[bool]:
    """Yield, for each paging member, whether it says that there is more."""
    for name, value in _members(data, depth):
        said = _said(value)
        if said is not None and (name in MORE or name in NO_MORE):
            yield said == (name in MORE)
        elif name in MORE and name not in _POINTERS and value in (0, 1, "0", "1"):
            yield int(value) == 1
        elif name in _POINTERS and _is_place(name, value):
            yield value not in (None, "", {}, False)
        elif name in {"paging", "pagination"} and value in ({}, None):
            yield False
    for pages in _numbers(data, PAGES):
        yield pages > 1


def _said(value: object) -> bool | None:
    """Return a value that means yes or no, also as a word."""
    return _WORDS.get(value.lower()) if isinstance(value, str) else value if isinstance(value, bool) else None


def _is_place(name: str, value: object) -> bool:
    # Many apps echo the request's numeric offset; only a string names the next page.
    return not isinstance(value, bool | int | float | list) or (name.startswith("next") and bool(value))


def _numbers(data: Any, names: Sequence[str]) -> Iterator[float]:
    """Yield the values of some members that are numbers, also as text."""
    for name, value in _members(data, _DEPTH):
        if name not in names:
            continue
        if isinstance(value, str) and value.isascii() and value.isdigit():
            yield float(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield value


def _members(data: Any, depth: int) -> Iterator[tuple[str, Any]]:
    """Yield the members of nested objects; records are in lists, which are not entered."""
    if not isinstance(data, Mapping):
        return
    for name, value in data.items():
        yield plain(str(name).rpartition(".")[2]), value
        if depth:
            yield from _members(value, depth - 1)


def _longest_list(data: Any) -> int:
    if isinstance(data, list):
        return len(data)
    return max((len(value) for _, value in _members(data, _DEPTH) if isinstance(value, list)), default=0)


def _limits(params: Mapping[str, object]) -> set[int]:
    texts = (str(value) for name, value in params.items() if plain(name) in LIMIT_PARAMS)
    return {int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 10}
