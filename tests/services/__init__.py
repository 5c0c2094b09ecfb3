"""Real services for the tests that need them, each on loopback, on a free port, in a folder of its own.

    with redis() as server:
        ...  # server.url, server.kill(), server.start()

`python -m tests.services redis postgres` starts some by hand. A test names what it needs with `needs("redis")`: it
skips, and says why, if the program is not installed, unless `REFOLD_SERVICES=required` (as in CI), when it fails.
"""

import os
import shutil
from pathlib import Path

import pytest

from .server import Server
from .servers import haproxy, nginx, postgres, redis

__all__ = ["Server", "haproxy", "missing", "needs", "nginx", "postgres", "redis"]

PROGRAMS = {
    "bash": ("bash", "bash"),
    "chromedriver": ("chromedriver", "chromium-driver"),
    "chromium": ("chromium", "chromium"),
    "fish": ("fish", "fish"),
    "haproxy": ("haproxy", "haproxy"),
    "nginx": ("nginx", "nginx-light"),
    "postgres": ("postgres", "postgresql"),
    "redis": ("redis-server", "redis-server"),
    "zsh": ("zsh", "zsh"),
}
"""Of each service and shell, its program and the Debian package that has it."""


AXE = Path(__file__).parents[1] / "browser" / "node_modules" / "axe-core" / "axe.min.js"
"""Checks pages for accessibility in a browser; from npm, not from Debian."""


def find(service: str) -> str | None:
    """Return the path of a service's program, or `None` if it is not installed."""
    if service == "axe":
        return str(AXE) if AXE.exists() else None
    program, _ = PROGRAMS[service]
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    folders = [os.environ.get("PATH", ""), "/usr/sbin", *map(str, versions)]
    return shutil.which(program, path=os.pathsep.join(folders))


def missing(service: str) -> str | None:
    """Return why a service cannot be started, or `None` if it can be."""
    if find(service) is not None:
        return None
    if service == "axe":
        return "axe-core is not installed (npm install --no-package-lock --prefix tests/browser)"
    program, package = PROGRAMS[service]
    return f"{program} is not installed (Debian package {package})"


def needs(service: str) -> pytest.MarkDecorator:
    """Return the mark of a test that needs a service."""
    reason = missing(service)
    skipped = reason is not None and os.environ.get("REFOLD_SERVICES") != "required"
    return pytest.mark.skipif(skipped, reason=reason or "")
