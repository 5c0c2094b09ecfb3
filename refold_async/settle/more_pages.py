"""Whether an app's answer is one page of several. No I/O.

"Absent" must not be concluded from one page. So an answer that might continue counts as one that does; only
what is plainly the last page does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from refold_async._core.paging_names import LIMIT_PARAMS, MORE, NO_MORE, POINTERS, TOTALS, plain

_DEPTH: Final = 4
_POINTERS: Final = {*POINTERS, "offset"}


def has_more_pages(data: Any, params: Mapping[str, object] | None = None) -> bool:
    """Return whether an answer says, or leaves open, that there are more records than it has.

    Args:
        data: The app's answer.
        params: The parameters of the request: a page as long as its limit, and without a word on whether
            it is the last, counts as one of several.
    """
    signs = list(_signs(data, _DEPTH))
    if any(signs):
        return True
    length = _longest_list(data)
    if any(total > length for total in _totals(data, _DEPTH)):
        return True
    return not signs and length > 0 and length in _limits(params or {})


def _signs(data: Any, depth: int) -> Iterator[bool]:
    """Yield, for each paging member, whether it says that there is more."""
    for name, value in _members(data, depth):
        if name in MORE and isinstance(value, bool):
            yield value
        elif name in NO_MORE and isinstance(value, bool):
            yield not value
        elif name in _POINTERS and _is_place(name, value):
            yield value not in (None, "", {}, False)
        elif name in {"paging", "pagination"} and value in ({}, None):
            yield False


def _is_place(name: str, value: object) -> bool:
    # Many apps echo the request's numeric offset; only a string names the next page.
    return not isinstance(value, bool | int | float | list) or (name.startswith("next") and bool(value))


def _totals(data: Any, depth: int) -> Iterator[int]:
    for name, value in _members(data, depth):
        if name in TOTALS and isinstance(value, int | float) and not isinstance(value, bool):
            yield int(value)


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
