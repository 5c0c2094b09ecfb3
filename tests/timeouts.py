"""A test that hangs fails and shows where each task of its event loop waits.

pytest-timeout provides the settings and markers, but its own signal handler does not interrupt an event loop:
uvloop continues after an exception raised in a signal handler, and a fixture that then waits in the same loop would
have no timeout. Its other method, a thread, ends the whole process.
"""

import asyncio
import gc
import inspect
import signal
import threading
from collections.abc import Generator, Iterator
from types import FrameType
from typing import Any, Protocol

import pytest
from pytest_timeout import is_debugging  # type: ignore[import-not-found,import-untyped,unused-ignore]

GRACE = 20.0
"""Seconds for a test's fixtures to finish after it failed, and between two alarms."""

_RUNNING = pytest.StashKey[bool]()
"""Whether the test function is running, as opposed to one of its fixtures."""


class TestTimedOut(BaseException):
    """A test timed out. Not an Exception, so that code under test does not handle it."""


class TestTimedOutOnUvloop(TestTimedOut, KeyboardInterrupt):
    """A variant that uvloop propagates; it would only log other exceptions."""


class Settings(Protocol):
    """pytest-timeout's settings of a test."""

    timeout: float


def pytest_timeout_set_timer(item: pytest.Item, settings: Settings) -> bool | None:
    """Set the alarm for a test and its fixtures; outside the main thread, leave it to pytest-timeout."""
    if threading.current_thread() is not threading.main_thread():
        return None

    def ring(number: int, frame: FrameType | None) -> None:
        if not is_debugging():
            _interrupt(item, "\n".join([f"timed out after {settings.timeout:g} seconds", *waiting_tasks()]))

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, settings.timeout, GRACE)
    item.cancel_timeout = _cancel_alarm  # type: ignore[attr-defined]
    return True


def _cancel_alarm() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)


def _interrupt(item: pytest.Item, words: str) -> None:
    """Raise an exception that makes anyio cancel a test, or pytest tear down the fixtures."""
    loop = asyncio._get_running_loop()
    uvloop = None if isinstance(loop, asyncio.BaseEventLoop) else loop
    if item.stash.get(_RUNNING, False):
        raise TestTimedOutOnUvloop(words) if uvloop else TestTimedOut(words)
    if uvloop:
        uvloop.stop()
    raise pytest.fail.Exception(words)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Turn a timeout into a failure, because a KeyboardInterrupt would end the run."""
    item.stash[_RUNNING] = True
    try:
        return (yield)
    except TestTimedOut as late:
        raise pytest.fail.Exception(str(late)).with_traceback(late.__traceback__) from None
    finally:
        item.stash[_RUNNING] = False


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Keep a second alarm, and finalizers of what a hanging test left, from interrupting a report."""
    if call.excinfo is not None:
        _cancel_alarm()
        gc.collect()
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Set the alarm again after a failure, which cancelled it."""
    if hasattr(item, "cancel_timeout") and signal.getitimer(signal.ITIMER_REAL) == (0, 0):
        signal.setitimer(signal.ITIMER_REAL, GRACE, GRACE)


def waiting_tasks() -> Iterator[str]:
    """Yield the stack of awaits of each task in the running event loop."""
    if loop := asyncio._get_running_loop():
        for task in asyncio.all_tasks(loop):
            yield f"{task.get_name()}:"
            yield from _await_stack(task.get_coro())


def _await_stack(awaited: object) -> Iterator[str]:
    """Yield the frames from a coroutine down to what it waits for.

    Only the garbage collector knows which generator an `asend` of an asynchronous generator belongs to.
    """
    while awaited is not None:
        if frame := _first(awaited, "cr_frame", "ag_frame", "gi_frame"):
            yield f"  {frame.f_code.co_filename}:{frame.f_lineno} in {frame.f_code.co_qualname}"
            awaited = _first(awaited, "cr_await", "ag_await", "gi_yieldfrom")
        else:
            held = gc.get_referents(awaited)
            awaited = next(
                (each for each in held if inspect.iscoroutine(each) or inspect.isasyncgen(each)), None
            )


def _first(thing: object, *names: str) -> Any:
    """Return the first existing attribute that is not None."""
    return next((found for name in names if (found := getattr(thing, name, None)) is not None), None)
