"""Paging options of the commands that list: one page by number, or all of them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final, TypeVar

import click
import msgspec

from refold_async.api.paging import Paginator
from refold_async.cli.arguments import with_options

T = TypeVar("T")

_OPTIONS: Final = (
    click.option("--page", type=click.IntRange(min=1), metavar="N", help="The page number; default: 1."),
    click.option("--limit", type=click.IntRange(min=1), metavar="N", help="Items per page; default: 10."),
    click.option("--all", "everything", is_flag=True, help="All pages."),
)
_LIMIT_OF_ALL: Final = 100
"""Items on a page when all pages are fetched and `--limit` is not given."""


class PageOptions(msgspec.Struct, frozen=True):
    """The part of a list to fetch."""

    page: int | None
    limit: int | None
    everything: bool

    async def fetch(
        self,
        list_of: Callable[..., Paginator[T]],
        what: str,
        **filters: object,
    ) -> tuple[list[T], str]:
        """Return the items, and a title with their number and the total.

        Args:
            list_of: The `list` method.
            what: The items' name, e.g. `executions`.
            filters: Its arguments besides `page` and `limit`.
        """
        if self.everything:
            async with list_of(limit=self.limit or _LIMIT_OF_ALL, **filters) as paginator:
                items = [item async for item in paginator]
            return items, f"{len(items):,} {what}"
        page = await list_of(page=self.page, limit=self.limit, **filters)
        of = "" if page.total is None else f" of {page.total:,}"
        return page.items, f"{len(page)}{of} {what}"


def page_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add `--page`, `--limit` and `--all` to a command, which receives them as `pages`.

    Raises:
        click.UsageError: If `--page` and `--all` are both given.
    """

    @functools.wraps(command)
    def with_pages(*, page: int | None, limit: int | None, everything: bool, **given: Any) -> None:
        if everything and page is not None:
            raise click.UsageError("--page and --all cannot be combined")
        command(pages=PageOptions(page, limit, everything), **given)

    return with_options(with_pages, _OPTIONS)
