"""Facts about the machine, CPU pinning, and CPU and memory usage."""

import os
import platform
import resource
import subprocess
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else []
"""The available cores, read before the process is pinned to one of them."""

CLIENT_CORE = CORES[0] if len(CORES) > 1 else None
SERVER_CORE = CORES[-1] if len(CORES) > 1 else None

_PACKAGES = ("aiohttp", "msgspec", "anyio", "backoff", "yarl", "multidict")


def pin(core: int | None) -> None:
    """Pin this process to `core`, if the system supports it."""
    if core is not None:
        os.sched_setaffinity(0, {core})


def settle_allocator() -> None:
    """Raise glibc's mmap threshold, so that every client is measured with the same allocator state.

    Until a block of this size has been freed, each of asyncio's 256 KiB receive buffers costs an mmap and a
    munmap, 12 to 18 µs per response, in the first seconds of a process.
    """
    block = bytearray(4 << 20)
    del block


def allow_descriptors() -> None:
    """Raise the limit of open files as far as the system permits."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def cached_modules() -> dict[str, str]:
    """Return an environment for new processes, which keep compiled modules, as an installed package does."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def printed_figure(command: Sequence[str]) -> float:
    """Return the number that a process prints."""
    ended = subprocess.run(command, check=True, capture_output=True, text=True, env=cached_modules())
    return float(ended.stdout)


def cpu_seconds() -> float:
    """Return the CPU time used by this process: user and system, all threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak_megabytes() -> float:
    """Return the peak resident memory of this process."""
    # Not `ru_maxrss` on Linux: a child process begins with that of its parent.
    status = Path("/proc/self/status")
    if status.exists():
        return int(status.read_text(encoding="ascii").partition("VmHWM:")[2].split()[0]) / 1024
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


def versions(packages: tuple[str, ...] = _PACKAGES) -> dict[str, str]:
    """Return the versions of the installed `packages`."""
    found = {}
    for package in packages:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def describe() -> dict[str, str]:
    """Return the machine and versions for the head of a report."""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    place = "client and server pinned to one core each" if CLIENT_CORE is not None else "not pinned"
    kind = f"{platform.system()} {platform.machine()}, {_processor()}, {os.cpu_count()} cores"
    return {
        "machine": f"{kind}; {place}",
        "python": python,
        **versions(),
    }


def _processor() -> str:
    if sys.platform != "linux":
        return platform.processor()
    command = ["grep", "-m1", "model name", "/proc/cpuinfo"]
    line = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return line.partition(":")[2].strip() or platform.processor() or "unknown processor"
