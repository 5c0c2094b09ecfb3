"""Leak checks: a block must leave no task, socket or other file descriptor behind."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

DESCRIPTORS = Path("/proc/self/fd")
GRACE = 1.0
"""Seconds that closing resources may take to disappear; a clean block needs none."""
PAUSE = 0.002


@dataclass(frozen=True, slots=True)
class Holdings:
    """A snapshot of the process's tasks and file descriptors."""

    tasks: frozenset["asyncio.Task[object]"]
    descriptors: frozenset[tuple[str, str]]

    @classmethod
    def now(cls) -> "Holdings":
        return cls(frozenset(asyncio.all_tasks()), frozenset(_open_descriptors()))

    def beyond(self, before: "Holdings") -> list[str]:
        """Describe what is held now and was not before."""
        tasks = [f"task {task.get_coro()}" for task in self.tasks - before.tasks]
        return tasks + [
            f"descriptor {number} -> {target}" for number, target in self.descriptors - before.descriptors
        ]


def _open_descriptors() -> list[tuple[str, str]]:
    """Return every descriptor and its target, except `/dev/null`, which uvloop keeps in reserve."""
    held = []
    for link in DESCRIPTORS.iterdir() if DESCRIPTORS.is_dir() else ():
        try:
            target = str(link.readlink())
        except FileNotFoundError:
            continue  # the descriptor of the listing itself
        if target != os.devnull:
            held.append((link.name, target))
    return held


@asynccontextmanager
async def no_leaks() -> AsyncIterator[None]:
    """Fail with AssertionError if the block leaves a task or a file descriptor behind.

    Start servers outside the block, not inside: what they open on behalf of the block counts too, and must be
    closed once the block's client is.
    """
    before = Holdings.now()
    yield
    left = await _settled(before)
    assert not left, f"left behind: {left}"


async def _settled(before: Holdings) -> list[str]:
    for _ in range(round(GRACE / PAUSE)):
        if not Holdings.now().beyond(before):
            break
        await asyncio.sleep(PAUSE)
    return Holdings.now().beyond(before)
