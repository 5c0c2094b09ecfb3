"""A value as one line of JSON, whatever the parts were that services wrote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import msgspec

from refold_async._core.lenient_json import repair


def json_line(value: object) -> bytes:
    """Return a value as one line of JSON with its line end, whatever formatting its parts came with."""
    # A line break within JSON is only ever between tokens: in a string it is escaped.
    line = _encoded(value).translate(None, b"\r\n\t")
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
        plain = msgspec.to_builtins(value, enc_hook=_plain)
        return json.dumps(plain, separators=(",", ":")).encode()


def _plain(value: object) -> object:
    if isinstance(value, msgspec.Raw):
        return json.loads(bytes(value))
    raise NotImplementedError(f"{type(value).__name__} cannot be written as JSON")


_encoder: Final = msgspec.json.Encoder()

_SEPARATORS: Final = "\x85\u2028\u2029"
"""Characters that some programs take for the end of a line."""
