"""Decoding long lists in slices, so that the event loop is not held for the whole of them."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec

from refold_async._core.decoding import decode_into
from refold_async._core.lenient_json import repair
from refold_async._core.pydantic_types import adapter_of, decode_model
from refold_async.errors import UnreadableReplyError

T = TypeVar("T")

SHORT: Final = 256 * 1024
"""Bytes of an answer up to which it is decoded at once."""

_SLICE: Final = 128 * 1024
"""Bytes that are decoded before other tasks may run: one to three milliseconds."""

_BETWEEN: Final = re.compile(rb"\}\s*,\s*\{")
_TRIES: Final = 8

_COMMA: Final = re.compile(r"\s*,\s*")
_scanner: Final = json.JSONDecoder(strict=False)

_ERRORS: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)

_raw_lists: Final = msgspec.json.Decoder(list[msgspec.Raw])
_raw_objects: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


Buffer = msgspec.Raw | memoryview | bytes


def _decoded(decoder: msgspec.json.Decoder[T], data: Buffer) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeError):
        return decoder.decode(repair(bytes(data)))  # it may hold half a character


class Pause:
    """Awaited, lets other tasks run: `asyncio.sleep(0)` without asyncio, which pure modules do not import."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        yield


def raw_at(data: msgspec.Raw, path: str) -> msgspec.Raw:
    """Return the JSON at a dotted path of keys, undecoded; the whole for an empty path.

    Raises:
        UnreadableReplyError: If there is nothing at the path.
    """
    rest = path
    while rest:
        try:
            members = _decoded(_raw_objects, data)
        except _ERRORS:
            members = {}
        key, rest = (rest, "") if rest in members else rest.split(".", 1) if "." in rest else (rest, "")
        if key not in members:
            raise UnreadableReplyError(f"the data has nothing at {path!r}", fate="unknown")
        data = members[key]
    return data


def _cut(text: memoryview, start: int) -> tuple[int, int] | None:
    """Return where the items of about one slice end, and where the next item begins."""
    size = 2 * _SLICE
    while True:
        part = text[start : start + size].tobytes().decode(errors="surrogateescape")
        if (found := _last_between(part)) is not None:
            end, following = (len(part[:each].encode(errors="surrogateescape")) for each in found)
            return start + end, start + following
        if start + size >= len(text):
            return None
        size *= 2  # an item is longer


def _last_between(part: str) -> tuple[int, int] | None:
    """Return where an item ends and the next one begins, if it can be one slice into a list's text."""
    found, place = None, len(part) - len(part.lstrip())
    with suppress(ValueError, RecursionError):  # the text ends within an item
        while found is None or place < _SLICE:
            _, end = _scanner.raw_decode(part, place)
            if (comma := _COMMA.match(part, end)) is None:
                break
            found, place = (end, comma.end()), comma.end()
    return found


class ListDecoder:
    """Decodes JSON lists into a type, a slice at a time; other tasks may run in between.

    Args:
        kind: The type of an item; `None` for dicts, lists, strings and numbers.
    """

    def __init__(self, kind: Any) -> None:
        self._kind: Final = Any if kind is None else kind
        self._adapter: Final = None if kind is None else adapter_of(kind)
        self._whole: Final = None if self._adapter else msgspec.json.Decoder(list[self._kind])  # type: ignore[name-defined]

    def decode(self, text: Buffer) -> list[Any] | None:
        """Decode a short list at once; returns `None` if it is odd, and needs `slices`."""
        if self._whole is None:
            return None
        try:
            items: list[Any] = self._whole.decode(text)
        except _ERRORS:
            return None
        return items

    def slices(self, data: Buffer) -> Iterator[list[Any]]:
        """Decode a list.

        Raises:
            UnreadableReplyError: If it is not a list, or an item does not fit the type; the message says
                which and where.
        """
        text, count, nested = memoryview(data), 0, False
        first = start = text[:64].tobytes().find(b"[") + 1
        while start and len(text) - start > SHORT:
            found = None if nested else self._first_items(text, start, count)
            if found is None:
                # The cuts were within items, e.g. orders of many lines: read them one by one from here on.
                nested, found = True, self._next_items(text, start, count)
            if found is None:
                break
            items, start = found
            count += len(items)
            yield items
        try:
            yield self._decode(text if start == first else b"".join((b"[", text[start:])), count)
        except _ERRORS as error:
            raise UnreadableReplyError(f"the data is not a list: {error}", fate="unknown") from None

    def _first_items(self, text: memoryview, start: int, count: int) -> tuple[list[Any], int] | None:
        """Return the items of about one slice, and where the next begins; `None` if it cannot be cut."""
        for between in islice(_BETWEEN.finditer(text, start + _SLICE), _TRIES):
            # What is a list up to here is cut between two of its items: inside of one, it would not be valid.
            with suppress(*_ERRORS):
                items = self._decode(b"".join((b"[", text[start : between.start() + 1], b"]")), count)
                return items, between.end() - 1
        return None

    def _next_items(self, text: memoryview, start: int, count: int) -> tuple[list[Any], int] | None:
        """Return the same by reading each item twice, wherever it has lists in it."""
        with suppress(*_ERRORS):
            if (cut := _cut(text, start)) is not None:
                return self._decode(b"".join((b"[", text[start : cut[0]], b"]")), count), cut[1]
        return None

    def _decode(self, text: Buffer, count: int) -> list[Any]:
        """Decode a part that has so many items before it."""
        if (items := self.decode(text)) is not None:
            return items
        raw = _decoded(_raw_lists, text)
        return [self._item(number, item) for number, item in enumerate(raw, count)]

    def _item(self, number: int, item: msgspec.Raw) -> Any:
        try:
            if self._adapter is not None:
                return decode_model(self._adapter, bytes(item))
            return decode_into(item, self._kind)
        except UnreadableReplyError as error:
            name = getattr(self._kind, "__name__", self._kind)
            said = error.message.partition(": ")[2] or error.message
            raise UnreadableReplyError(f"item {number} does not fit {name}: {said}", fate="unknown") from None
