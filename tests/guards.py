"""What every coroutine test is held to: it leaves no task and no socket behind, and blocks no event loop."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from blockbuster import BlockBuster  # type: ignore[import-not-found,import-untyped,unused-ignore]

from .faults import leaks
from .faults.leaks import Holdings


def holdings() -> Holdings:
    """What a test may leave behind: sockets, and tasks but for those that run the tests.

    uvloop opens and closes sockets of its own as it goes, so there only tasks are told.
    """
    now = Holdings.now()
    watched = now.descriptors if not _on_uvloop() else ()
    sockets = frozenset(held for held in watched if held[1].startswith("socket:"))
    return Holdings(frozenset(task for task in now.tasks if not _runs_tests(task)), sockets)


def _on_uvloop() -> bool:
    return type(asyncio.get_running_loop()).__module__.startswith("uvloop")


def _runs_tests(task: "asyncio.Task[object]") -> bool:
    return getattr(task.get_coro(), "__qualname__", "").startswith("TestRunner.")


async def loose_ends(before: Holdings) -> list[str]:
    """Give, in words, what is still held that was not before, once what is closing had time to close."""
    for _ in range(round(leaks.GRACE / leaks.PAUSE)):
        if not holdings().beyond(before):
            break
        await asyncio.sleep(leaks.PAUSE)
    return holdings().beyond(before)


@contextmanager
def no_blocking() -> Iterator[None]:
    """Have the package fail where it blocks the event loop: files, sockets, locks, sleeping."""
    _blocking.activate()
    try:
        yield
    finally:
        _blocking.deactivate()


_blocking = BlockBuster(  # what serves tests may block: a ledger, a recording
    "refold_async", excluded_modules=["refold_async.sandbox", "refold_async.testing"]
)
_blocking.functions["threading.Lock.acquire"].can_block_in(  # the end of a thread that is idle
    "refold_async/batch/journal/group_commits.py", {"aclose", "_close_unwanted"}
)
