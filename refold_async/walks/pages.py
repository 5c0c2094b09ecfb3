"""One walk: all pages of one action for one customer."""

from __future__ import annotations

from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Collection,
    Generator,
    Iterable,
    Iterator,
    Mapping,
)
from datetime import datetime
from typing import Any, Final, Generic, Protocol, Self, TypeVar

import msgspec

from refold_async._core.checks import check_effect, check_mapping, check_string
from refold_async._core.effects import effect_of_action
from refold_async._core.operation import Effect
from refold_async._core.slices import Pause, decode_slices
from refold_async.errors import (
    IncompleteWalkError,
    InvalidCallError,
    RefoldError,
    StatusError,
    UnreadableReplyError,
)
from refold_async.results import ActionFailed, ActionResult
from refold_async.walks.paging import (
    Paging,
    Scalar,
    Signals,
    find_paging,
    find_records,
    has_more,
    outline,
    read_signals,
)
from refold_async.walks.position import Position, ResumePoint

T = TypeVar("T")


class _WalkTarget(msgspec.Struct, frozen=True):
    """The part of a walk that is given by position."""

    linked_account_id: str
    slug: str
    action_id: str
    params: Mapping[str, object] | None = None


class Walk(_WalkTarget, frozen=True, kw_only=True):
    """All pages of one action for one customer.

    Args:
        linked_account_id: The customer.
        slug: The app's slug, e.g. `hubspot`.
        action_id: The action, e.g. `get_contact`.
        params: Its parameters, sent with every page; default: none.
        into: The type of a record, as in `ActionResult.into`; default: dicts, lists, strings and numbers.
        paging: How the action is paged; default: found in its first answer and its schema.
        records: Where the records are in an answer, e.g. `results`; default: the only list of objects.
        effect: `"read"` if the action changes nothing although its name does not tell.
        resume: Where to begin, as another walk left it; default: at the beginning.
        timeout: Deadline of each page's call, retries included, in seconds; default: the client's.
        since: Returns the parameters that select what changed since a moment, e.g.
            `lambda mark: {"updatedAfter": mark.isoformat()}`; only for `refold.walks` with a state.
    """

    into: Any = None
    paging: Paging | None = None
    records: str | None = None
    effect: Effect | None = None
    resume: str | None = None
    timeout: float | None = None
    since: Callable[[datetime], Mapping[str, object]] | None = None


class WalkPage(msgspec.Struct, Generic[T], frozen=True):
    """One page of a walk.

    Attributes:
        walk: The walk.
        records: Its records.
        raw: The whole data's JSON as it was received.
        number: Its number in the walk, from 1.
        cursor: What asks for the next page: a cursor, an offset, a number; `None` on the last.
        resume: The point behind it, for the `resume` of another walk.
        restarted: Whether the walk began again with this page, since its cursor had expired: pages of an
            earlier run come again.
    """

    walk: Walk
    records: list[T]
    raw: msgspec.Raw
    number: int
    cursor: Scalar
    resume: str
    restarted: bool = False


def check_walk(walk: Walk) -> None:
    """Check a walk's fields; the rest is checked when its first page is asked for.

    Raises:
        InvalidCallError: If a field has the wrong type, or the action may change something.
    """
    for name in ("linked_account_id", "slug", "action_id"):
        check_string(name, getattr(walk, name))
    check_mapping("params", walk.params, optional=True)
    check_effect(walk.effect)
    if not isinstance(walk.paging, Paging | None):
        raise InvalidCallError(
            f"paging must be a Cursor, Offset, PageNumber or NextLink, not {type(walk.paging).__name__}"
        )
    if (walk.effect or effect_of_action(walk.action_id)) != "read":
        raise InvalidCallError(
            f"{walk.action_id} may change something: a walk runs it many times; "
            "if it only reads, pass effect='read'"
        )
    if walk.records is not None:
        check_string("records", walk.records)
    if walk.into is not None:
        _check_type(walk.into)
    if walk.resume is not None:
        ResumePoint.decode(walk.resume)


def _check_type(into: Any) -> None:
    try:
        msgspec.json.Decoder(into)
    except (TypeError, ValueError, NameError) as error:
        raise InvalidCallError(f"into is not a type that can be decoded: {error}") from None


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

    async def read(self, result: ActionResult) -> WalkPage[Any]:
        """Read an answer; afterwards there is a next page, or `ended` or `error` is set.

        Raises:
            IncompleteWalkError: If the answer is no new page of the walk.
            UnreadableReplyError: If it is not JSON, or a record does not fit `into`.
            RefoldError: If the action's schema cannot be fetched.
        """
        before = self.point
        try:
            page = await self._read(result)
        except IncompleteWalkError as error:
            raise self._described(error, before) from None
        except UnreadableReplyError as error:
            if error.operation is None:
                name_walk(error, self._walk)
            raise
        if self.error is not None:
            self._described(self.error, before)
        return page

    async def _read(self, result: ActionResult) -> WalkPage[Any]:
        walk, position = self._walk, self._position
        try:
            found = outline(result.raw)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise UnreadableReplyError(f"the data is not JSON: {error}", fate="unknown") from None
        path = find_records(found, position.point.records or walk.records)
        content = msgspec.Raw(b"[]") if path is None else found.lists.get(path, msgspec.Raw(b"[]"))
        records = await self._records(content)
        signals = read_signals(found.values)
        more, paging = None, position.point.paging or walk.paging
        if paging is None and not position.point.page_count:
            more = has_more(found.values, signals, len(records))
            if more or (more is None and records):
                paging = await self._find_paging(found.values, signals)
        if records:
            position.refuse_repeat(bytes(content))
        try:
            self.ended = not position.advance(found, signals, paging, path, len(records), more=more)
        except IncompleteWalkError as error:
            # Raised only after the page was delivered: its records are good.
            self.error = error
        point = position.point
        cursor = None if self.ended or self.error else next(iter(point.next.values()), None)
        return WalkPage(walk, records, result.raw, point.page_count, cursor, point.encode())

    async def _records(self, content: msgspec.Raw) -> list[Any]:
        slices = decode_slices(content, self._walk.into)
        records = next(slices)
        for more in slices:
            await Pause()
            records += more
        return records

    async def _find_paging(self, values: Mapping[str, Scalar], signals: Signals) -> Paging | None:
        return find_paging(values, signals, await self._names(), self.params)

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


def name_walk(error: RefoldError, walk: Walk) -> None:
    """Set the attributes of an error that say which walk failed."""
    error.operation, error.effect = "actions.execute", "read"
    error.slug, error.action_id = walk.slug, walk.action_id
    error.linked_account_id = walk.linked_account_id or None


def _is_refusal(error: RefoldError) -> bool:
    status = error.result.http_status if isinstance(error, ActionFailed) else None
    if isinstance(error, StatusError):
        status = error.status
    return status in {400, 404, 410, 416, 422}


class ActionReader(Protocol):
    """What a walk calls: `account.actions`."""

    async def execute(
        self,
        slug: str,
        action_id: str,
        params: Mapping[str, object] | None = None,
        *,
        effect: Effect | None = None,
        timeout: float | None = None,
    ) -> ActionResult:
        """Run an action."""
        ...

    async def schema(self, slug: str, action_id: str, *, timeout: float | None = None) -> Iterable[object]:
        """Fetch an action's parameters."""
        ...


class ActionPages(AsyncIterator[T]):
    """All records of one action for one customer: iterate over it, or over its `pages()`.

    `await` it for the first page alone.

    A page is fetched when it is needed, and iteration can stop at any time. It ends after the last page, and
    never early without an error. After an error of a call, the next step asks for the same page again.
    """

    def __init__(self, walk: Walk, actions: ActionReader) -> None:
        check_walk(walk)
        self._walk: Final = walk
        self._actions: Final = actions
        self._reader: Final = PageReader(walk, self._names)
        self._records: Iterator[T] = iter(())
        self._resume = self._reader.point
        self._fetching = False

    def __repr__(self) -> str:
        walk, point = self._walk, self._reader.point
        return (
            f"ActionPages({walk.slug}/{walk.action_id}, account {walk.linked_account_id!r}, "
            f"{point.record_count} records on {point.page_count} pages)"
        )

    @property
    def paging(self) -> Paging | None:
        """How the action is paged: as given, else as found on the first page; `None` for a single page."""
        return self._reader.point.paging or self._walk.paging

    @property
    def record_count(self) -> int:
        """The number of records on the pages that were fetched."""
        return self._reader.point.record_count

    @property
    def page_count(self) -> int:
        """The number of pages that were fetched."""
        return self._reader.point.page_count

    @property
    def resume(self) -> str:
        """The point where the page begins that you are working on, for the `resume` of another walk."""
        return self._resume.encode()

    def __await__(self) -> Generator[Any, Any, WalkPage[T]]:
        return ActionPages[T](self._walk, self._actions).next_page().__await__()

    def pages(self) -> AsyncIterator[WalkPage[T]]:
        """Iterate over pages instead of records."""
        return _Pages(self.next_page)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while True:
            for record in self._records:
                return record
            self._records = iter((await self.next_page()).records)

    async def next_page(self) -> WalkPage[T]:
        """Fetch the next page.

        Raises:
            StopAsyncIteration: After the last page.
            IncompleteWalkError: If there is a next page that cannot be read.
            RefoldError: If a call failed; the next time asks for the same page again.
        """
        if self._fetching:
            raise RuntimeError("two tasks iterate over one walk at once")
        self._resume = self._reader.point
        if self._reader.error is not None:
            raise self._reader.error
        if self._reader.ended:
            raise StopAsyncIteration
        self._fetching = True
        try:
            return await self._fetch()
        finally:
            self._fetching = False

    async def _fetch(self) -> WalkPage[T]:
        walk, reader = self._walk, self._reader
        try:
            result = await self._actions.execute(
                walk.slug, walk.action_id, reader.params, effect="read", timeout=walk.timeout
            )
        except RefoldError as error:
            if (failure := reader.refused(error)) is not None:
                raise failure from error
            raise
        return await reader.read(result)

    async def _names(self) -> Collection[str]:
        schema = await self._actions.schema(self._walk.slug, self._walk.action_id, timeout=self._walk.timeout)
        return names_of(schema)


def names_of(schema: Iterable[object]) -> Collection[str]:
    """Return the names of an action's parameters."""
    return [name for each in schema if isinstance(name := getattr(each, "name", None), str)]


class _Pages(AsyncIterator[WalkPage[T]]):
    """Iterates over the pages of a walk."""

    def __init__(self, next_page: Callable[[], Awaitable[WalkPage[T]]]) -> None:
        self._next_page: Final = next_page

    async def __anext__(self) -> WalkPage[T]:
        return await self._next_page()
