"""Pages of a list, and walking through all of them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from types import TracebackType
from typing import Any, Final, Generic, Self, TypeVar, get_origin

import msgspec

from refold_async._core import responses
from refold_async._core.decoding import read_as
from refold_async._core.operation import Operation
from refold_async._core.requester import Requester
from refold_async._core.requests import Scalar
from refold_async._core.responses import Response
from refold_async.api.common import fill

T = TypeVar("T")
P = TypeVar("P", bound="Page[Any]")


class Page(msgspec.Struct, Generic[T], frozen=True, kw_only=True, repr_omit_defaults=True):
    """One page of a list; iterating over it gives its items.

    Attributes:
        items: What is on the page.
        total: How many there are on all pages.
        limit: How many a page holds at most.
        page: The page's number; the first is 1.
        pages: How many pages there are.
        has_next: Whether another page follows.
        has_previous: Whether a page precedes.
        next_page: The number of the next page, where there is one.
        previous_page: The number of the page before, where there is one.
        first_index: The number of the page's first item among all, from 1.
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
        """Take a page without items for an empty one."""
        fill(self, "items", [])

    def __iter__(self) -> Iterator[T]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def read_page(answer: type[P], reply: Response, secret: str = "") -> P:
    """Read a page, which a few operations answer as a bare array.

    Raises:
        StatusError: Its class is that of the reply's status.
        UnreadableReplyError: The body is no page.
    """
    if not responses.is_success(reply.status) or not reply.body.lstrip().startswith(b"["):
        return responses.read(answer, reply, secret)
    return read_as(answer, b'{"%s":%s}' % (_key_of_items(answer), reply.body))


def _key_of_items(answer: type[Page[Any]]) -> bytes:
    fields = msgspec.structs.fields(get_origin(answer) or answer)
    return next(field.encode_name for field in fields if field.name == "items").encode()


async def fetch(
    requester: Requester,
    operation: Operation,
    answer: type[P],
    *path: str,
    page: int | None,
    limit: int | None,
    timeout: float | None,
    query: Mapping[str, Scalar] | None = None,
) -> P:
    """Call an operation that answers a page."""
    asked = {"page": page, "limit": limit, **(query or {})}
    return await requester.call(operation, answer, *path, query=asked, timeout=timeout, read=read_page)


class Walk(AsyncIterator[T]):
    """All items of a list, page by page, each page fetched when it is needed.

    ```python
    async for account in refold.linked_accounts.iterate():
        ...
    ```

    Opened with `async with`, it fetches one page ahead while the items of the last are used:

    ```python
    async with refold.linked_accounts.iterate(limit=100) as accounts:
        async for account in accounts:
            ...
    ```

    It can be left at any time; nothing of it goes on. It ends where a page is empty, is the last,
    or was seen before. After an error, the next step asks for the same page again.
    """

    def __init__(self, fetch: Callable[[int], Awaitable[Page[T]]], *, limit: int | None = None) -> None:
        self._fetch = fetch
        self._limit = limit
        self._items: Iterator[T] = iter(())
        self._next: int | None = 1
        self._seen: set[int] = set()
        self._last_number: int | None = None
        self._reads_ahead = False
        self._ahead: asyncio.Task[Page[T]] | None = None
        self._stepping = False

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
            raise RuntimeError("two tasks step through one walk at once")
        self._stepping = True
        try:
            await self._turn_page()
        finally:
            self._stepping = False
        for item in self._items:
            return item
        raise StopAsyncIteration

    async def _turn_page(self) -> None:
        """Fetch the next page and take its items; at the end there are none."""
        if self._next is None:
            return
        page = await self._take()
        if not page.items or self._repeats(page):
            self._next = None
            return
        self._next = next_number(page, self._next, self._limit)
        self._items = iter(page.items)
        if self._reads_ahead and self._next is not None:
            self._ahead = asyncio.ensure_future(self._fetch(self._next))

    async def _take(self) -> Page[T]:
        number = self._next or 1
        if self._ahead is None:
            return await self._fetch(number)
        try:
            return await self._ahead
        finally:
            await self._drop_ahead()

    async def _drop_ahead(self) -> None:
        task, self._ahead = self._ahead, None
        if task is not None and not task.done():
            task.cancel()
            await asyncio.wait([task])
        if task is not None and not task.cancelled():
            task.exception()

    def _repeats(self, page: Page[T]) -> bool:
        """Whether the server answers what it answered before: the same number, or the same items."""
        same_number = page.page is not None and page.page == self._last_number
        self._last_number = page.page
        content = hash(msgspec.json.encode(page.items))
        known = content in self._seen
        self._seen.add(content)
        return same_number or known


def next_number(page: Page[Any], number: int, limit: int | None) -> int | None:
    """Give the number of the page to fetch after one, or `None` where it was the last.

    Args:
        page: The page that came.
        number: The number that was asked for.
        limit: How many items a page were asked for.
    """
    if page.has_next is not None:
        more = bool(page.has_next)
    elif isinstance(page.pages, int):
        more = number < page.pages
    elif isinstance(page.total, int) and isinstance(page.limit, int):
        more = number * page.limit < page.total
    else:
        more = len(page.items) == (limit or _SERVICE_LIMIT)
    if not more:
        return None
    named = page.next_page
    return named if isinstance(named, int) and named > number else number + 1


_SERVICE_LIMIT: Final = 10
"""Items on a page where the caller names no limit."""
