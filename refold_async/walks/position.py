"""How far a walk got, and which page comes next. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from zlib import crc32

import msgspec

from refold_async._core.slices import Buffer
from refold_async.errors import IncompleteWalkError, InvalidCallError
from refold_async.walks.answers import Outline, Scalar, Signals, count_of, is_empty
from refold_async.walks.paging import Cursor, NextLink, Offset, PageNumber, Paging, link_value

_BY_POINTER: Final = (Cursor, NextLink)

MOST_EMPTY: Final = 100
"""Pages in a row that may have no records although they say that there is more."""


class ResumePoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """The position of a walk; as JSON, it is what `resume` takes.

    Attributes:
        next: The parameters that ask for the next page.
        paging: The paging, once it is known.
        records: The path of the records, once it is known.
        record_count: The number of records so far.
        page_count: The number of pages so far.
        total: The announced number of records.
        live: Whether that number changed.
        first: The checksum of the first page, while the second one is to tell from which number pages are
            counted: if it is the first again, from 1.
    """

    next: dict[str, Scalar] = {}
    paging: Paging | None = None
    records: str | None = None
    record_count: int = 0
    page_count: int = 0
    total: int | None = None
    live: bool = False
    first: int | None = None

    def encode(self) -> str:
        """Return the point as JSON."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, text: str) -> ResumePoint:
        """Return the point of a JSON text.

        Raises:
            InvalidCallError: If the text is not one that `encode` wrote.
        """
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.MsgspecError, TypeError) as error:
            raise InvalidCallError(f"resume is not the resume point of a walk: {error}") from None


class Position:
    """Follows a walk from page to page.

    Args:
        params: The parameters of the walk.
        point: Where it begins.
        given: Whether the paging was given; its totals are then the only ones that count.

    Attributes:
        point: Where the next page begins.
        base: The parameters of the walk, those of the page aside.
    """

    def __init__(self, params: Mapping[str, object], point: ResumePoint, *, given: bool) -> None:
        self.base: Final = params
        self._given: Final = given
        self._seen: set[int] = set()
        self._empty = 0
        self._checksum: int | None = None
        self.point = point

    @property
    def params(self) -> dict[str, object]:
        """The parameters that ask for the next page."""
        return {**self.base, **self.point.next}

    def is_first_again(self, content: Buffer) -> bool:
        """Return whether a page is the first one once more, since pages are counted from 1."""
        point, paging = self.point, self.point.paging
        if point.first is None or point.first != crc32(content) or not isinstance(paging, PageNumber):
            return False
        paging, following = msgspec.structs.replace(paging, first=1), {paging.param: "2"}
        self.point = msgspec.structs.replace(point, paging=paging, next=following, first=None)
        return True

    def refuse_repeat(self, content: Buffer) -> None:
        """Check that a page with records is a new one, by its hash.

        Raises:
            IncompleteWalkError: If its records came before.
        """
        self._checksum = None if self.point.page_count else crc32(content)
        self._refuse_seen(
            hash(bytes(content)),
            "repeats the records of an earlier page; if you passed paging=, check its parameter",
        )

    def advance(
        self,
        found: Outline,
        signals: Signals,
        paging: Paging | None,
        records: str | None,
        count: int,
        *,
        dead_end: IncompleteWalkError | None = None,
    ) -> bool:
        """Move behind a page.

        Args:
            found: The page.
            signals: What it says about the pages after it.
            paging: How the action is paged.
            records: The path of its records.
            count: The number of its records.
            dead_end: Why there may be more that cannot be asked for.

        Returns:
            Whether there is a next page.

        Raises:
            IncompleteWalkError: If there is one that cannot be asked for.
        """
        point, total, live = self.point, self.point.total, self.point.live
        if (announced := self._announced(found.values, signals, paging)) is not None:
            total = announced if total is None else total
            live = live or announced != total
        counts = point.record_count + count, point.page_count + 1
        self.point = ResumePoint(point.next, paging, records, *counts, total, live)
        if dead_end is not None:
            raise dead_end
        following = self._following(found.values, signals, paging, count)
        if following is None:
            self._check_total(paging)
            return False
        self._empty = 0 if count else self._empty + 1
        if self._empty > MOST_EMPTY:
            raise IncompleteWalkError(
                f"{MOST_EMPTY} pages in a row had no records, but say that there is more",
                reason="empty_pages",
            )
        self._refuse_seen(hash(tuple(following.items())), f"leads to {following!r} again")
        first, self._checksum = self._checksum, None
        if first is not None and not (isinstance(paging, PageNumber) and self._is_guess(paging, signals)):
            first = None
        self.point = ResumePoint(following, paging, records, *counts, total, live, first)
        return True

    def _is_guess(self, paging: PageNumber, signals: Signals) -> bool:
        """Whether it is unknown from which number pages are counted."""
        return not self._given and paging.first == 0 and signals.page is None

    def _refuse_seen(self, content: int, what: str) -> None:
        if content in self._seen:
            raise IncompleteWalkError(f"page {self.point.page_count + 1} {what}", reason="repeated")
        self._seen.add(content)

    def _announced(self, values: Mapping[str, Scalar], signals: Signals, paging: Paging | None) -> int | None:
        path = signals.total
        if self._given:
            path = paging.total if isinstance(paging, Offset) else None
        return None if path is None else count_of(values.get(path))

    def _check_total(self, paging: Paging | None) -> None:
        point = self.point
        before = 0
        if isinstance(paging, Offset):
            before = self._number(self.base.get(paging.param, 0), paging.param)
        elif paging is not None and paging.param in self.base:
            return  # it began in the middle, so the count says nothing
        if point.total is not None and not point.live and before + point.record_count < point.total:
            raise IncompleteWalkError(
                f"the pages end after {before + point.record_count} records of {point.total}",
                reason="total_not_reached",
            )

    def _following(
        self, values: Mapping[str, Scalar], signals: Signals, paging: Paging | None, count: int
    ) -> dict[str, Scalar] | None:
        """Return the parameters that ask for the next page, or `None` if this was the last."""
        if paging is None or signals.more is False:
            return None
        if isinstance(paging, _BY_POINTER):
            value = values.get(paging.path)
            if is_empty(value):
                if signals.more:
                    raise IncompleteWalkError(
                        f"the page says that there is more, but has no {paging.path}", reason="no_cursor"
                    )
                return None
            return {paging.param: value if isinstance(paging, Cursor) else link_value(value, paging.param)}
        sent = self.params.get(paging.param)
        if isinstance(paging, Offset):
            number = self._after_offset(paging, values, signals, sent, count)
        else:
            number = self._after_page(paging, values, signals, sent, count)
        return None if number is None else {paging.param: number if isinstance(sent, int) else str(number)}

    def _after_offset(
        self, paging: Offset, values: Mapping[str, Scalar], signals: Signals, sent: object, count: int
    ) -> int | None:
        first = 1 if sent is None and _count_at(values, signals.start) == 1 else 0
        start, total = self._number(sent or first, paging.param), self.point.total
        end = start + count
        reached = total is not None and total == self._read(paging, end)
        if not signals.more and (reached or (not count and (total or 0) <= end)):
            return None
        # By what came, not by what was asked for: services cap the size of a page.
        return end if count else start + self._number(self.base.get(paging.limit, 1), paging.limit)

    def _read(self, paging: Offset, end: int) -> int | None:
        """Return how many records of the whole are read; `None` if that is not certain."""
        if paging.param not in self.base:
            return self.point.record_count
        # It may be counted from 1, unless the walk began with 0.
        return None if self._number(self.base[paging.param] or 0, paging.param) else end

    def _after_page(
        self, paging: PageNumber, values: Mapping[str, Scalar], signals: Signals, sent: object, count: int
    ) -> int | None:
        number = self._number(paging.first if sent is None else sent, paging.param)
        pages, total = _count_at(values, paging.pages), self.point.total
        if not signals.more:
            from_start = paging.param not in self.base
            if pages is not None and number - paging.first + 1 >= pages:
                return None
            if pages is None and (not count or (from_start and self.point.record_count == total)):
                return None
        return number + 1

    @staticmethod
    def _number(value: object, param: str) -> int:
        try:
            return int(str(value))
        except ValueError:
            raise InvalidCallError(
                f"{param} must be a whole number to be counted on, not {value!r}"
            ) from None


def _count_at(values: Mapping[str, Scalar], path: str | None) -> int | None:
    return None if path is None else count_of(values.get(path))
