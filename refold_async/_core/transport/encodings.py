"""Decodes the content encodings of bodies, several in a row too.

aiohttp's own decoding is turned off: it refuses a response whose encoding it does not know together with
its status, which decides the fate of the call.
"""

from __future__ import annotations

import zlib
from typing import Final

from refold_async._core.transport.errors import EncodingError, TooLargeError

_GZIP: Final = 16 + zlib.MAX_WBITS
_RAW: Final = -zlib.MAX_WBITS
_WINDOWS: Final = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": zlib.MAX_WBITS}
"""The encodings that requests accept, as RFC 9110 spells them, and what zlib calls them."""

_NONE: Final = frozenset({"", "identity"})

_MOST: Final = 4
"""The most encodings of one body. Each may multiply its size, and more are an attack rather than a proxy."""

_MOST_MEMBERS: Final = 100
"""The most gzip members of one body. Services send one; an endless row of empty ones is an attack."""


class BodyDecoder:
    """Decodes a body as its parts arrive.

    Args:
        encoding: The value of its `Content-Encoding` header.
        limit: The largest result, in bytes.

    Raises:
        EncodingError: If an encoding was not requested.
    """

    __slots__ = ("_stages",)

    def __init__(self, encoding: str, limit: int) -> None:
        names = [name for name in (part.strip().lower() for part in encoding.split(",")) if name not in _NONE]
        if unknown := [name for name in names if name not in _WINDOWS]:
            raise EncodingError(unknown[0])
        if len(names) > _MOST:
            raise EncodingError(encoding[:100])
        self._stages: Final = [_Stage(_WINDOWS[name], limit) for name in reversed(names)]

    def feed(self, part: bytes) -> bytes:
        """Return what a part decodes to.

        Raises:
            EncodingError: If the body is not encoded so.
            TooLargeError: If the result is larger than the limit.
        """
        for stage in self._stages:
            part = stage.feed(part)
        return part

    def end(self) -> None:
        """Check that the body was whole.

        Raises:
            EncodingError: If it was not.
        """
        for stage in self._stages:
            stage.end()


class _Stage:
    """Undoes one encoding."""

    __slots__ = ("_left", "_members", "_stream", "_window")

    def __init__(self, window: int, limit: int) -> None:
        self._window = window
        self._left = limit
        self._members = 0
        self._stream: zlib._Decompress | None = None

    def feed(self, part: bytes) -> bytes:
        plain = b""
        while part:
            if self._stream is None or self._stream.eof:
                self._stream = self._next(part[0])
            try:
                # One byte more than there is room for: none would mean that there is no limit.
                found = self._stream.decompress(part, self._left + 1)
            except zlib.error:
                raise EncodingError from None
            self._left -= len(found)
            if self._left < 0:
                raise TooLargeError
            plain = plain + found if plain else found
            part = self._stream.unused_data
        return plain

    def _next(self, first: int) -> zlib._Decompress:
        """Return the decompressor of the body, or of its next member."""
        self._members += 1
        if self._members > (_MOST_MEMBERS if self._window == _GZIP else 1):
            raise EncodingError
        # Some servers send deflate without the header that RFC 9110 asks for, whose first byte ends in 8.
        is_raw = self._window == zlib.MAX_WBITS and first & 0xF != 8
        return zlib.decompressobj(_RAW if is_raw else self._window)

    def end(self) -> None:
        if self._stream is not None and not self._stream.eof:
            raise EncodingError


def decode(body: bytes, encoding: str, limit: int) -> bytes:
    """Decode a whole body.

    Args:
        body: The body as it was received.
        encoding: The value of its `Content-Encoding` header.
        limit: The largest result, in bytes.

    Raises:
        EncodingError: If an encoding was not requested, or the body is not encoded so.
        TooLargeError: If the result is larger than the limit.
    """
    decoder = BodyDecoder(encoding, limit)
    plain = decoder.feed(body)
    decoder.end()
    return plain
