"""A value as one line of JSON, whatever the parts were that services wrote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import zip_longest
from typing import Final
from uuid import uuid4

import msgspec

from refold_async._core.lenient_json import repair


def json_line(value: object) -> bytes:
    """Return a value as one line of JSON with its line end, whatever formatting its parts came with."""
    # A line break within JSON is only ever between tokens: in a string it is escaped.
    line = _encoded(value).translate(None, b"\r\n\t")
    if line.isascii():
        return line + b"\n"
    if not _is_utf8(line):  # a part that a service wrote, kept as it came
        line = repair(line)
    for separator in _SEPARATORS:
        line = line.replace(separator.encode(), f"\\u{ord(separator):04x}".encode())
    return line + b"\n"


def json_lines(values: Sequence[object]) -> bytes:
    """Return values as lines of JSON, as `json_line` does each."""
    try:
        text = _encoder.encode_lines(values)
    except UnicodeEncodeError:
        text = b""
    # ASCII with no line break inside a value needs no repair: most rows are so, and are written at once.
    if text.isascii() and text.count(b"\n") == len(values) and b"\r" not in text:
        return text
    return b"".join(map(json_line, values))


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _encoded(value: object) -> bytes:
    try:
        return msgspec.json.encode(value)
    except UnicodeEncodeError:  # a lone surrogate, which JSON has only as an escape
        return _escaped(value)


def _escaped(value: object) -> bytes:
    """Encode a value with lone surrogates, its `msgspec.Raw` parts as they came."""
    # `json` writes escapes, but decoding the parts for it would change their numbers.
    mark, parts = uuid4().hex, list[bytes]()

    def hook(part: object) -> str:
        if not isinstance(part, msgspec.Raw):
            raise NotImplementedError(f"{type(part).__name__} cannot be written as JSON")
        parts.append(bytes(part))
        return mark

    plain = msgspec.to_builtins(value, enc_hook=hook)
    between = json.dumps(plain, separators=(",", ":")).encode().split(f'"{mark}"'.encode())
    return b"".join(text for pair in zip_longest(between, parts, fillvalue=b"") for text in pair)


_encoder: Final = msgspec.json.Encoder()

_SEPARATORS: Final = "\x85\u2028\u2029"
"""Characters that some programs take for the end of a line."""
