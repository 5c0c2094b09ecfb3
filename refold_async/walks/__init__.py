"""Walks: every record of an action, for one customer or ten thousand.

    async for contact in account.actions.walk("hubspot", "get_contact", {"limit": "100"}): ...

`paging.py` finds how an answer is paged, `position.py` which page comes next, `pages.py` reads one walk.
"""

from refold_async.walks.pages import ActionPages, Walk, WalkPage
from refold_async.walks.paging import Cursor, NextLink, Offset, PageNumber, Paging

__all__ = ["ActionPages", "Cursor", "NextLink", "Offset", "PageNumber", "Paging", "Walk", "WalkPage"]
