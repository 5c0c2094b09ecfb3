"""Multipart forms with files. They describe the files; the transport reads them as it sends them."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Self

import msgspec

from refold_async._core.checks import check_file, check_string
from refold_async.errors import InvalidCallError

Source = os.PathLike[str] | BinaryIO | bytes
"""The content of a file: a path, a binary file object, or bytes."""


class File(msgspec.Struct, frozen=True):
    """A file to send.

    Args:
        source: Its content: a path, a binary file object, or bytes.
        filename: Its name; default: the name of its source.
        content_type: Its media type; default: guessed from its name.
    """

    source: Source
    filename: str | None = None
    content_type: str | None = None


FileLike = Source | File


class Part(msgspec.Struct, frozen=True):
    """A file in a form.

    Attributes:
        name: The form field.
        source: Its content.
        filename: Its name.
        content_type: Its media type.
        start: The position where the content of a seekable file object starts.
    """

    name: str
    source: Source
    filename: str
    content_type: str
    start: int | None = None

    @property
    def is_repeatable(self) -> bool:
        """Whether it can be read more than once."""
        return self.start is not None or isinstance(self.source, bytes | os.PathLike)


class Upload(msgspec.Struct, frozen=True):
    """A form with files: a request body of type `multipart/form-data`.

    Attributes:
        fields: Its plain fields.
        parts: Its files.
    """

    fields: Mapping[str, str]
    parts: tuple[Part, ...]

    @classmethod
    def of(cls, fields: Mapping[str, str], files: Mapping[str, FileLike]) -> Self:
        """Describe a form.

        Raises:
            InvalidCallError: If a file is not a path, a binary file object or bytes, or has a field's name.
        """
        for name in fields.keys() & files.keys():
            raise InvalidCallError(f"a file must not be named {name!r}: the form has a field of that name")
        return cls(fields, tuple(_part(name, file) for name, file in files.items()))

    @property
    def is_repeatable(self) -> bool:
        """Whether it can be sent more than once."""
        return all(part.is_repeatable for part in self.parts)


def _part(name: str, given: FileLike) -> Part:
    file = given if isinstance(given, File) else File(given)
    check_string("a file's name in the form", name)
    if file.filename is not None:
        check_string(f"the file name of {name!r}", file.filename)
    if file.content_type is not None:
        check_string(f"the content type of {name!r}", file.content_type)
    filename = file.filename or _name_of(file.source) or name
    kind = file.content_type or mimetypes.guess_type(filename)[0] or "application/octet-stream"
    check_file(name, file.source)
    return Part(name, file.source, filename, kind, _start_of(file.source))


def _name_of(source: Source) -> str:
    path = source if isinstance(source, os.PathLike) else getattr(source, "name", "")
    return Path(os.fsdecode(path)).name if isinstance(path, str | os.PathLike) else ""


def _start_of(source: Source) -> int | None:
    if isinstance(source, bytes | os.PathLike):
        return None
    try:
        return source.tell() if source.seekable() else None
    except (AttributeError, OSError, ValueError):
        return None
