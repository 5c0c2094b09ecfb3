"""Decoding long lists in slices, so that the event loop is not held for the whole of them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Generator, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec

from refold_async._core.decoding import decode_into
from refold_async._core.lenient_json import repair
from refold_async.errors import UnreadableReplyError

T = TypeVar("T")

_SLICE: Final = 128 * 1024
"""Bytes that are decoded before other tasks may run: one to three milliseconds."""

_raw_lists: Final = msgspec.json.Decoder(list[msgspec.Raw])
_raw_objects: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _decoded(decoder: msgspec.json.Decoder[T], data: msgspec.Raw | bytes) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeError):
        return decoder.decode(repair(bytes(data)))  # it may hold half a character


class _Pause:
    """Awaited, lets other tasks run: `asyncio.sleep(0)` without asyncio, which pure modules do not import."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        yield


_CHUNK: Final = 512 * 1024
"""Bytes of a list that are split into items at once."""

_BETWEEN: Final = re.compile(rb"\}\s*,\s*\{")
_TRIES: Final = 8


def split_list(data: msgspec.Raw) -> Iterator[list[msgspec.Raw]]:
    """Split a JSON list into its items, undecoded, some at a time.

    Raises:
        UnreadableReplyError: If it is not a JSON list.
    """
    text = memoryview(data)
    start = text[:64].tobytes().find(b"[") + 1
    while start and len(text) - start > 2 * _CHUNK and (found := _first_items(text, start)) is not None:
        items, start = found
        yield items
    yield _items(b"".join((b"[", text[start:])) if start else data)


def _first_items(text: memoryview, start: int) -> tuple[list[msgspec.Raw], int] | None:
    """Return the items of about one chunk, and where the next begins; `None` if no place to cut is found."""
    for between in islice(_BETWEEN.finditer(text, start + _CHUNK), _TRIES):
        # What is a list up to here is cut between two of its items: inside of one, it would not be valid.
        with suppress(msgspec.MsgspecError, UnicodeError, RecursionError):
            items = _raw_lists.decode(b"".join((b"[", text[start : between.start() + 1], b"]")))
            return items, between.end() - 1
    return None


def _items(text: bytes | msgspec.Raw) -> list[msgspec.Raw]:
    try:
        return _decoded(_raw_lists, text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise UnreadableReplyError(f"the data is not a list: {error}", fate="unknown") from None


def raw_at(data: msgspec.Raw, path: str) -> msgspec.Raw:
    """Return the JSON at a dotted path of keys, undecoded; the whole for an empty path.

    Raises:
        UnreadableReplyError: If there is nothing at the path.
    """
    rest = path
    while rest:
        try:
            members = _decoded(_raw_objects, data)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            members = {}
        key, rest = (rest, "") if rest in members else rest.split(".", 1) if "." in rest else (rest, "")
        if key not in members:
            raise UnreadableReplyError(f"the data has nothing at {path!r}", fate="unknown")
        data = members[key]
    return data


async def decode_items(data: msgspec.Raw, kind: Any) -> AsyncIterator[Any]:
    """Decode the items of a JSON list one by one into a type, letting other tasks run after each slice.

    Args:
        data: The list.
        kind: The type of an item; `None` for dicts, lists, strings and numbers.

    Raises:
        UnreadableReplyError: If it is not a list, or an item does not fit the type; the message says which
            and where.
    """
    decode = msgspec.json.Decoder(Any if kind is None else kind).decode
    left, number = _SLICE, -1
    for items in split_list(data):
        for item in items:
            number += 1
            left -= len(memoryview(item))
            if left < 0:
                left = _SLICE
                await _Pause()
            try:
                record = decode(item)
            except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
                record = _odd_record(number, item, kind, error)
            yield record


def _odd_record(number: int, item: msgspec.Raw, kind: Any, error: Exception) -> Any:
    try:
        return decode_into(item, Any if kind is None else kind)
    except UnreadableReplyError:
        name = getattr(kind, "__name__", kind)
        raise UnreadableReplyError(f"item {number} does not fit {name}: {error}", fate="unknown") from None
