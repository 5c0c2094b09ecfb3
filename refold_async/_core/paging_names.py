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
    words("additionaldata d data info link links next odata pagination records response result")
)
CONTAINER: Final = re.compile("page|pagin|paging|cursor|meta")
"""What the name of an object with nothing but the position of a page has in it, e.g. `pageInfo`."""
POINTERS: Final = words(
    "after nextcursor nextpagetoken nexttoken nextpagecursor pagetoken endcursor continuationtoken "
    "nextpaginationtoken paginationtoken nextpagekey "
    "continuation scrollid bookmark nextafter startingafter nextstart nextoffset nextpage next cursor "
    "aftercursor nextmarker marker nextlink nexturl nextpageurl nextrecordsurl nexthref nexturi afterurl"
)
OF_NEXT: Final = words("link href url uri")
MORE: Final = words(
    "hasmore hasnext hasnextpage more moreresult moreresults morerecords hasmoreitems hasmorepage "
    "hasmorepages hasmorerecords hasmoreresults moreitemsincollection moreavailable truncated "
    "istruncated next"
)
NO_MORE: Final = words("done last islast islastpage lastpage finished isfinished endofstream")
TOTALS: Final = words(
    "total totalcount totalsize totalresults totalrecords totalitems totaldocs totalelements recordstotal "
    "nbhits"
)
PAGES: Final = words("totalpages pagecount pages lastpage nbpages")
CURRENT_PAGE: Final = words("page currentpage pagenumber pageno pageindex number")
TELLING: Final = frozenset({*POINTERS, *MORE, *NO_MORE}) - {
    *words("after next cursor continuation bookmark marker more truncated done last finished")
}
"""Names that tell of pages whatever the object is called that they are in."""

CURSOR_PARAMS: Final = words(
    "after cursor nextcursor pagetoken nextpagetoken startingafter startafter nexttoken continuationtoken "
    "scrollid bookmark marker startcursor aftercursor pageafter pagecursor paginationtoken skiptoken "
    "nextpagekey nextmarker"
)
PAGE_PARAMS: Final = words("page pagenumber pageno pageindex currentpage pagenum")
OFFSET_PARAMS: Final = words("offset skip startat startindex startposition start sysparmoffset")
LIMIT_PARAMS: Final = words(
    "limit pagesize perpage maxresults top count size take first max pagelimit maxitems hitsperpage "
    "sysparmlimit"
)
HEADER_PARAMS: Final = words("pageinfo sinceid")
"""Parameters whose next value is in a header, or is the id of the last record."""
LINK_PARAMS: Final = words("nextlink nexturl nextpageurl nextrecordsurl link")
