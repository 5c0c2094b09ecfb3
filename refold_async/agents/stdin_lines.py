"""The lines of stdin for an event loop that must be able to stop before stdin ends."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, Final

_STDIN: Final = 0


@contextmanager
def stdin_lines() -> Iterator[AsyncIterator[str]]:
    """Yield the lines of stdin. Within the block, all else that reads stdin finds it empty.

    A thread reads them that nothing waits for. In a worker thread of the event loop, a read that has begun
    would keep the process alive after Ctrl-C until the other side closes stdin.
    """
    source = os.dup(_STDIN)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, _STDIN)
    os.close(nothing)
    try:
        # Not closed in the end: the thread may still be reading.
        yield _lines(os.fdopen(source, "rb", closefd=False))
    finally:
        os.dup2(source, _STDIN)


async def _lines(file: BinaryIO) -> AsyncIterator[str]:
    lines = asyncio.Queue[bytes]()
    # A line is read when it is wanted: a client that sends faster than it is answered waits.
    wanted = threading.Semaphore(0)
    arguments = file, wanted, lines, asyncio.get_running_loop()
    threading.Thread(target=_read, args=arguments, name="refold-stdin", daemon=True).start()
    while True:
        wanted.release()
        if not (line := await lines.get()):
            return
        yield line.decode(errors="replace")


def _read(
    file: BinaryIO, wanted: threading.Semaphore, lines: asyncio.Queue[bytes], loop: asyncio.AbstractEventLoop
) -> None:
    line = b"begin"
    with suppress(RuntimeError):  # the loop is closed
        while line:
            wanted.acquire()
            line = file.readline()
            loop.call_soon_threadsafe(lines.put_nowait, line)
