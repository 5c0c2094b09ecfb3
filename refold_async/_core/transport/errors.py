"""Translates aiohttp's exceptions into those of the SDK."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError

from refold_async.errors import (
    CertificateError,
    ConnectionFailedError,
    Fate,
    RefoldError,
    ReplyTooLargeError,
    UnreadableReplyError,
)


class TooLargeError(Exception):
    """The body of a response is larger than the limit, before or after decompression."""


def explain(error: Exception, fate: Fate, base_url: str, limit: int) -> RefoldError:  # noqa: C901, PLR0911, PLR0912 - one case per exception
    """Return the SDK's error for one of aiohttp's. Its message repeats nothing of the request.

    Args:
        error: The exception that aiohttp raised.
        fate: The fate of the attempt.
        base_url: The base URL, whose host the message names.
        limit: The largest response that is read, in bytes.
    """
    host = urlsplit(base_url).netloc
    match error:
        case aiohttp.ClientConnectorCertificateError():
            reason = getattr(error.certificate_error, "verify_message", "") or "it could not be verified"
            return CertificateError(f"the TLS certificate of {host} was refused: {reason}")
        case aiohttp.ClientConnectorDNSError():
            return ConnectionFailedError(f"could not resolve the host name {error.host}")
        case aiohttp.ClientSSLError():
            return ConnectionFailedError(f"the TLS handshake with {host} failed{_tls_words(error.os_error)}")
        case aiohttp.ClientProxyConnectionError():
            proxy = f"{error.host}:{error.port}"
            return ConnectionFailedError(
                f"could not connect to the proxy {proxy}: {_os_words(error.os_error)}"
            )
        case aiohttp.ClientHttpProxyError():
            return ConnectionFailedError(f"the proxy refused to connect to {host}: HTTP {error.status}")
        case aiohttp.ClientConnectorError():
            return ConnectionFailedError(f"could not connect to {host}: {_os_words(error.os_error)}")
        case aiohttp.ConnectionTimeoutError():
            return ConnectionFailedError(f"could not connect to {host} within 10 s")
        case aiohttp.ClientPayloadError() if isinstance(error.__cause__, ContentEncodingError):
            return UnreadableReplyError("the response's compression is broken", fate=fate)
        case aiohttp.ClientPayloadError():
            return ConnectionFailedError(
                f"the connection to {host} was lost while reading the response", fate=fate
            )
        case TooLargeError():
            return ReplyTooLargeError(
                f"the response is larger than max_response_bytes ({limit:,})", fate=fate
            )
        case aiohttp.ClientResponseError() | HttpProcessingError():
            return UnreadableReplyError(f"the response from {host} is not HTTP", fate=fate)
        case ValueError() if fate == "not_sent":
            return ConnectionFailedError(f"the request to {host} could not be built")
        case _:
            return ConnectionFailedError(f"the connection to {host} was lost", fate=fate)


def _os_words(error: OSError) -> str:
    """Return the system's reason; asyncio's message may name the address alone."""
    return os.strerror(error.errno).lower() if error.errno else type(error).__name__


def _tls_words(error: OSError) -> str:
    reason = getattr(error, "reason", None)
    return f": {reason.lower().replace('_', ' ')}" if isinstance(reason, str) else ""
