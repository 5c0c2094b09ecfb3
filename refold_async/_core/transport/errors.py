"""Translates aiohttp's exceptions into those of the SDK."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from refold_async._core.retries import TRANSIENT_STATUSES
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


class EncodingError(Exception):
    """The body of a response has a content encoding that was not requested, or is broken.

    Args:
        encoding: The encoding that was not requested; `None` if the body is broken.
    """

    def __init__(self, encoding: str | None = None) -> None:
        super().__init__(encoding)
        self.encoding = encoding


class UnreadableFileError(Exception):
    """A file to upload could not be read while it was sent.

    Args:
        name: Its name in the form.
        reason: Why.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"the file for {name!r} could not be read while it was sent: {reason}")


def explain(  # noqa: PLR0911 - one case per exception
    error: Exception, fate: Fate, base_url: str, limit: int, proxy: str | None = None
) -> RefoldError:
    """Return the SDK's error for one of aiohttp's. Its message repeats nothing of the request.

    Args:
        error: The exception that aiohttp raised.
        fate: The fate of the attempt.
        base_url: The base URL, whose host the message names.
        limit: The largest response that is read, in bytes.
        proxy: The URL of the proxy, whose host is then the one that is looked up.
    """
    host = urlsplit(base_url).netloc
    match error:
        case aiohttp.ClientConnectorError() | aiohttp.ClientHttpProxyError():
            return _not_connected(error, host)
        case aiohttp.ConnectionTimeoutError():
            return ConnectionFailedError(f"could not connect to {host} within 10 s")
        case aiohttp.ClientPayloadError():
            return ConnectionFailedError(
                f"the connection to {host} was lost while reading the response", fate=fate
            )
        case EncodingError():
            return _encoded(error.encoding, fate)
        case TooLargeError():
            return ReplyTooLargeError(
                f"the response is larger than max_response_bytes ({limit:,})", fate=fate
            )
        case aiohttp.ClientResponseError() | HttpProcessingError():
            return _not_http(error, host, fate)
        case UnicodeError() if fate == "not_sent":  # a label of the name is empty or too long
            return _permanent(f"{urlsplit(proxy or base_url).hostname!r} is not a valid host name", fate)
        case ValueError() if fate == "not_sent":
            return ConnectionFailedError(f"the request to {host} could not be built")
        case _:
            return _lost(error, host, fate)


def _permanent(message: str, fate: Fate) -> ConnectionFailedError:
    """Return the error for what would fail again."""
    failure = ConnectionFailedError(message, fate=fate)
    failure.transient = False
    return failure


def _not_connected(
    error: aiohttp.ClientConnectorError | aiohttp.ClientHttpProxyError, host: str
) -> ConnectionFailedError:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            reason = getattr(error.certificate_error, "verify_message", "") or "it could not be verified"
            return CertificateError(f"the TLS certificate of {host} was refused: {reason}")
        case aiohttp.ClientConnectorDNSError():
            return ConnectionFailedError(f"could not resolve the host name {error.host}")
        case aiohttp.ClientSSLError():
            return _no_handshake(error.os_error, host)
        case aiohttp.ClientProxyConnectionError():
            proxy = f"{error.host}:{error.port}"
            return ConnectionFailedError(
                f"could not connect to the proxy {proxy}: {_os_words(error.os_error)}"
            )
        case aiohttp.ClientHttpProxyError():
            return proxy_refusal(error.status, host)
        case _:
            return ConnectionFailedError(f"could not connect to {host}: {_os_words(error.os_error)}")


def proxy_refusal(status: int, host: str, fate: Fate = "not_sent") -> ConnectionFailedError:
    """Return the error for a response of the proxy itself, which did not forward the request."""
    message = f"the proxy refused to connect to {host}: HTTP {status}"
    if status == 407:
        message += ", it requires another username and password"
    failure = ConnectionFailedError(message, fate=fate)
    # Not again: the same password would be refused again, and accounts are locked for that.
    failure.transient = status in TRANSIENT_STATUSES
    return failure


def _no_handshake(error: OSError, host: str) -> ConnectionFailedError:
    if _demands_certificate(error):
        return _certificate_demanded(error, host, "not_sent")
    not_tls = _reason(error) in _NOT_TLS
    hint = "; does it serve http:// rather than https://?" if not_tls else ""
    failure = ConnectionFailedError(f"the TLS handshake with {host} failed{_tls_words(error)}{hint}")
    failure.transient = not not_tls
    return failure


_NOT_TLS: Final = frozenset({"WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"})
"""What versions of OpenSSL report if the server does not speak TLS."""

_CERTIFICATE_ALERTS: Final = ("CERTIFICATE_REQUIRED", "BAD_CERTIFICATE", "UNKNOWN_CA", "CERTIFICATE_UNKNOWN")
"""How the names of the alerts end by which a server refuses the client's certificate, or its absence."""


def _demands_certificate(error: BaseException) -> bool:
    reason = _reason(error)
    return "ALERT" in reason and reason.endswith(_CERTIFICATE_ALERTS)


def _certificate_demanded(error: BaseException, host: str, fate: Fate) -> CertificateError:
    return CertificateError(
        f"{host} refused the TLS connection: it wants another client certificate{_tls_words(error)}",
        fate=fate,
    )


def certificate_suspected(base_url: str, fate: Fate) -> ConnectionFailedError:
    """Return the error for a server that closes its connections right after the TLS handshake."""
    failure = ConnectionFailedError(
        f"{urlsplit(base_url).netloc} closes connections right after the TLS handshake: "
        "it probably demands a client certificate",
        fate=fate,
    )
    failure.transient = False
    return failure


def is_loss(error: Exception, explained: RefoldError) -> bool:
    """Whether a connection was made, and lost for an unknown reason."""
    unmade = isinstance(error, aiohttp.ClientConnectorError | aiohttp.ServerTimeoutError)
    return (
        isinstance(error, aiohttp.ClientConnectionError)
        and not unmade
        and type(explained) is ConnectionFailedError
    )


def _lost(error: Exception, host: str, fate: Fate) -> ConnectionFailedError:
    for each in _causes(error):
        if _demands_certificate(each):
            return _certificate_demanded(each, host, fate)
        if isinstance(each, UnreadableFileError):
            return _permanent(str(each), fate)
    return ConnectionFailedError(f"the connection to {host} was lost", fate=fate)


def _not_http(error: Exception, host: str, fate: Fate) -> UnreadableReplyError:
    for each in _causes(error):
        if isinstance(each, LineTooLong) or "Too many headers" in str(each):
            return UnreadableReplyError(f"the headers of the response from {host} are too large", fate=fate)
    return _damaged(f"the response from {host} is not valid HTTP", fate)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an exception and those that it was raised from: aiohttp's parser raises one from another."""
    while error is not None:
        yield error
        error = error.__cause__


def _encoded(encoding: str | None, fate: Fate) -> UnreadableReplyError:
    if encoding is None:
        return _damaged("the response's compression is broken", fate)
    return UnreadableReplyError(
        f"the response has the content encoding {encoding!r}, which was not requested", fate=fate
    )


def _damaged(message: str, fate: Fate) -> UnreadableReplyError:
    """Return the error for a response that was damaged on its way, so that another one may be whole."""
    failure = UnreadableReplyError(message, fate=fate)
    failure.transient = True
    return failure


def _os_words(error: OSError) -> str:
    """Return the system's reason; asyncio's message may name the address alone."""
    if isinstance(error, socket.gaierror):  # its numbers are not the system's
        return str(error.strerror).lower()
    return os.strerror(error.errno).lower() if error.errno else type(error).__name__


def _reason(error: BaseException) -> str:
    """Return OpenSSL's name of what went wrong, or an empty string."""
    reason = getattr(error, "reason", None) if isinstance(error, ssl.SSLError) else None
    return reason if isinstance(reason, str) else ""


def _tls_words(error: BaseException) -> str:
    reason = _reason(error).lower().replace("_", " ")
    return f": {reason}" if reason else ""
