"""A test that does not end fails, and says where each task of its event loop waits.

pytest-timeout keeps the time and the marks; its own alarm does not end what an event loop waits for: uvloop
goes on after what a signal's handler raises, and a fixture that waits in the same loop would do so without
an alarm. Its other method, a thread, ends the whole process.
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
"""Seconds that a test's fixtures may take to end once it failed, and those between two alarms."""

_UNDER_WAY = pytest.StashKey[bool]()
"""Whether the test itself runs, and none of its fixtures."""


class Late(BaseException):
    """A test takes too long; no Exception, so that nothing under test handles it."""


class LateOnUvloop(Late, KeyboardInterrupt):
    """The same, of a kind that uvloop passes on; it would only log another."""


class Settings(Protocol):
    """What pytest-timeout knows of a test."""

    timeout: float


def pytest_timeout_set_timer(item: pytest.Item, settings: Settings) -> bool | None:
    """Set the alarm for a test and its fixtures; pytest-timeout sets its own where signals do not reach."""
    if threading.current_thread() is not threading.main_thread():
        return None

    def ring(number: int, frame: FrameType | None) -> None:
        if not is_debugging():
            _interrupt(item, "\n".join([f"not done after {settings.timeout:g} seconds", *whereabouts()]))

    signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, settings.timeout, GRACE)
    item.cancel_timeout = _silence  # type: ignore[attr-defined]
    return True


def _silence() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)


def _interrupt(item: pytest.Item, words: str) -> None:
    """Raise in a test what has anyio cancel it, in a fixture what has pytest end the other ones."""
    loop = asyncio._get_running_loop()
    uvloop = None if isinstance(loop, asyncio.BaseEventLoop) else loop
    if item.stash.get(_UNDER_WAY, False):
        raise LateOnUvloop(words) if uvloop else Late(words)
    if uvloop:
        uvloop.stop()
    raise pytest.fail.Exception(words)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Have a test that is late fail: a KeyboardInterrupt would end the run."""
    item.stash[_UNDER_WAY] = True
    try:
        return (yield)
    except Late as late:
        raise pytest.fail.Exception(str(late)).with_traceback(late.__traceback__) from None
    finally:
        item.stash[_UNDER_WAY] = False


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    call: pytest.CallInfo[None],
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let neither a second alarm nor the finalizers of what a late test left break into a report."""
    if call.excinfo is not None:
        _silence()
        gc.collect()
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Set the alarm again after a failure, which silenced it."""
    if hasattr(item, "cancel_timeout") and signal.getitimer(signal.ITIMER_REAL) == (0, 0):
        signal.setitimer(signal.ITIMER_REAL, GRACE, GRACE)


def whereabouts() -> Iterator[str]:
    """Give the line at which each task of the running event loop waits, and those that lead to it."""
    if loop := asyncio._get_running_loop():
        for task in asyncio.all_tasks(loop):
            yield f"{task.get_name()}:"
            yield from _way(task.get_coro())


def _way(awaited: object) -> Iterator[str]:
    """Follow a coroutine to what it waits for.

    A step of an asynchronous generator tells nobody but the garbage collector whose it is.
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
    """Give the first of some attributes that there is."""
    return next((found for name in names if (found := getattr(thing, name, None)) is not None), None)
