"""What the commands that list share: one page by its number, or all of them."""

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
    click.option("--page", type=click.IntRange(min=1), metavar="N", help="The page's number; default: 1."),
    click.option("--limit", type=click.IntRange(min=1), metavar="N", help="How many a page; default: 10."),
    click.option("--all", "everything", is_flag=True, help="All pages."),
)
_LIMIT_OF_ALL: Final = 100
"""Items on a page when all pages are fetched and `--limit` is not given."""


class Asked(msgspec.Struct, frozen=True):
    """What of a list is asked for."""

    page: int | None
    limit: int | None
    everything: bool

    async def of(
        self,
        list_of: Callable[..., Paginator[T]],
        what: str,
        **filters: object,
    ) -> tuple[list[T], str]:
        """Return the items that were asked for, and a line that says how many of how many they are.

        Args:
            list_of: The method that lists them.
            what: What they are, e.g. `executions`.
            filters: What it takes beside `page` and `limit`.
        """
        if self.everything:
            async with list_of(limit=self.limit or _LIMIT_OF_ALL, **filters) as paginator:
                items = [item async for item in paginator]
            return items, f"{len(items):,} {what}"
        page = await list_of(page=self.page, limit=self.limit, **filters)
        of = "" if page.total is None else f" of {page.total:,}"
        return page.items, f"{len(page)}{of} {what}"


def lists(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--page`, `--limit` and `--all`, which it takes as `asked`.

    Raises:
        click.UsageError: It is asked for one page, and for all.
    """

    @functools.wraps(command)
    def with_asked(*, page: int | None, limit: int | None, everything: bool, **given: Any) -> None:
        if everything and page is not None:
            raise click.UsageError("--page asks for one page, and --all for all of them")
        command(asked=Asked(page, limit, everything), **given)

    return with_options(with_asked, _OPTIONS)
