"""Walks: every record of an action, for one customer or ten thousand.

    async for contact in account.actions.walk("hubspot", "get_contact", {"limit": "100"}): ...

    async with refold.walks(walks, concurrency=50, state="contacts.sqlite") as pages:
        async for item in pages: ...  # WalkPage | WalkFailed | WalkSkipped

`answers.py` says what an answer holds, `paging.py` how it is paged, `position.py` which page comes next.
`page_reader.py` reads the answers of one walk, and `pages.py` calls for them. `fan_out.py` runs many walks
on the batch, by the calls of `page_calls.py`; `state.py` is their file. `pull.py` writes what they read.
"""

from refold_async.walks.fan_out import Walks
from refold_async.walks.outcomes import (
    WalkFailed,
    WalkItem,
    WalkOptions,
    WalkProgress,
    WalkSkipped,
    WalkSource,
    WalkSummary,
)
from refold_async.walks.pages import ActionPages
from refold_async.walks.paging import Cursor, NextLink, Offset, PageNumber, Paging
from refold_async.walks.walk import Walk, WalkPage

__all__ = [
    "ActionPages",
    "Cursor",
    "NextLink",
    "Offset",
    "PageNumber",
    "Paging",
    "Walk",
    "WalkFailed",
    "WalkItem",
    "WalkOptions",
    "WalkPage",
    "WalkProgress",
    "WalkSkipped",
    "WalkSource",
    "WalkSummary",
    "Walks",
]
