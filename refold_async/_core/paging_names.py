"""The names that apps give to what tells of pages: in answers, and as parameters.

Names are compared as `plain` writes them: lower case, without underscores and the like. What is likelier
comes first.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final


def words(text: str) -> list[str]:
    """Return the words of a text."""
    return text.split()


@lru_cache(maxsize=4096)
def plain(name: str) -> str:
    """Return a name without case and separators: `next_page`, `nextPage` and `next-page` alike."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


CONTAINERS: Final = frozenset(
    words(
        "cursor cursors data links meta metadata next nextpage odata page pagedata pageinfo pages pagination "
        "paging paginginfo responsemetadata response result"
    )
)
POINTERS: Final = words(
    "after nextcursor nextpagetoken nexttoken nextpagecursor pagetoken endcursor continuationtoken "
    "continuation scrollid bookmark nextafter startingafter nextstart nextoffset nextpage next cursor "
    "nextlink nexturl nextpageurl nextrecordsurl nexthref"
)
OF_NEXT: Final = words("link href url")
MORE: Final = words(
    "hasmore hasnext hasnextpage more moreresults morerecords hasmoreitems moreavailable truncated "
    "istruncated next"
)
NO_MORE: Final = words("done islast islastpage lastpage finished isfinished")
TOTALS: Final = words(
    "total totalcount totalsize totalresults totalrecords totalitems totaldocs recordstotal"
)
PAGES: Final = words("totalpages pagecount pages lastpage")
CURRENT_PAGE: Final = words("page currentpage pagenumber pageno pageindex")

CURSOR_PARAMS: Final = words(
    "after cursor nextcursor pagetoken nextpagetoken startingafter startafter nexttoken continuationtoken "
    "scrollid bookmark marker startcursor"
)
PAGE_PARAMS: Final = words("page pagenumber pageno pageindex")
OFFSET_PARAMS: Final = words("offset skip startat startindex startposition start")
LIMIT_PARAMS: Final = words("limit pagesize perpage maxresults top count size take first max")
LINK_PARAMS: Final = words("nextlink nexturl nextpageurl nextrecordsurl link")
