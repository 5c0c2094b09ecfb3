"""Text for PostgreSQL, which stores every character but NUL."""

from __future__ import annotations

import re
from typing import Final

_ESCAPED: Final = re.compile(r"\\[\\0]")


def escaped(text: str) -> str:
    r"""Return a string without NUL: as `\0`, and a backslash as `\\`."""
    if "\\" in text or "\0" in text:
        return text.replace("\\", "\\\\").replace("\0", "\\0")
    return text


def unescaped(text: str) -> str:
    """Return the text that was escaped."""
    return _ESCAPED.sub(lambda found: "\0" if found[0] == "\\0" else "\\", text) if "\\" in text else text
