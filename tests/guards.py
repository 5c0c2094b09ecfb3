"""What every coroutine test is held to: it leaves no task and no socket behind."""

import asyncio

from .faults import leaks
from .faults.leaks import Holdings


def holdings() -> Holdings:
    """What a test may leave behind: sockets, and tasks but for those that run the tests."""
    now = Holdings.now()
    sockets = frozenset(held for held in now.descriptors if held[1].startswith("socket:"))
    return Holdings(frozenset(task for task in now.tasks if not _runs_tests(task)), sockets)


def _runs_tests(task: "asyncio.Task[object]") -> bool:
    return getattr(task.get_coro(), "__qualname__", "").startswith("TestRunner.")


async def loose_ends(before: Holdings) -> list[str]:
    """Give, in words, what is still held that was not before, once what is closing had time to close."""
    for _ in range(round(leaks.GRACE / leaks.PAUSE)):
        if not holdings().beyond(before):
            break
        await asyncio.sleep(leaks.PAUSE)
    return holdings().beyond(before)
