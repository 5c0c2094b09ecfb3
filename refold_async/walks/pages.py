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
from typing import Any, Final, Protocol, Self, TypeVar

from refold_async._core.operation import Effect
from refold_async.errors import RefoldError
from refold_async.results import ActionResult
from refold_async.walks.page_reader import PageReader
from refold_async.walks.paging import Paging
from refold_async.walks.walk import Walk, WalkPage, check_walk

T = TypeVar("T")


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
        walk, reader = self._walk, self._reader
        self._resume = reader.point
        if reader.error is not None:
            raise reader.error
        if reader.ended:
            raise StopAsyncIteration
        self._fetching = True
        page = None
        try:
            while page is None:
                result = await self._actions.execute(
                    walk.slug, walk.action_id, reader.params, effect="read", timeout=walk.timeout
                )
                page = await reader.read(result)
        except RefoldError as error:
            if (failure := reader.refused(error)) is not None:
                raise failure from error
            raise
        finally:
            self._fetching = False
        return page

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

    def __anext__(self) -> Awaitable[WalkPage[T]]:
        return self._next_page()
