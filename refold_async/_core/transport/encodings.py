"""Decodes the content encodings that aiohttp leaves alone: other spellings of gzip, and several in a row."""

from __future__ import annotations

import zlib
from typing import Final

from refold_async._core.transport.errors import EncodingError, TooLargeError

_GZIP: Final = 16 + zlib.MAX_WBITS
_WINDOWS: Final = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}
"""The encodings that requests accept, as RFC 9110 spells them, and what zlib calls them."""

_MOST: Final = 4
"""The most encodings of one body. Each may multiply its size, and more are an attack rather than a proxy."""


def decode(body: bytes, encoding: str, limit: int) -> bytes:
    """Decode a body.

    Args:
        body: The body as it was received.
        encoding: The value of its `Content-Encoding` header.
        limit: The largest result, in bytes.

    Raises:
        EncodingError: If an encoding was not requested, or the body is not encoded so.
        TooLargeError: If the result is larger than the limit.
    """
    names = [name for name in (part.strip().lower() for part in encoding.split(",")) if name not in _NONE]
    if unknown := [name for name in names if name not in _WINDOWS]:
        raise EncodingError(unknown[0])
    if len(names) > _MOST:
        raise EncodingError(encoding[:100])
    for name in reversed(names):
        body = _inflate(body, _WINDOWS[name], limit)
    return body


_NONE: Final = frozenset({"", "identity"})


def _inflate(body: bytes, window: int, limit: int) -> bytes:
    stream = zlib.decompressobj(window)
    try:
        plain = stream.decompress(body, limit + 1)
    except zlib.error:
        raise EncodingError from None
    if len(plain) > limit:
        raise TooLargeError
    # Services send one gzip member; an endless row of empty ones is an attack.
    if not stream.eof or stream.unused_data:
        raise EncodingError
    return plain
