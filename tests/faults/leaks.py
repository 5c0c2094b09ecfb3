"""A block that must leave nothing behind: no task, no socket, no other file descriptor."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

DESCRIPTORS = Path("/proc/self/fd")
GRACE = 1.0
"""How long what is closing may take to be gone, in seconds; a clean block needs none of it."""
PAUSE = 0.002


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the process holds at one moment."""

    tasks: frozenset["asyncio.Task[object]"]
    descriptors: frozenset[tuple[str, str]]

    @classmethod
    def now(cls) -> "Holdings":
        return cls(frozenset(asyncio.all_tasks()), frozenset(_open_descriptors()))

    def beyond(self, before: "Holdings") -> list[str]:
        """What is held now and was not before, in words."""
        tasks = [f"task {task.get_coro()}" for task in self.tasks - before.tasks]
        return tasks + [
            f"descriptor {number} -> {target}" for number, target in self.descriptors - before.descriptors
        ]


def _open_descriptors() -> list[tuple[str, str]]:
    """Every descriptor and what it stands for, but for those of `/dev/null`, which uvloop keeps in reserve."""
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
    """Fail with AssertionError where the block leaves a task or a file descriptor behind.

    Put the event loop's other inhabitants, such as servers, around the block, not into it: what they open
    on the block's behalf counts too, and must close once the block's client does.
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
