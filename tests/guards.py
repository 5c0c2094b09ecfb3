"""Guards for every coroutine test: no task or socket left behind, no blocked event loop."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from blockbuster import BlockBuster  # type: ignore[import-not-found,import-untyped,unused-ignore]

from .faults import leaks
from .faults.leaks import Holdings


def holdings() -> Holdings:
    """Return what a test could leave behind: sockets, and tasks other than those that run the tests.

    On uvloop only tasks are checked, because it opens and closes sockets of its own.
    """
    now = Holdings.now()
    watched = now.descriptors if not _on_uvloop() else ()
    sockets = frozenset(held for held in watched if held[1].startswith("socket:"))
    return Holdings(frozenset(task for task in now.tasks if not _runs_tests(task)), sockets)


def _on_uvloop() -> bool:
    return type(asyncio.get_running_loop()).__module__.startswith("uvloop")


def _runs_tests(task: "asyncio.Task[object]") -> bool:
    return getattr(task.get_coro(), "__qualname__", "").startswith("TestRunner.")


async def leftovers(before: Holdings) -> list[str]:
    """Describe what is still held that was not before, after giving closing resources time to close."""
    for _ in range(round(leaks.GRACE / leaks.PAUSE)):
        if not holdings().beyond(before):
            break
        await asyncio.sleep(leaks.PAUSE)
    return holdings().beyond(before)


@contextmanager
def no_blocking() -> Iterator[None]:
    """Raise if the package blocks the event loop with files, sockets, locks or sleeping."""
    _blocking.activate()
    try:
        yield
    finally:
        _blocking.deactivate()


_blocking = BlockBuster(  # test support may block: the ledger, recordings
    "refold_async", excluded_modules=["refold_async.sandbox", "refold_async.testing"]
)
_blocking.functions["threading.Lock.acquire"].can_block_in(  # joining an idle thread
    "refold_async/batch/journal/group_commits.py", "aclose"
).can_block_in("refold_async/batch/journal/own_thread.py", "_close_unwanted").can_block_in(
    "refold_async/walks/state.py", "aclose"
)
