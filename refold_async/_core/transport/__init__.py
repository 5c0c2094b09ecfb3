"""Pooled connections. The only package that imports aiohttp's client."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Final, Protocol
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from refold_async._core.proxies import proxy_for
from refold_async._core.requests import Request
from refold_async._core.responses import AttemptState, Response
from refold_async._core.transport import fast
from refold_async._core.transport.client_certificates import closes_unasked
from refold_async._core.transport.errors import (
    EncodingError,
    TooLargeError,
    certificate_suspected,
    explain,
    is_loss,
    proxy_refusal,
)
from refold_async._core.transport.fast import FastTransport
from refold_async.deadlines import OutOfTimeError, wait_until
from refold_async.errors import ClosedError, Fate, RefoldError
from refold_async.settings import Settings

if TYPE_CHECKING:
    from refold_async._core.transport.uploads import UploadTransport

__all__ = ["FAILURES", "ConnectionPool"]

# aiohttp raises all of these, e.g. a bare RuntimeError from a closed session: one left out would reach the
# caller without a fate. Not `Exception`, which would hide bugs.
FAILURES: Final = (
    aiohttp.ClientError,
    HttpProcessingError,
    EncodingError,
    TooLargeError,
    OSError,
    RuntimeError,
    ValueError,
)
"""What an exchange raises if it fails; `ConnectionPool.explain` says what that means."""

TRANSPORT_VARIABLE: Final = "REFOLD_TRANSPORT"
"""The environment variable that, set to `public`, turns the fast transport off."""


class Transport(Protocol):
    """Sends requests and reads their responses."""

    @property
    def http(self) -> aiohttp.ClientSession:
        """The session that its connections are opened with."""
        ...

    async def exchange(
        self, request: Request, credential: Mapping[str, str], state: AttemptState, due: float
    ) -> Response:
        """Send one request with its credential, and read its whole response."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


class ConnectionPool:
    """The pooled connections of one session."""

    def __init__(self, base_url: str, settings: Settings) -> None:
        self._base_url = base_url
        self._limit = settings.max_response_bytes
        self._closed = False
        self._settings = settings
        self._proxy = proxy_for(base_url, settings)
        self._forwarded = self._proxy is not None and urlsplit(base_url).scheme == "http"
        self._transport = _transport(base_url, settings, self._proxy)
        self._uploads: UploadTransport | None = None
        self._inspects = True
        self._answered = False
        self._may_demand_certificate = self._proxy is None and urlsplit(base_url).scheme == "https"

    async def aclose(self) -> None:
        """Close all connections; exchanges under way fail. Idempotent."""
        self._closed = True
        try:
            await self._transport.aclose()
        finally:
            if self._uploads is not None:
                await self._uploads.aclose()

    def exchange(
        self, request: Request, credential: Mapping[str, str], state: AttemptState, due: float
    ) -> Coroutine[Any, Any, Response]:
        """Send one request and read its whole response.

        Args:
            request: The request.
            credential: The headers that carry the credential.
            state: Is updated when the request may have been sent.
            due: When to time out, by the event loop's clock; `math.inf` for never.

        Raises:
            RefoldError: If the response is a proxy's own, or the pool was closed before the exchange.
            InvalidCallError: If a file of the body cannot be read.
            OutOfTimeError: If `due` passed.
            Exception: Any of `FAILURES`, for `explain`.
        """
        if self._closed:
            raise ClosedError("the client is closed")
        # No coroutine around the transport's own: each one costs as much as preparing the call.
        if self._inspects or request.upload is not None:
            return self._inspected(request, credential, state, due)
        return self._transport.exchange(request, credential, state, due)

    async def _inspected(
        self, request: Request, credential: Mapping[str, str], state: AttemptState, due: float
    ) -> Response:
        transport = self._transport if request.upload is None else self._for_uploads()
        response = await transport.exchange(request, credential, state, due)
        if self._inspects:
            self._inspect(response)
        return response

    async def explain(self, error: Exception, state: AttemptState, due: float) -> RefoldError:
        """Return the error that reports a failed exchange to the caller.

        Args:
            error: What the exchange raised, one of `FAILURES`.
            state: Its state.
            due: When it would have timed out.

        Returns:
            A `ConnectionFailedError` if no connection could be made, or it was lost; an
            `UnreadableReplyError` if the response is not HTTP, or larger than the limit; a `ClosedError` if
            the pool was closed meanwhile.
        """
        if self._closed:
            return ClosedError("the client was closed during the call", fate=state.fate)
        failure = self._with_proxy(explain(error, state.fate, self._base_url, self._limit, self._proxy))
        if is_loss(error, failure) and not self._answered and await self._demands_certificate(due):
            failure = certificate_suspected(self._base_url, state.fate)
        return failure

    def _for_uploads(self) -> Transport:
        if self._uploads is None:
            from refold_async._core.transport.uploads import UploadTransport  # noqa: PLC0415 - for uploads only

            self._uploads = UploadTransport(self._base_url, self._settings, self._proxy)
        return self._uploads

    def _inspect(self, response: Response) -> None:
        """Note that the server answers; raise if a response is that of a proxy which forwards requests."""
        self._answered = True
        self._inspects = self._forwarded
        if not self._forwarded:
            return
        status = response.status
        own = any(name in response.headers for name in ("Proxy-Status", "X-Squid-Error"))
        if status == 407 or (own and status >= 400):
            # A gateway error may come after the request was forwarded.
            fate: Fate = "unknown" if status >= 500 else "not_sent"
            raise self._with_proxy(proxy_refusal(status, urlsplit(self._base_url).netloc, fate))

    def _with_proxy(self, failure: RefoldError) -> RefoldError:
        """Name the proxy in an error, which may be its fault rather than the server's."""
        name = "" if self._proxy is None else urlsplit(self._proxy).netloc.rpartition("@")[2]
        if name and f"proxy {name}" not in failure.message:
            failure.message = f"{failure.message} (through the proxy {name})"
            failure.args = (failure.message,)
        return failure

    async def _demands_certificate(self, due: float) -> bool:
        """Whether the first exchanges were probably lost for want of a client certificate; asked once."""
        if not self._may_demand_certificate:
            return False
        self._may_demand_certificate = False
        with contextlib.suppress(aiohttp.ClientError, OSError, OutOfTimeError):
            probe = closes_unasked(self._transport.http, self._base_url, self._settings)
            self._may_demand_certificate = await wait_until(due, probe)
        return self._may_demand_certificate


def _transport(base_url: str, settings: Settings, proxy: str | None) -> Transport:
    """Return the fast transport if it supports this set-up, else the public one."""
    plain_proxy = proxy is not None and urlsplit(base_url).scheme == "http"
    if plain_proxy or os.environ.get(TRANSPORT_VARIABLE) == "public" or not fast.supported():
        from refold_async._core.transport.public import PublicTransport  # noqa: PLC0415 - the exception

        return PublicTransport(base_url, settings, proxy)
    return FastTransport(base_url, settings, proxy)
