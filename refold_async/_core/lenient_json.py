r"""JSON that its grammar allows and strict decoders refuse: lone surrogates, huge numbers, any depth.

Services cut strings inside an emoji, which leaves `"\ud83d"`: valid JSON, and no valid Unicode. Half a
character becomes U+FFFD here, so that what is decoded can be printed, stored and encoded again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

# Every escape is matched, so that in `\\ud83d` the second backslash is not taken for the start of one.
_ESCAPE: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)
_REPLACEMENT: Final = rb"\ufffd"


def repair(body: bytes) -> bytes:
    """Return a JSON text with U+FFFD in place of half characters; the rest is as it came.

    Raises:
        UnicodeDecodeError: If it is not UTF-8.
    """
    repaired = _ESCAPE.sub(lambda escape: _REPLACEMENT if escape[1] else escape[0], body)
    # Some services write the halves themselves as UTF-8: UTF-16 joins those that make a pair.
    halves = repaired.decode(errors="surrogatepass").encode("utf-16-le", "surrogatepass")
    return halves.decode("utf-16-le", "replace").encode()


def loads(body: bytes) -> Any:
    """Decode JSON into dicts, lists, strings and numbers; a number beyond a float is infinite.

    Raises:
        ValueError: If it is not JSON.
        RecursionError: If it is nested too deeply.
    """
    return json.loads(repair(body), parse_int=_integer, parse_constant=_refuse)


def _integer(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:  # Python limits the digits of an integer
        return float(text)


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


_TOKEN: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[\]{}:,]|[^\s\[\]{}:,"]+', re.DOTALL)
_NESTS: Final = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}


def members(body: bytes) -> dict[str, bytes]:
    """Return the members of an object, each value's JSON as it came, however deeply it is nested.

    Raises:
        ValueError: If the body is not a JSON object.
    """
    if not body.lstrip().startswith(b"{"):
        raise ValueError("not an object")
    # Nested too deeply for a decoder, that its brackets match is enough to find where a value ends.
    with suppress(RecursionError):
        loads(body)
    return dict(_members(body))


def _members(body: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the names and values of the outermost object."""
    depth, name, begin = 0, None, 0
    for token in _TOKEN.finditer(body):
        text = token[0]
        if depth == 1 and text in {b",", b"}"}:
            if name is not None:
                yield name, body[begin : token.start()].strip()
            name = None
        elif depth == 1 and name is None:
            name = str(loads(text))
        elif depth == 1 and text == b":":
            begin = token.end()
        depth += _NESTS.get(text, 0)
    if depth:
        raise ValueError("the brackets do not match")
