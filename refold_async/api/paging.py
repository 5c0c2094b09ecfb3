"""Lists that come in pages: one page, or all items."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Generic, Protocol, Self, TypeVar, cast, get_origin

import msgspec

from refold_async._core import responses
from refold_async._core.decoding import BOM, read_as
from refold_async._core.encoding import dump
from refold_async._core.operation import Operation
from refold_async._core.prepared import describe
from refold_async._core.requester import Requester
from refold_async._core.requests import Scalar
from refold_async._core.responses import Response
from refold_async.api.common import ApiModel, fill
from refold_async.errors import InvalidCallError, RefoldError, UnreadableReplyError

T = TypeVar("T")
P = TypeVar("P", bound="Page[Any]")


class Page(ApiModel, Generic[T], frozen=True, kw_only=True, repr_omit_defaults=True):
    """One page of a list; iterate over it for its items.

    Attributes:
        items: The items on the page.
        total: The number of items on all pages.
        limit: The maximum number of items on a page.
        page: The page's number; the first is 1.
        pages: The number of pages.
        has_next: Whether there is a next page.
        has_previous: Whether there is a previous page.
        next_page: The number of the next page, if any.
        previous_page: The number of the previous page, if any.
        first_index: The position of the page's first item in the whole list, from 1.
    """

    items: list[T] = msgspec.field(default_factory=list, name="docs")
    total: int | None = msgspec.field(default=None, name="totalDocs")
    limit: int | None = None
    page: int | None = None
    pages: int | None = msgspec.field(default=None, name="totalPages")
    has_next: bool | None = msgspec.field(default=None, name="hasNextPage")
    has_previous: bool | None = msgspec.field(default=None, name="hasPrevPage")
    next_page: int | None = msgspec.field(default=None, name="nextPage")
    previous_page: int | None = msgspec.field(default=None, name="prevPage")
    first_index: int | None = msgspec.field(default=None, name="pagingCounter")

    def __post_init__(self) -> None:
        """Treat a page without items as an empty one."""
        fill(self, "items", [])

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def read_page(answer: type[P], reply: Response, secret: str = "") -> P:
    """Read a page, which a few operations answer as a bare array.

    Raises:
        StatusError: If the reply's status is not a success; the class depends on the status.
        UnreadableReplyError: If the body is not a page.
    """
    body = reply.body.removeprefix(BOM)
    if not responses.is_success(reply.status) or not body.lstrip().startswith(b"["):
        return responses.read(answer, reply, secret)
    return read_as(answer, b'{"%s":%s}' % (_key_of_items(answer), body))


def _key_of_items(answer: type[Page[Any]]) -> bytes:
    fields = msgspec.structs.fields(get_origin(answer) or answer)
    return next(field.encode_name for field in fields if field.name == "items").encode()


class Paginator(AsyncIterator[T]):
    """A list that comes in pages: `await` it for one page, iterate over it with `async for` for all items.

    ```python
    page = await refold.linked_accounts.list(page=2, limit=50)

    async for account in refold.linked_accounts.list():
        ...
    ```

    Each page is fetched when it is needed. Opened with `async with`, the next page is fetched while
    you work on the items of the last:

    ```python
    async with refold.linked_accounts.list(limit=100) as accounts:
        async for account in accounts:
            ...
    ```

    Iteration starts at `page` and can stop at any time. It ends after the last page, and never early
    without an error: a page that repeats an earlier one, or is empty although more are announced,
    raises `UnreadableReplyError`. After an error, the next step asks for the same page again.

    It is awaitable, but not a coroutine: for a task, write `create_task(anext(paginator))`, or a
    coroutine of your own that awaits it or iterates over it.
    """

    def __init__(self, source: PageSource[T], *, page: int | None = None) -> None:
        self._source = source
        self._page = page
        self._next: int | None = 1 if page is None else page
        self._position = _Position()
        self._items: Iterator[T] = iter(())
        self._reads_ahead = False
        self._ahead: asyncio.Task[Page[T]] | None = None
        self._stepping = False

    def __await__(self) -> Generator[Any, Any, Page[T]]:
        return self._source.fetch(self._page).__await__()

    async def __aenter__(self) -> Self:
        self._reads_ahead = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reads_ahead = False
        self._next = None
        self._items = iter(())
        await self._drop_ahead()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        for item in self._items:
            return item
        if self._stepping:
            raise RuntimeError("two tasks iterate over one paginator at once")
        self._stepping = True
        try:
            await self._turn_page()
        finally:
            self._stepping = False
        for item in self._items:
            return item
        raise StopAsyncIteration

    async def _turn_page(self) -> None:
        """Fetch the next page and take its items; there are none at the end."""
        if self._next is None:
            return
        page = await self._take(self._next)
        try:
            self._next = self._position.advance(page, self._next)
        except UnreadableReplyError as error:
            self._source.describe(error)
            raise
        self._items = iter(page.items)
        if self._reads_ahead and self._next is not None:
            self._ahead = asyncio.ensure_future(self._source.fetch(self._next))

    async def _take(self, number: int) -> Page[T]:
        if self._ahead is None:
            return await self._source.fetch(number)
        try:
            return await self._ahead
        finally:
            await self._drop_ahead()

    async def _drop_ahead(self) -> None:
        task, self._ahead = self._ahead, None
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task])
        # An error that nobody retrieves would be logged when the task is collected.
        if task is not None and not task.cancelled():
            task.exception()


class PaginatorOf(Paginator[T], Generic[T, P]):
    """A `Paginator` whose pages have fields of their own, e.g. the columns of a table."""

    def __await__(self) -> Generator[Any, Any, P]:
        return cast("Generator[Any, Any, P]", super().__await__())


class PageSource(Protocol[T]):
    """Where a `Paginator` gets its pages."""

    async def fetch(self, number: int | None) -> Page[T]:
        """Fetch one page; `None` is the first."""
        ...

    def describe(self, error: RefoldError) -> None:
        """Note on an error which call raised it."""


class _OperationPages(msgspec.Struct, Generic[P], frozen=True):
    """The pages of an operation."""

    requester: Requester
    operation: Operation
    answer: type[P]
    path: tuple[str, ...]
    query: Mapping[str, Scalar]
    limit: int | None
    timeout: float | None

    async def fetch(self, number: int | None) -> P:
        """Fetch one page; `None` is the first."""
        query = {"page": number, "limit": self.limit, **self.query}
        return await self.requester.call(
            self.operation, self.answer, *self.path, query=query, timeout=self.timeout, read=read_page
        )

    def describe(self, error: RefoldError) -> None:
        """Note on an error which call raised it."""
        describe(error, self.operation, self.path, self.requester.linked_account_id)
        error.effect = self.operation.effect


def paginate(
    requester: Requester,
    operation: Operation,
    answer: type[P],
    *path: str,
    page: int | None,
    limit: int | None,
    timeout: float | None,
    query: Mapping[str, Scalar] | None = None,
) -> PaginatorOf[Any, P]:
    """Return the pages of an operation that answers one page at a time."""
    if page is not None and (not isinstance(page, int) or isinstance(page, bool) or page < 1):
        raise InvalidCallError(f"page must be a whole number from 1, not {page!r}")
    pages = _OperationPages(requester, operation, answer, path, query or {}, limit, timeout)
    return PaginatorOf(pages, page=page)


class _Position:
    """How far an iteration got, and whether more follows."""

    __slots__ = ("_contents", "_largest", "_number", "_seen")

    def __init__(self) -> None:
        self._contents: set[int] = set()
        self._number: int | None = None
        self._seen: int | None = None
        self._largest = 0

    def advance(self, page: Page[Any], number: int) -> int | None:
        """Take a page, and return the number of the next, or `None` after the last.

        Args:
            page: The page that came.
            number: The number that was asked for.

        Raises:
            UnreadableReplyError: If the page repeats an earlier one, or is empty although it says
                that more follows.
        """
        if not page.items:
            if _more_after_empty(page, number, (number - 1) * self._largest):
                raise self._failure(f"page {number} is empty, but the service says that more follows")
            return None
        self._refuse_repeat(page, number)
        if self._seen is None:
            self._seen = _items_before(page, number)
        if self._seen is not None:
            self._seen += len(page.items)
        self._largest = max(self._largest, len(page.items))
        return next_number(page, number, self._seen)

    def _refuse_repeat(self, page: Page[Any], number: int) -> None:
        told = as_count(page.page)
        if told is not None and told == self._number:
            raise self._failure(f"page {number} came back as page {told}, like the one before")
        # By content too: many answers carry no number. The hash alone is kept, so that memory stays flat.
        content = hash(dump(page.items))
        if content in self._contents:
            raise self._failure(f"page {number} repeats the items of an earlier page")
        self._number = told
        self._contents.add(content)

    def _failure(self, message: str) -> UnreadableReplyError:
        return UnreadableReplyError(
            f"{message}; the list may go on after what was yielded, so it is not complete", fate="unknown"
        )


def next_number(page: Page[Any], number: int, seen: int | None) -> int | None:
    """Return the number of the page to fetch after one with items, or `None` if it was the last.

    In doubt there is a next page: to ask for it costs one call, to end early would lose items.

    Args:
        page: The page that came.
        number: The number that was asked for.
        seen: How many items of the list this page and those before it have, if that is known.
    """
    total, pages, named = as_count(page.total), as_count(page.pages), as_count(page.next_page)
    follows = named is not None and named > number
    following = named if named is not None and follows else number + 1
    # The count goes first: a service that caps `limit` may compute all else by what was asked for.
    if seen is not None and total is not None and seen < total:
        return following
    has_next = as_truth(page.has_next)
    if has_next is None:
        known_end = (pages is not None and number >= pages) or (pages is None and None not in (seen, total))
        has_next = follows or not known_end
    return following if has_next else None


def _more_after_empty(page: Page[Any], number: int, position: int) -> bool:
    """Return whether a page without items says that others have some."""
    has_next = as_truth(page.has_next)
    if has_next is not None:
        return has_next
    total, pages, named = as_count(page.total), as_count(page.pages), as_count(page.next_page)
    return (
        (named is not None and named > number)
        or (pages is not None and number < pages)
        or (total is not None and position < total)
    )


def _items_before(page: Page[Any], number: int) -> int | None:
    """Return how many items precede the first page that is fetched, if that is known."""
    first = as_count(page.first_index)
    if number == 1:
        return 0
    return None if first is None else max(first - 1, 0)


def as_count(value: object) -> int | None:
    """Read a count that a service may write as text or as a float."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value) if len(value) < _LONGEST_COUNT else None
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def as_truth(value: object) -> bool | None:
    """Read a flag that a service may write as text."""
    if isinstance(value, str):
        return {"true": True, "false": False}.get(value.strip().lower())
    return value if isinstance(value, bool) else None


_LONGEST_COUNT: Final = 20
