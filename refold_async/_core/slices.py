"""Decoding long lists in slices, so that the event loop is not held for the whole of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Sequence
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


def _decoded(decoder: msgspec.json.Decoder[T], data: msgspec.Raw) -> T:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeError):
        return decoder.decode(repair(bytes(data)))  # it may hold half a character


class _Pause:
    """Awaited, lets other tasks run: `asyncio.sleep(0)` without asyncio, which pure modules do not import."""

    __slots__ = ()

    def __await__(self) -> Generator[None, None, None]:
        yield


def split_list(data: msgspec.Raw) -> list[msgspec.Raw]:
    """Split a JSON list into its items, undecoded.

    Raises:
        UnreadableReplyError: If it is not a JSON list.
    """
    try:
        return _decoded(_raw_lists, data)
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


async def decode_items(items: Sequence[msgspec.Raw], kind: Any) -> AsyncIterator[Any]:
    """Decode items one by one into a type, letting other tasks run after each slice.

    Args:
        items: The items, undecoded.
        kind: Their type; `None` for dicts, lists, strings and numbers.

    Raises:
        UnreadableReplyError: If an item does not fit the type; the message says which and where.
    """
    decode = msgspec.json.Decoder(Any if kind is None else kind).decode
    left = _SLICE
    for number, item in enumerate(items):
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
