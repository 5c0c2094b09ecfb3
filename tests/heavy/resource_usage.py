"""Resource usage of the process: memory, descriptors, sockets, tasks, threads."""

import asyncio
import gc
import os
import threading
from pathlib import Path

import msgspec

_PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 1 << 20


class ResourceUsage(msgspec.Struct, frozen=True):
    """One sample, taken between two rounds of work."""

    seconds: float
    resident: int
    sockets: int
    files: int
    tasks: int
    threads: int

    @classmethod
    def read(cls, seconds: float) -> "ResourceUsage":
        gc.collect()
        targets = _descriptors()
        sockets = sum(target.startswith("socket:") for target in targets)
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * _PAGE
        return cls(
            seconds,
            resident,
            sockets,
            len(targets) - sockets,
            len(asyncio.all_tasks()),
            threading.active_count(),
        )

    def __str__(self) -> str:
        return (
            f"{self.seconds:7.0f} s  {self.resident / MIB:7.1f} MiB  {self.sockets:4} sockets  "
            f"{self.files:3} files  {self.tasks:3} tasks  {self.threads:2} threads"
        )


def _descriptors() -> list[str]:
    targets = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            targets.append(str(link.readlink()))
        except FileNotFoundError:
            continue  # the descriptor of the listing itself
    return targets


def growth(samples: list[ResourceUsage], *, idle_sockets: int, slack: int = 4 * MIB) -> list[str]:
    """Describe what grew after the warm-up, which is the first third of the samples.

    Memory has grown if the median of the last third exceeds that of the second by more than `slack` bytes and
    4%; sockets if there are more than the pools keep; tasks, files and threads if the last sample has more than
    any of the second third.
    """
    third = len(samples) // 3
    if third == 0:
        return ["too few samples"]
    middle, last = samples[third : 2 * third], samples[2 * third :]
    before, after = _median(middle), _median(last)
    grown = [
        f"{name} grew from {getattr(middle[0], name)} to {getattr(last[-1], name)}"
        for name in ("tasks", "files", "threads")
        if getattr(last[-1], name) > max(getattr(each, name) for each in middle)
    ]
    if after - before > max(slack, 0.04 * before):
        grown.append(f"memory grew from {before / MIB:.1f} to {after / MIB:.1f} MiB")
    if max(each.sockets for each in last) > idle_sockets:
        grown.append(f"{last[-1].sockets} sockets, but the pools keep {idle_sockets}")
    return grown


def _median(samples: list[ResourceUsage]) -> float:
    values = sorted(each.resident for each in samples)
    return values[len(values) // 2]
