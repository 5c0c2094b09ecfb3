"""The road of forms with files, which are read as they are sent, and never into memory whole."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import ExitStack
from typing import BinaryIO, Final

from aiohttp import FormData

from refold_async._core.checks import check_text
from refold_async._core.requests import Request
from refold_async._core.responses import Response
from refold_async._core.transport.public import PublicTransport, StaleConnectionError
from refold_async._core.uploads import Part, Upload
from refold_async.deadlines import wait_until
from refold_async.errors import InvalidCallError

_CHUNK: Final = 64 * 1024


class UploadTransport(PublicTransport):
    """Exchanges whose requests carry files."""

    async def _converse(self, request: Request, headers: Mapping[str, str], due: float) -> Response:
        if request.upload is None:
            return await super()._converse(request, headers, due)
        while True:
            with ExitStack() as files:
                form = await wait_until(due, _form(request.upload, files))
                try:
                    return await self._once(request, headers, form, due)
                except StaleConnectionError:
                    continue


async def _form(upload: Upload, files: ExitStack) -> FormData:
    """Make aiohttp's form of ours; the files that it opens are closed with `files`."""
    form = FormData(default_to_multipart=True, quote_fields=False)
    for name, value in upload.fields.items():
        form.add_field(name, value)
    for part in upload.parts:
        _check(part)
        content = await _content(part, files)
        form.add_field(part.name, content, filename=part.filename, content_type=part.content_type)
    return form


def _check(part: Part) -> None:
    """Refuse what a part's head cannot carry, and a file that can be read no more."""
    check_text("a file's name in the form", part.name)
    check_text(f"the file name of {part.name!r}", part.filename)
    check_text(f"the content type of {part.name!r}", part.content_type)
    if getattr(part.source, "closed", False):
        raise InvalidCallError(f"the file for {part.name!r} cannot be read: it is closed")


async def _content(part: Part, files: ExitStack) -> object:
    if isinstance(part.source, bytes):
        return part.source
    if not isinstance(part.source, os.PathLike):
        if await asyncio.to_thread(part.source.read, 0) != b"":
            raise InvalidCallError(f"the file for {part.name!r} is open as text; open it as binary")
        return _chunks(part.source, part.start)
    try:
        return files.enter_context(await asyncio.to_thread(open, part.source, "rb"))
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise InvalidCallError(f"the file for {part.name!r} cannot be read: {reason}") from None


async def _chunks(file: BinaryIO, start: int | None) -> AsyncGenerator[bytes, None]:
    """Read a file object of the caller's, which stays open."""
    if start is not None:
        await asyncio.to_thread(file.seek, start)
    while chunk := await asyncio.to_thread(file.read, _CHUNK):
        yield chunk
