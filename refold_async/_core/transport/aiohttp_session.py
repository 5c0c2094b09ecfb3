"""The aiohttp session under a transport: what opens its connections.

What aiohttp would do of itself and must not is switched off here: cookies (one account's would go
with another's request), and proxies and passwords taken from the environment.
"""

from __future__ import annotations

from functools import cache
from typing import Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from aiohttp.client_reqrep import ClientRequest

from refold_async._core.checks import check_url
from refold_async.settings import Settings

CONNECT_TIMEOUT: Final = 10.0
"""Seconds for DNS, TCP and TLS together."""

KEPT_ALIVE: Final = 15.0
"""Seconds for which an idle connection is kept."""

HEADERS: Final = {
    "User-Agent": "refold_async",
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
}
"""What every request says of the client. aiohttp can unpack no other encodings by itself."""

_DNS_KEPT: Final = 30
"""Seconds for which a host's addresses are kept."""


def open_http(
    settings: Settings, proxy: str | None, request_class: type[ClientRequest] = ClientRequest
) -> aiohttp.ClientSession:
    """Open a session in the running event loop.

    Its connector has no limit: a limit below the calls under way is unfair, and its wait cannot
    be told from a slow server's. A gate stands before it instead.
    """
    _settle_allocator()
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0, ssl=settings.ssl, keepalive_timeout=KEPT_ALIVE, ttl_dns_cache=_DNS_KEPT
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT),
        request_class=request_class,
        proxy=proxy,
        trust_env=False,
    )


def proxy_for(base_url: str, settings: Settings) -> str | None:
    """Give the URL of the proxy through which a base URL is reached; `None` for none.

    The environment is read only where `trust_env` says so, and never its netrc: aiohttp would
    send a password found there in place of the token.

    Raises:
        SettingsError: The environment's proxy is none that aiohttp can use.
    """
    if settings.proxy is not None or not settings.trust_env:
        return settings.proxy
    parts = urlsplit(base_url)
    if parts.hostname is None or proxy_bypass(parts.netloc):
        return None
    proxies = getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all")
    if proxy is not None:
        check_url(f"the environment's proxy for {parts.scheme}", proxy, credentials=True)
    return proxy


@cache
def _settle_allocator() -> None:
    """Free one large block, once in a process.

    asyncio reads into a new buffer of 256 KiB each time, which glibc maps from the system and gives back
    until it has seen a larger block freed: two system calls for every answer.
    """
    bytearray(4 << 20)
