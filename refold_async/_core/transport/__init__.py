"""The exchange of one request for one reply, on pooled connections: all that touches aiohttp's client."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final, Protocol
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from refold_async._core.requests import Request
from refold_async._core.responses import AttemptState, Response
from refold_async._core.transport import fast
from refold_async._core.transport.aiohttp_session import proxy_for
from refold_async._core.transport.errors import TooLargeError, explain
from refold_async._core.transport.fast import FastTransport
from refold_async._core.transport.public import PublicTransport
from refold_async._core.transport.uploads import UploadTransport
from refold_async.errors import ClosedError, RefoldError
from refold_async.settings import Settings

__all__ = ["ConnectionPool"]

TRANSPORT_VARIABLE: Final = "REFOLD_TRANSPORT"
"""Set to `public`, it makes every transport take the road over aiohttp's public session."""


class Transport(Protocol):
    """A way to exchange a request for a reply."""

    async def exchange(
        self, request: Request, credential: Mapping[str, str], progress: AttemptState, due: float
    ) -> Response:
        """Send one request with its credential, and read its whole reply."""
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
        self._transport = _transport(base_url, settings)
        self._uploads: UploadTransport | None = None

    async def aclose(self) -> None:
        """Close all connections; exchanges under way fail. Again is harmless."""
        self._closed = True
        try:
            await self._transport.aclose()
        finally:
            if self._uploads is not None:
                await self._uploads.aclose()

    async def exchange(
        self, request: Request, credential: Mapping[str, str], progress: AttemptState, due: float
    ) -> Response:
        """Send one request and read its whole reply.

        Args:
            request: What to send.
            credential: The headers that carry the credential.
            progress: Is told when the request may have left.
            due: When it is given up, by the event loop's clock; `math.inf` for never.

        Raises:
            ConnectionFailedError: No connection, or it was lost.
            UnreadableReplyError: The reply is not HTTP, or past the size limit.
            InvalidCallError: A file of the body cannot be read.
            ClosedError: The transport was closed, before or under way.
            OutOfTimeError: `due` came.
        """
        if self._closed:
            raise ClosedError("the client was closed")
        try:
            return await self._transport_for(request).exchange(request, credential, progress, due)
        except RefoldError:
            raise
        except (
            aiohttp.ClientError,
            HttpProcessingError,
            TooLargeError,
            OSError,
            RuntimeError,
            ValueError,
        ) as error:
            failure = self._explain(error, progress)
        try:
            raise failure
        finally:
            del failure

    def _transport_for(self, request: Request) -> Transport:
        if request.upload is None:
            return self._transport
        if self._uploads is None:
            self._uploads = UploadTransport(
                self._base_url, self._settings, proxy_for(self._base_url, self._settings)
            )
        return self._uploads

    def _explain(self, error: Exception, progress: AttemptState) -> RefoldError:
        if self._closed:
            return ClosedError("the client was closed during the call", fate=progress.fate)
        return explain(error, progress.fate, self._base_url, self._limit)


def _transport(base_url: str, settings: Settings) -> Transport:
    """Choose the direct road where it can be gone."""
    proxy = proxy_for(base_url, settings)
    plain_proxy = proxy is not None and urlsplit(base_url).scheme == "http"
    if plain_proxy or os.environ.get(TRANSPORT_VARIABLE) == "public" or not fast.supported():
        return PublicTransport(base_url, settings, proxy)
    return FastTransport(base_url, settings, proxy)
