"""The transport of multipart forms. Files are streamed, never read into memory whole."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import ExitStack
from typing import BinaryIO, Final, TypeVar

from aiohttp import FormData

from refold_async._core.checks import check_text, text_mode
from refold_async._core.requests import Request
from refold_async._core.responses import Response
from refold_async._core.transport.errors import UnreadableFileError
from refold_async._core.transport.public import PublicTransport, StaleConnectionError
from refold_async._core.uploads import Part, Upload
from refold_async.deadlines import wait_until
from refold_async.errors import InvalidCallError

T = TypeVar("T")

_CHUNK: Final = 64 * 1024


class UploadTransport(PublicTransport):
    """Sends requests that upload files."""

    async def _send_until_fresh(self, request: Request, headers: Mapping[str, str], due: float) -> Response:
        if request.upload is None:
            return await super()._send_until_fresh(request, headers, due)
        while True:
            with ExitStack() as files:
                form = await wait_until(due, _form(request.upload, files))
                try:
                    return await self._once(request, headers, form, due)
                except StaleConnectionError:
                    continue


async def _form(upload: Upload, files: ExitStack) -> FormData:
    """Return aiohttp's form for an upload; the files that it opens are closed with `files`."""
    form = FormData(default_to_multipart=True, quote_fields=False)
    for name, value in upload.fields.items():
        form.add_field(name, value)
    for part in upload.parts:
        name, filename, content_type = _checked(part)
        content = await _content(part, files)
        form.add_field(name, content, filename=filename, content_type=content_type)
    return form


def _checked(part: Part) -> tuple[str, str, str]:
    """Return what a part's headers carry; refuse what they cannot, and a closed file."""
    if getattr(part.source, "closed", False):
        raise InvalidCallError(f"the file for {part.name!r} cannot be read: it is closed")
    return (
        check_text("a file's name in the form", part.name),
        check_text(f"the file name of {part.name!r}", part.filename),
        check_text(f"the content type of {part.name!r}", part.content_type),
    )


async def _content(part: Part, files: ExitStack) -> object:
    if isinstance(part.source, bytes):
        return part.source
    if not isinstance(part.source, os.PathLike):
        # Reading nothing is the only way to tell text from binary for a file that is not an `io` class.
        if await asyncio.to_thread(part.source.read, 0) != b"":
            raise text_mode(part.name)
        return _chunks(part.name, part.source, part.start)
    try:
        return files.enter_context(await asyncio.to_thread(open, part.source, "rb"))
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise InvalidCallError(f"the file for {part.name!r} cannot be read: {reason}") from None


async def _chunks(name: str, file: BinaryIO, start: int | None) -> AsyncGenerator[bytes | bytearray, None]:
    """Yield the chunks of the caller's file object, and leave it open.

    Raises:
        UnreadableFileError: If it cannot be read.
    """
    if start is not None:
        await asyncio.to_thread(_attempt, name, file.seek, start)
    while chunk := await asyncio.to_thread(_read_chunk, name, file):
        yield chunk


def _read_chunk(name: str, file: BinaryIO) -> bytes | bytearray:
    chunk: object = _attempt(name, file.read, _CHUNK)
    if chunk is None:  # taken for the end, it would cut the file short
        raise UnreadableFileError(name, "it has nothing to read yet; open it in blocking mode")
    if not isinstance(chunk, bytes | bytearray):
        raise UnreadableFileError(name, f"it returned {type(chunk).__name__}, not bytes")
    return chunk


def _attempt(name: str, step: Callable[[int], T], size: int) -> T:
    try:
        return step(size)
    except Exception as error:  # noqa: BLE001 - a file object is the caller's, and may raise anything
        reason = getattr(error, "strerror", None)
        # The message of another exception is left out: it may quote what was read.
        raise UnreadableFileError(name, str(reason).lower() if reason else type(error).__name__) from None
