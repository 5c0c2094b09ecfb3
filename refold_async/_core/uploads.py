"""What a request with files carries: a description, whose files the transport reads as it sends them."""

from __future__ import annotations

import inspect
import io
import mimetypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Self

import msgspec

from refold_async.errors import InvalidCallError

Source = os.PathLike[str] | BinaryIO | bytes
"""Where a file's content is: at a path, in a binary file object, or in memory."""


class File(msgspec.Struct, frozen=True):
    """A file to send.

    Args:
        source: Where its content is: a path, a binary file object, or bytes.
        filename: What it is called; default: the name of its source.
        content_type: Its media type; default: guessed by its name.
    """

    source: Source
    filename: str | None = None
    content_type: str | None = None


FileLike = Source | File


class Part(msgspec.Struct, frozen=True):
    """A file in a form.

    Attributes:
        name: The form's field.
        source: Where its content is.
        filename: What it is called.
        content_type: Its media type.
        start: Of a file object that can be read again: where in it the content starts.
    """

    name: str
    source: Source
    filename: str
    content_type: str
    start: int | None = None

    @property
    def is_repeatable(self) -> bool:
        """Whether it can be read a second time."""
        return self.start is not None or isinstance(self.source, bytes | os.PathLike)


class Upload(msgspec.Struct, frozen=True):
    """A form with files: a request's body of the type `multipart/form-data`.

    Attributes:
        fields: Its plain fields.
        parts: Its files.
    """

    fields: Mapping[str, str]
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, fields: Mapping[str, str], files: Mapping[str, FileLike]) -> Self:
        """Make a form.

        Raises:
            InvalidCallError: A file is no path, no binary file object and no bytes.
        """
        return cls(fields, tuple(_part(name, file) for name, file in files.items()))

    @property
    def is_repeatable(self) -> bool:
        """Whether it can be sent a second time."""
        return all(part.is_repeatable for part in self.parts)


def _part(name: str, given: FileLike) -> Part:
    file = given if isinstance(given, File) else File(given)
    _check_text("a file's name in the form", name)
    if file.filename is not None:
        _check_text(f"the file name of {name!r}", file.filename)
    if file.content_type is not None:
        _check_text(f"the content type of {name!r}", file.content_type)
    filename = file.filename or _name_of(file.source) or name
    kind = file.content_type or mimetypes.guess_type(filename)[0] or "application/octet-stream"
    _check(name, file.source)
    return Part(name, file.source, filename, kind, _start_of(file.source))


def _check_text(what: str, text: object) -> None:
    if not isinstance(text, str):
        raise InvalidCallError(f"{what} must be a text, not {type(text).__name__}")


def _name_of(source: Source) -> str:
    path = source if isinstance(source, os.PathLike) else getattr(source, "name", "")
    return Path(os.fsdecode(path)).name if isinstance(path, str | os.PathLike) else ""


def _check(name: str, source: object) -> None:
    """Refuse what gives no bytes."""
    if isinstance(source, io.TextIOBase):
        raise InvalidCallError(f"the file for {name!r} is open as text; open it as binary")
    read = getattr(source, "read", None)
    readable = callable(read) and not inspect.iscoroutinefunction(read)
    if not isinstance(source, bytes | os.PathLike) and not readable:
        raise InvalidCallError(
            f"the file for {name!r} must be a path, a binary file object or bytes, "
            f"not {type(source).__name__}"
        )


def _start_of(source: Source) -> int | None:
    if isinstance(source, bytes | os.PathLike):
        return None
    try:
        return source.tell() if source.seekable() else None
    except (AttributeError, OSError, ValueError):
        return None
