"""What the commands that list share: one page by its number, or all of them."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import click
import msgspec

from refold_async.api.paging import Page, Walk
from refold_async.cli.arguments import with_options

T = TypeVar("T")

_OPTIONS: Final = (
    click.option("--page", type=click.IntRange(min=1), metavar="N", help="The page's number; default: 1."),
    click.option("--limit", type=click.IntRange(min=1), metavar="N", help="How many a page; default: 10."),
    click.option("--all", "everything", is_flag=True, help="All pages."),
)
_WALKED: Final = 100
"""How many a page, where all pages are fetched and nobody says it."""


class Asked(msgspec.Struct, frozen=True):
    """What of a list is asked for."""

    page: int | None
    limit: int | None
    everything: bool

    async def of(
        self,
        fetch: Callable[..., Awaitable[Page[T]]],
        iterate: Callable[..., Walk[T]],
        what: str,
        **filters: object,
    ) -> tuple[list[T], str]:
        """Give what is asked for of a list, and the line that tells how much of it that is.

        Args:
            fetch: Fetches one page.
            iterate: Walks through all pages.
            what: What they are, as `executions`.
            filters: What both take beside `page` and `limit`.
        """
        if self.everything:
            async with iterate(limit=self.limit or _WALKED, **filters) as walk:
                items = [item async for item in walk]
            return items, f"{len(items):,} {what}"
        page = await fetch(page=self.page, limit=self.limit, **filters)
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
