"""Decoding long lists in slices, so that the event loop is not held for the whole of them."""

from __future__ import annotations

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

_SLICE: Final = 128 * 1024
"""Bytes that are decoded before other tasks may run: one to three milliseconds."""

_BETWEEN: Final = re.compile(rb"\}\s*,\s*\{")
_TRIES: Final = 8

_raw_lists: Final = msgspec.json.Decoder(list[msgspec.Raw])
_raw_objects: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def _decoded(decoder: msgspec.json.Decoder[T], data: msgspec.Raw | bytes) -> T:
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
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            members = {}
        key, rest = (rest, "") if rest in members else rest.split(".", 1) if "." in rest else (rest, "")
        if key not in members:
            raise UnreadableReplyError(f"the data has nothing at {path!r}", fate="unknown")
        data = members[key]
    return data


def decode_slices(data: msgspec.Raw, kind: Any) -> Iterator[list[Any]]:
    """Decode the items of a JSON list into a type, a slice at a time; other tasks may run in between.

    Args:
        data: The list.
        kind: The type of an item; `None` for dicts, lists, strings and numbers.

    Raises:
        UnreadableReplyError: If it is not a list, or an item does not fit the type; the message says which
            and where.
    """
    decoder = _ItemDecoder(kind)
    text = memoryview(data)
    start = text[:64].tobytes().find(b"[") + 1
    while start and len(text) - start > 2 * _SLICE and (found := _first_items(text, start, decoder)):
        items, start = found
        yield items
    rest = b"".join((b"[", text[start:])) if start else text.tobytes()
    try:
        yield decoder.decode(rest)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise UnreadableReplyError(f"the data is not a list: {error}", fate="unknown") from None


def _first_items(text: memoryview, start: int, decoder: _ItemDecoder) -> tuple[list[Any], int] | None:
    """Return the items of about one slice, and where the next begins; `None` if no place to cut is found."""
    for between in islice(_BETWEEN.finditer(text, start + _SLICE), _TRIES):
        # What is a list up to here is cut between two of its items: inside of one, it would not be valid.
        with suppress(msgspec.MsgspecError, UnicodeError, RecursionError):
            items = decoder.decode(b"".join((b"[", text[start : between.start() + 1], b"]")))
            return items, between.end() - 1
    return None


class _ItemDecoder:
    """Decodes parts of a list, one after the other.

    Args:
        kind: The type of an item; `None` for any.
    """

    def __init__(self, kind: Any) -> None:
        self._kind: Final = Any if kind is None else kind
        self._adapter: Final = None if kind is None else adapter_of(kind)
        self._whole: Final = None if self._adapter else msgspec.json.Decoder(list[self._kind])  # type: ignore[name-defined]
        self._count = 0

    def decode(self, text: bytes) -> list[Any]:
        """Decode the next part.

        Raises:
            UnreadableReplyError: If an item does not fit the type.
            msgspec.MsgspecError: If the part is not a list.
        """
        items = self._at_once(text)
        if items is None:
            raw = _decoded(_raw_lists, text)
            items = [self._item(number, item) for number, item in enumerate(raw, self._count)]
        self._count += len(items)
        return items

    def _at_once(self, text: bytes) -> list[Any] | None:
        """Return the items; `None` if one of them is odd, or the part is not a list."""
        with suppress(msgspec.MsgspecError, UnicodeError, RecursionError):
            return None if self._whole is None else self._whole.decode(text)
        return None

    def _item(self, number: int, item: msgspec.Raw) -> Any:
        try:
            if self._adapter is not None:
                return decode_model(self._adapter, bytes(item))
            return decode_into(item, self._kind)
        except UnreadableReplyError as error:
            name = getattr(self._kind, "__name__", self._kind)
            said = error.message.partition(": ")[2] or error.message
            raise UnreadableReplyError(f"item {number} does not fit {name}: {said}", fate="unknown") from None
