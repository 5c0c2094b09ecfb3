"""The exchange of one request for one reply, on pooled connections.

The only file that imports the aiohttp client. What aiohttp would do of itself and must not is
switched off here: redirects (they would carry the key to another host), cookies (one account's to
another's request), and its silent second try of a dropped GET, PUT or DELETE.
"""

from __future__ import annotations

import select
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.client_reqrep import ClientRequest
from multidict import CIMultiDict
from yarl import URL

from refold_async.credentials import Secret
from refold_async.errors import (
    CertificateError,
    ConnectionFailedError,
    Fate,
    RefoldError,
    ReplyTooLargeError,
    UnreadableReplyError,
)
from refold_async.replies import is_success
from refold_async.settings import Settings
from refold_async.wire import Reply, Request

if TYPE_CHECKING:
    from aiohttp import ClientResponse
    from aiohttp.connector import Connection

CONNECT_TIMEOUT: Final = 10.0
"""Seconds for DNS, TCP and TLS together."""

KEPT_ALIVE: Final = 15.0
"""Seconds for which an idle connection is kept."""

_KEPT_URLS: Final = 1024
_USER_AGENT: Final = "refold_async"


class Progress:
    """How far one attempt got: whether anything of it may have left, and with which secret."""

    __slots__ = ("secret", "sent")

    def __init__(self) -> None:
        self.sent = False
        self.secret = Secret("")

    @property
    def fate(self) -> Fate:
        """What became of an attempt that brought no answer."""
        return "unknown" if self.sent else "not_sent"


_progress: ContextVar[Progress] = ContextVar("refold_async_progress")


class _StaleConnectionError(Exception):
    """A kept connection turned out dead, or holds an answer that nobody asked for."""


_used: weakref.WeakSet[object] = weakref.WeakSet()


class _Request(ClientRequest):
    """A request that records the moment it is sent, and refuses a bad connection before that.

    aiohttp's pool does not look at a connection again before it is reused: an answer that came unasked
    would become the next call's answer.
    """

    async def send(self, conn: Connection) -> ClientResponse:
        protocol = conn.protocol
        if protocol is not None and protocol in _used:
            if protocol.should_close or _is_readable(conn):
                raise _StaleConnectionError
        elif protocol is None or protocol.should_close:
            raise aiohttp.ClientConnectionError("an answer came before the request")
        else:
            _used.add(protocol)
        _progress.get().sent = True
        return await super().send(conn)


def _is_readable(conn: Connection) -> bool:
    """Whether an idle connection has something to read: its end, or bytes that nobody asked for."""
    transport = conn.transport
    sock = None if transport is None else transport.get_extra_info("socket")
    if sock is None or sock.fileno() < 0:
        return True
    if not hasattr(select, "poll"):
        return bool(select.select([sock.fileno()], [], [], 0)[0])
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    return bool(poll.poll(0))


class Transport:
    """The pooled connections of one session."""

    def __init__(self, base_url: str, settings: Settings) -> None:
        self._base_url = base_url
        self._limit = settings.max_response_bytes
        self._urls: OrderedDict[str, URL] = OrderedDict()
        self._http = _open_http(base_url, settings)

    async def aclose(self) -> None:
        """Close all connections; exchanges under way fail. Again is harmless."""
        await self._http.close()

    async def exchange(self, request: Request, credential: Mapping[str, str], progress: Progress) -> Reply:
        """Send one request and read its whole reply. There is no deadline in here.

        Args:
            request: What to send.
            credential: The headers that carry the credential.
            progress: Is told when the request may have left.

        Raises:
            ConnectionFailedError: No connection, or it was lost.
            UnreadableReplyError: The reply is not HTTP, or past the size limit.
        """
        token = _progress.set(progress)
        try:
            return await self._converse(request, credential, progress)
        finally:
            _progress.reset(token)

    async def _converse(self, request: Request, credential: Mapping[str, str], progress: Progress) -> Reply:
        failure: RefoldError
        while True:
            try:
                response = await self._respond(request, credential)
            except _StaleConnectionError:
                continue
            except (aiohttp.ClientError, OSError, RuntimeError, ValueError) as error:
                failure = explain(error, progress.fate, self._base_url)
                break
            try:
                return await self._read(response)
            except (aiohttp.ClientError, OSError, RuntimeError) as error:
                if not is_success(response.status):
                    return Reply(response.status, response.headers, b"")
                failure = explain(error, progress.fate, self._base_url)
                break
            finally:
                response.close()
        try:
            raise failure
        finally:
            del failure

    async def _respond(self, request: Request, credential: Mapping[str, str]) -> ClientResponse:
        headers = CIMultiDict(request.headers)
        headers.update(credential)
        return await self._http.request(
            request.method,
            self._url(request.target),
            headers=headers,
            data=request.body,
            allow_redirects=False,
            middlewares=() if request.method in {"POST", "PATCH"} else (_never_twice,),
        )

    def _url(self, target: str) -> URL:
        url = self._urls.get(target)
        if url is None:
            url = self._urls[target] = URL(self._base_url + target, encoded=True)
            if len(self._urls) > _KEPT_URLS:
                self._urls.popitem(last=False)
        return url

    async def _read(self, response: ClientResponse) -> Reply:
        limit = self._limit
        length = response.content_length
        if length is not None and length > limit:
            raise _too_large(limit)
        if length is not None and "Content-Encoding" not in response.headers:
            return Reply(response.status, response.headers, await response.read())
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            chunks.append(chunk)
        return Reply(response.status, response.headers, b"".join(chunks))


async def _never_twice(request: ClientRequest, handler: Any) -> ClientResponse:
    """Keep aiohttp from trying a dropped request again by itself, unseen by budget and deadline."""
    try:
        response: ClientResponse = await handler(request)
    except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
        if isinstance(error, aiohttp.ClientConnectorError):
            raise
        raise aiohttp.ClientConnectionError("the connection was lost") from error
    return response


def _too_large(limit: int) -> ReplyTooLargeError:
    return ReplyTooLargeError(f"the answer is larger than max_response_bytes ({limit:,})", fate="unknown")


def explain(error: Exception, fate: Fate, base_url: str) -> RefoldError:  # noqa: C901, PLR0911 - one ladder, a rung each
    """Make our error of one of aiohttp's, in words that repeat nothing of the request.

    Args:
        error: What aiohttp raised.
        fate: What became of the attempt.
        base_url: Whose host the words name.
    """
    host = urlsplit(base_url).netloc
    match error:
        case aiohttp.ClientConnectorCertificateError():
            reason = getattr(error.certificate_error, "verify_message", "") or "it could not be verified"
            return CertificateError(f"the TLS certificate of {host} was refused: {reason}")
        case aiohttp.ClientConnectorDNSError():
            return ConnectionFailedError(f"the name of {host} could not be resolved")
        case aiohttp.ClientSSLError():
            return ConnectionFailedError(f"the TLS handshake with {host} failed")
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            return ConnectionFailedError(f"the proxy gave no connection to {host}")
        case aiohttp.ClientConnectorError():
            return ConnectionFailedError(f"no connection to {host}: {_os_words(error.os_error)}")
        case aiohttp.ConnectionTimeoutError():
            return ConnectionFailedError(f"no connection to {host} within {CONNECT_TIMEOUT:g} s")
        case aiohttp.ClientPayloadError() if isinstance(
            error.__cause__, aiohttp.http_exceptions.ContentEncodingError
        ):
            return UnreadableReplyError("the answer's compression is broken", fate=fate)
        case aiohttp.ClientPayloadError():
            return ConnectionFailedError(f"the connection to {host} was lost within the answer", fate=fate)
        case aiohttp.ClientResponseError():
            return UnreadableReplyError(f"the answer of {host} is not HTTP", fate=fate)
        case ValueError() if fate == "not_sent":
            return ConnectionFailedError(f"the request to {host} could not be made")
        case _:
            return ConnectionFailedError(f"the connection to {host} was lost", fate=fate)


def _os_words(error: OSError) -> str:
    return (error.strerror or type(error).__name__).lower() if error.errno else type(error).__name__


def _open_http(base_url: str, settings: Settings) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=0,
            ssl=settings.ssl,
            keepalive_timeout=KEPT_ALIVE,
            ttl_dns_cache=30,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT),
        headers={"User-Agent": _USER_AGENT, "Accept": "application/json", "Accept-Encoding": "gzip, deflate"},
        request_class=_Request,
        proxy=_proxy_for(base_url, settings),
        trust_env=False,
    )


def _proxy_for(base_url: str, settings: Settings) -> str | None:
    if settings.proxy is not None or not settings.trust_env:
        return settings.proxy
    from urllib.request import (  # type: ignore[attr-defined] # noqa: PLC0415 - rarely wanted
        getproxies_environment,
        proxy_bypass_environment,
    )

    parts = urlsplit(base_url)
    proxies = getproxies_environment()
    if proxy_bypass_environment(parts.netloc, proxies):
        return None
    return proxies.get(parts.scheme) or proxies.get("all")
