"""Shared fixtures: the event loop, a sandbox, and guards against leaks and blocking calls.

`REFOLD_TEST_LOOP=uvloop` runs the suite on uvloop, if installed, `REFOLD_TEST_LOOP=debug` in asyncio's debug mode,
and `REFOLD_TEST_LOOP=eager` with eager tasks.
"""

import asyncio
import inspect
import math
import os
import sys
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from .faults.counting import report_cells
from .guards import holdings, leftovers, no_blocking
from .reference import pytest_collection_modifyitems, pytest_configure, report_absence
from .services.databases import database, postgres_server
from .timeouts import (
    pytest_runtest_call,
    pytest_runtest_makereport,
    pytest_runtest_teardown,
    pytest_timeout_set_timer,
)

if TYPE_CHECKING:
    from refold_async.sandbox import Sandbox

__all__ = [
    "anyio_backend",
    "database",
    "guard",
    "no_leftovers",
    "postgres_server",
    "pytest_collection_modifyitems",
    "pytest_configure",
    "pytest_runtest_call",
    "pytest_runtest_makereport",
    "pytest_runtest_teardown",
    "pytest_terminal_summary",
    "pytest_timeout_set_timer",
    "sandbox",
]


def eager_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop whose tasks begin to run when they are made; needs Python 3.12."""
    loop = asyncio.new_event_loop()
    if sys.version_info >= (3, 12):
        loop.set_task_factory(asyncio.eager_task_factory)
    return loop


LOOPS: dict[str, dict[str, object]] = {
    "": {},
    "uvloop": {"use_uvloop": True},
    "debug": {"debug": True},
    "eager": {"loop_factory": eager_loop},
}
LOOP = os.environ.get("REFOLD_TEST_LOOP", "")

settings.register_profile("suite", deadline=None, max_examples=60, database=None)
settings.load_profile("suite")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the cells of the fault matrix, and whether tests were left out."""
    report_cells(terminalreporter)
    report_absence(terminalreporter)


@pytest.fixture(scope="session")
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Return the asyncio backend with the options selected by `REFOLD_TEST_LOOP`."""
    if LOOP == "uvloop":
        pytest.importorskip("uvloop")
    return "asyncio", LOOPS[LOOP]


@pytest.fixture
async def no_leftovers() -> AsyncIterator[None]:
    """Fail a test that leaves an asyncio task or a socket behind, or that blocks the event loop."""
    asyncio.get_running_loop().slow_callback_duration = (
        math.inf
    )  # debug mode would log slow callbacks on a busy machine
    before = holdings()
    with no_blocking():
        yield
    left = await leftovers(before)
    assert not left, f"left behind: {left}"


@pytest.fixture(autouse=True)
def guard(request: pytest.FixtureRequest) -> None:
    """Apply `no_leftovers` to every coroutine test and its fixtures."""
    if inspect.iscoroutinefunction(getattr(request, "function", None)):
        request.getfixturevalue("no_leftovers")


@pytest.fixture
async def sandbox(guard: None) -> "AsyncIterator[Sandbox]":
    """Start a separate sandbox for each test."""
    from refold_async.sandbox import Sandbox

    async with Sandbox() as running:
        yield running
