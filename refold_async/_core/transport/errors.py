"""aiohttp's exceptions, and ours in their place."""

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
    """A reply's body has more bytes than the limit, as sent or as unpacked."""


def explain(error: Exception, fate: Fate, base_url: str, limit: int) -> RefoldError:  # noqa: C901, PLR0911, PLR0912 - one ladder, a rung each
    """Make our error of one of aiohttp's, in words that repeat nothing of the request.

    Args:
        error: What aiohttp raised.
        fate: What became of the attempt.
        base_url: Whose host the words name.
        limit: The largest reply that is read, in bytes.
    """
    host = urlsplit(base_url).netloc
    match error:
        case aiohttp.ClientConnectorCertificateError():
            reason = getattr(error.certificate_error, "verify_message", "") or "it could not be verified"
            return CertificateError(f"the TLS certificate of {host} was refused: {reason}")
        case aiohttp.ClientConnectorDNSError():
            return ConnectionFailedError(f"the name of {error.host} could not be resolved")
        case aiohttp.ClientSSLError():
            return ConnectionFailedError(f"the TLS handshake with {host} failed{_tls_words(error.os_error)}")
        case aiohttp.ClientProxyConnectionError():
            proxy = f"{error.host}:{error.port}"
            return ConnectionFailedError(f"no connection to the proxy {proxy}: {_os_words(error.os_error)}")
        case aiohttp.ClientHttpProxyError():
            return ConnectionFailedError(
                f"the proxy gave no connection to {host}: it answered {error.status}"
            )
        case aiohttp.ClientConnectorError():
            return ConnectionFailedError(f"no connection to {host}: {_os_words(error.os_error)}")
        case aiohttp.ConnectionTimeoutError():
            return ConnectionFailedError(f"no connection to {host} within 10 s")
        case aiohttp.ClientPayloadError() if isinstance(error.__cause__, ContentEncodingError):
            return UnreadableReplyError("the answer's compression is broken", fate=fate)
        case aiohttp.ClientPayloadError():
            return ConnectionFailedError(f"the connection to {host} was lost within the answer", fate=fate)
        case TooLargeError():
            return ReplyTooLargeError(f"the answer is larger than max_response_bytes ({limit:,})", fate=fate)
        case aiohttp.ClientResponseError() | HttpProcessingError():
            return UnreadableReplyError(f"the answer of {host} is not HTTP", fate=fate)
        case ValueError() if fate == "not_sent":
            return ConnectionFailedError(f"the request to {host} could not be made")
        case _:
            return ConnectionFailedError(f"the connection to {host} was lost", fate=fate)


def _os_words(error: OSError) -> str:
    """Say why in the system's words; asyncio's own tell the address alone."""
    return os.strerror(error.errno).lower() if error.errno else type(error).__name__


def _tls_words(error: OSError) -> str:
    reason = getattr(error, "reason", None)
    return f": {reason.lower().replace('_', ' ')}" if isinstance(reason, str) else ""
