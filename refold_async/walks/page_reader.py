"""Reads the answers of one walk. What it needs of the service is one function."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Final

import msgspec

from refold_async._core.slices import SHORT, Buffer, ListDecoder, Pause
from refold_async.errors import IncompleteWalkError, RefoldError, StatusError, UnreadableReplyError
from refold_async.results import ActionFailed, ActionResult
from refold_async.walks.answers import (
    Outline,
    Signals,
    find_next_links,
    find_records,
    has_more,
    outline,
    outline_of_one_list,
    read_signals,
)
from refold_async.walks.paging import Cursor, NextLink, Paging, dead_end, find_paging
from refold_async.walks.position import Position, ResumePoint
from refold_async.walks.walk import Walk, WalkPage, name_walk


class _Split(msgspec.Struct, frozen=True):
    """An answer without its records, their path, and the records."""

    outline: Outline
    path: str | None
    records: list[Any]


ParameterNames = Callable[[], Awaitable[Collection[str]]]
"""Returns the names of an action's parameters."""


class PageReader:
    """Reads the answers of one walk, one after the other.

    Args:
        walk: The walk.
        names: Called if the names of the action's parameters are needed to find its paging.
        point: Where it begins.
        params: Its parameters.

    Attributes:
        ended: Whether the last page was read.
        error: Why there is no next page although there should be.
    """

    def __init__(
        self,
        walk: Walk,
        names: ParameterNames,
        point: ResumePoint | None = None,
        params: Mapping[str, object] | None = None,
    ) -> None:
        if point is None:
            point = ResumePoint() if walk.resume is None else ResumePoint.decode(walk.resume)
        self._walk: Final = walk
        self._names: Final = names
        self._decoder: Final = ListDecoder(walk.into)
        self._position: Final = Position(
            (walk.params or {}) if params is None else params, point, given=walk.paging is not None
        )
        self.ended = False
        self.error: IncompleteWalkError | None = None

    @property
    def point(self) -> ResumePoint:
        """The position of the next page."""
        return self._position.point

    @property
    def base(self) -> Mapping[str, object]:
        """The parameters of the walk, those of the page aside."""
        return self._position.base

    @property
    def params(self) -> dict[str, object]:
        """The parameters that ask for the next page."""
        return self._position.params

    async def read(self, result: ActionResult) -> WalkPage[Any] | None:
        """Read an answer; afterwards there is a next page, or `ended` or `error` is set.

        Returns:
            The page; `None` if it is the first one again, which tells from which number pages are counted.

        Raises:
            IncompleteWalkError: If the answer is no new page of the walk.
            UnreadableReplyError: If it is not JSON, or a record does not fit `into`.
            RefoldError: If the action's schema cannot be fetched.
        """
        before, raw = self._position.point, result.raw
        try:
            split = self._split_small(raw) or await self._split(raw)
            paging, end = before.paging or self._walk.paging, None
            signals = read_signals(split.outline.values, split.path)
            if paging is None and not before.page_count:
                paging, end = await self._find_paging(split, signals)
            return self._advance(raw, split, signals, paging, end)
        except IncompleteWalkError as error:
            raise self._described(error, before) from None
        except UnreadableReplyError as error:
            if error.operation is None:
                name_walk(error, self._walk)
            raise

    async def _find_paging(
        self, split: _Split, signals: Signals
    ) -> tuple[Paging | None, IncompleteWalkError | None]:
        """Return how the action is paged by its first answer, or why there may be more all the same."""
        values, count = split.outline.values, len(split.records)
        more = has_more(values, signals, count)
        if not more and (more is False or not count):
            return None, None
        names, sent = await self._names(), self.params
        paging = find_paging(values, signals, names, sent)
        return paging, None if paging else dead_end(names, sent, split.path, count, more=more)

    def _advance(
        self,
        raw: msgspec.Raw,
        split: _Split,
        signals: Signals,
        paging: Paging | None,
        end: IncompleteWalkError | None,
    ) -> WalkPage[Any] | None:
        found, path, records = split.outline, split.path, split.records
        position, before = self._position, self._position.point
        if "" in found.values and isinstance(paging, Cursor | NextLink):
            # Not so with numbers: behind their last page, apps have no content.
            raise IncompleteWalkError(
                "the answer has no content, but its cursor was there", reason="no_records"
            )
        if records and path is not None:
            if position.is_first_again(found.lists[path]):
                return None
            position.refuse_repeat(found.lists[path])
        cursor = None
        try:
            self.ended = not position.advance(found, signals, paging, path, len(records), dead_end=end)
            if not self.ended:
                (cursor,) = position.point.next.values()
        except IncompleteWalkError as error:
            # Raised only after the page was delivered: its records are good.
            self.error = self._described(error, before)
        point = position.point
        return WalkPage(self._walk, records, raw, point.page_count, cursor, point)

    def _split_small(self, raw: msgspec.Raw) -> _Split | None:
        """Split an answer at once, if it has one list of records, which is short; else return `None`."""
        if len(memoryview(raw)) > SHORT or (found := outline_of_one_list(raw)) is None:
            return None
        try:
            path = find_records(found, self._position.point.records or self._walk.records)
        except IncompleteWalkError:  # it may have other lists
            return None
        if path is None or path not in found.lists:
            return None
        records = self._decoder.decode(found.lists[path])
        return None if records is None else _Split(found, path, records)

    async def _split(self, raw: msgspec.Raw) -> _Split:
        """Split an answer, and decode its records in slices."""
        try:
            found = outline(raw)
        except (ValueError, RecursionError) as error:
            raise UnreadableReplyError(f"the data is not JSON: {error}", fate="unknown") from None
        path = find_records(found, self._position.point.records or self._walk.records)
        content = None if path is None else found.lists.get(path)
        found.values.update(find_next_links(found, path))
        return _Split(found, path, [] if content is None else await self._decode(content))

    async def _decode(self, content: Buffer) -> list[Any]:
        slices = self._decoder.slices(content)
        records = next(slices)
        for more in slices:
            await Pause()
            records += more
        return records

    def refused(self, error: RefoldError) -> IncompleteWalkError | None:
        """Return the error for a page other than the first that the app refuses, else `None`."""
        if not self.point.page_count or not _is_refusal(error):
            return None
        failure = IncompleteWalkError(
            f"page {self.point.page_count + 1} was refused: {error.message}",
            reason="refused",
            fate=error.fate,
        )
        failure.__cause__ = error
        return self._described(failure, self.point)

    def _described(self, error: IncompleteWalkError, before: ResumePoint) -> IncompleteWalkError:
        name_walk(error, self._walk)
        if error.reason != "refused":
            error.fate = "unknown"
        error.record_count, error.page_count = self.point.record_count, self.point.page_count
        error.resume = before.encode()
        return error


def _is_refusal(error: RefoldError) -> bool:
    status = error.result.http_status if isinstance(error, ActionFailed) else None
    if isinstance(error, StatusError):
        status = error.status
    return status in {400, 404, 410, 416, 422}
