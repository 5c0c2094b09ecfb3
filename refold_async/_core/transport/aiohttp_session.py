"""The aiohttp session that opens a transport's connections.

It turns off what aiohttp does by default and must not do here: cookies (one account's would be sent with
another's request), and proxies and passwords from the environment.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import aiohttp
from aiohttp.client_reqrep import ClientRequest

from refold_async._core.transport.keep_alive import KEPT_ALIVE
from refold_async._core.transport.resolver import CachingResolver
from refold_async.settings import Settings

CONNECT_TIMEOUT: Final = 10.0
"""Seconds for DNS, TCP and TLS together."""

LARGEST_HEADER: Final = 64 * 1024
"""The most bytes of one response header, and of the status line.

Some proxies send more than aiohttp's default, 8,190, and a write without a readable response is unknown."""

HEADERS: Final = {
    "User-Agent": "refold_async",
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
}
"""The headers of every request. `encodings` decodes no others."""

DNS_KEPT: Final = 30
"""Seconds that the addresses of a host are cached."""


def open_http(
    settings: Settings,
    resolver: CachingResolver,
    proxy: str | None,
    request_class: type[ClientRequest] = ClientRequest,
) -> aiohttp.ClientSession:
    """Open a session in the running event loop; the caller closes the resolver."""
    _tune_allocator()
    # No limit here: the connector's is not first come, first served, and waiting for it would look like a
    # slow server. The session's CapacityLimiter comes before it instead.
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0, ssl=settings.ssl, keepalive_timeout=KEPT_ALIVE, resolver=resolver, use_dns_cache=False
        ),
        auto_decompress=False,  # see `encodings`
        max_line_size=LARGEST_HEADER,
        max_field_size=LARGEST_HEADER,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT),
        request_class=request_class,
        proxy=proxy,
        trust_env=False,
    )


@cache
def _tune_allocator() -> None:
    """Raise glibc's mmap threshold by freeing one large block, once per process."""
    # asyncio reads into a new 256 KiB buffer each time: below the threshold, each response would cost an mmap
    # and a munmap.
    bytes(4 << 20)  # not a bytearray, which the system would have to provide with a thousand pages
