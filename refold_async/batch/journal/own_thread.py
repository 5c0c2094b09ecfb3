"""What journals and the states of walks share: a file that is used in one thread, and transactions."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from refold_async.batch.tasks import run_shielded
from refold_async.errors import JournalError


class OwnThreadFile(Protocol):
    """A file that is used in one thread."""

    def close(self) -> None:
        """Close it."""
        ...


C = TypeVar("C", bound=OwnThreadFile)


async def open_in_thread(make: Callable[[], C], name: str) -> tuple[ThreadPoolExecutor, C]:
    """Open something in a thread of its own, and return that thread, as an executor, and what was opened.

    Raises:
        JournalError: If it cannot be used.
    """
    thread = ThreadPoolExecutor(1, thread_name_prefix=name)
    opening = asyncio.get_running_loop().run_in_executor(thread, make)
    try:
        return thread, await asyncio.shield(opening)
    except BaseException:
        await run_shielded(_close_unwanted(opening, thread))
        raise


async def _close_unwanted(opening: asyncio.Future[C], thread: ThreadPoolExecutor) -> None:
    """Close what was opened for someone who was cancelled: else it would stay locked."""
    try:
        with contextlib.suppress(JournalError):
            opened = await opening
            await asyncio.get_running_loop().run_in_executor(thread, opened.close)
    finally:
        thread.shutdown()


@contextlib.contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Commit what is written in the block, or roll it back."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
