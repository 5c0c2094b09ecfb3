"""Closes sessions, also those of other event loops, within a bounded time.

A session can be closed by its own event loop only. If that loop does not run, e.g. because its thread has
ended or the process was forked, the session is only marked as closed: its connections end with the loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

MOMENT: Final = 1.0
"""The most seconds to wait for connections to close."""

_STEP: Final = 0.02
"""How often another event loop is looked at, in seconds."""


class Closable(Protocol):
    """What closing needs to know of a session."""

    active: int
    closed: bool

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """Its event loop."""
        ...

    @property
    def inherited(self) -> bool:
        """Whether it belongs to the process that this one was forked from."""
        ...

    @property
    def runs(self) -> bool:
        """Whether its event loop runs, in this process."""
        ...

    async def drained(self) -> None:
        """Wait until no call is under way."""
        ...

    async def aclose(self) -> None:
        """Close all connections."""
        ...


async def drain(sessions: Sequence[Closable], seconds: float) -> None:
    """Wait until no session has a call under way, or for this long."""
    here = asyncio.get_running_loop()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            for session in sessions:
                if session.loop is here:
                    await session.drained()
            await _poll(lambda: any(session.runs and session.active for session in sessions))


async def close_all(sessions: Iterable[Closable]) -> None:
    """Close all sessions, even if this is cancelled."""
    here = asyncio.get_running_loop()
    by_place: dict[bool, list[Closable]] = {True: [], False: []}
    for session in sessions:
        session.closed = True
        by_place[session.loop is here].append(session)
    elsewhere = [_close_elsewhere(session) for session in by_place[False]]
    # Cancellation waits until all are closed: nobody else holds the remaining sessions, so they would leak.
    cancelled: asyncio.CancelledError | None = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(MOMENT):
            for session in by_place[True]:
                try:
                    await session.aclose()
                except asyncio.CancelledError as error:
                    cancelled = error
            if cancelled is None:
                await _poll(lambda: any(pending() for pending in elsewhere))
    if cancelled is not None:
        raise cancelled


_inherited: Final[list[Closable]] = []
"""Sessions of the process that this one was forked from.

They are never released: that would remove the parent's sockets from its event loop, whose epoll is shared.
"""


def _close_elsewhere(session: Closable) -> Callable[[], bool]:
    """Have another event loop close a session; return whether it still has to."""
    if session.inherited:
        _inherited.append(session)
    if not session.runs:
        return lambda: False
    tasks: list[asyncio.Task[None]] = []

    def start() -> None:
        tasks.append(asyncio.get_running_loop().create_task(session.aclose()))

    # A plain function: a coroutine that is handed to a loop which then stops is never awaited, and warns.
    with contextlib.suppress(RuntimeError):  # that loop has just been closed
        session.loop.call_soon_threadsafe(start)
    # Its exception, or its cancellation, is that loop's own affair.
    return lambda: session.runs and not (tasks and tasks[0].done())


async def _poll(pending: Callable[[], bool]) -> None:
    """Wait while something holds; there is no signal for an event loop of another thread that stops."""
    while pending():  # noqa: ASYNC110 - as it says
        await asyncio.sleep(_STEP)
