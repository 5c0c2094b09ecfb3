"""Middleware: cancels reads of disconnected clients, keeps writes, and sets a deadline per request."""

from __future__ import annotations

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, Literal

import msgspec
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from refold_async._core.checks import check_seconds
from refold_async.deadlines import deadline
from refold_async.errors import Fate
from refold_async.hooks import CallFacts, Hooks

_DISCONNECT: Final = "http.disconnect"
_MAX_AHEAD: Final = 2


class DisconnectListener:
    """Detects a disconnect by reading at most two messages ahead of the handler.

    Its `receive` and `send` replace those of the server.

    Attributes:
        answered: Whether the complete response was sent.
    """

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._messages: deque[Message] = deque()
        self._gone = False
        self._failure: Exception | None = None
        self._arrived = asyncio.Event()
        self._taken = asyncio.Event()
        self.answered = False

    async def gone(self) -> bool:
        """Wait until the client disconnects or the response is complete. False if that cannot be known."""
        while not self._gone:
            try:
                message = await self._receive()
            except Exception as error:  # noqa: BLE001 - raised to the handler by `receive`
                self._failure = error
                self._arrived.set()
                return False
            self._messages.append(message)
            self._gone = message["type"] == _DISCONNECT
            self._arrived.set()
            # Without this bound, a large request body would be read into memory, whatever the handler's pace.
            while len(self._messages) >= _MAX_AHEAD and not self._gone:
                self._taken.clear()
                await self._taken.wait()
        return True

    async def receive(self) -> Message:
        """Return the next message; after a disconnect, return `http.disconnect` each time.

        Raises:
            Exception: Whatever the server's own `receive` raised.
        """
        while not self._messages:
            if self._failure is not None:
                raise self._failure
            self._arrived.clear()
            await self._arrived.wait()
        if self._gone and len(self._messages) == 1:
            return self._messages[0]
        self._taken.set()
        return self._messages.popleft()

    async def send(self, message: Message) -> None:
        """Send a message of the response."""
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.answered = True


_logger: Final = logging.getLogger("refold_async")

OnDisconnect = Literal["finish", "report"]
"""What to do with a handler that has started a write when its client disconnects: let it finish, or cancel it
and report the writes that were in flight."""

Report = Callable[[CallFacts, Fate], None]
"""Called with a write that was cancelled, and its fate."""


def log_cancelled_write(call: CallFacts, fate: Fate) -> None:
    """Log a cancelled write as a warning."""
    known = {name: value for name, value in msgspec.structs.asdict(call).items() if value is not None}
    _logger.warning(
        "the client disconnected and %s was cancelled; fate: %s", call, fate,
        extra={"refold": {**known, "fate": fate}},
    )  # fmt: skip


class _RequestState:
    """What one request's handler has done so far."""

    __slots__ = ("gone", "report", "wrote")

    def __init__(self, report: Report) -> None:
        self.report: Final = report
        self.wrote = False
        self.gone = False


_request_state: ContextVar[_RequestState | None] = ContextVar("refold_async_visit", default=None)


def only_reads() -> bool:
    """Whether the handler has started no write, according to `DisconnectMiddleware`."""
    state = _request_state.get()
    return state is not None and not state.wrote


class WriteTracker(Hooks):
    """Hooks that record which handlers write; `lifespan` adds them to the client's hooks."""

    def on_call(self, call: CallFacts) -> None:
        """Record that the handler has started a write."""
        state = _request_state.get()
        if state is not None and call.effect != "read":
            state.wrote = True

    def on_done(
        self, call: CallFacts, attempts: int, error: BaseException | None, fate: Fate | None, seconds: float
    ) -> None:
        """Report a write that was cancelled by a disconnect."""
        state = _request_state.get()
        cancelled = isinstance(error, asyncio.CancelledError) and call.effect != "read"
        if state is not None and state.gone and cancelled:
            state.report(call, fate or "unknown")


class DisconnectMiddleware:
    """Cancels a handler whose client disconnects before the response is complete.

    A handler that has started a write runs to its end. With `on_disconnect="report"`, it is cancelled too,
    and each write in flight is reported with its fate. Background tasks that run after the response are
    not cancelled.

    It covers calls made with the client that `lifespan` opens and with the clients of its manager.

    Args:
        app: The application to wrap.
        on_disconnect: `"finish"` (default) or `"report"`.
        report: Called for each cancelled write; default: `log_cancelled_write`.
    """

    def __init__(
        self, app: ASGIApp, on_disconnect: OnDisconnect = "finish", report: Report = log_cancelled_write
    ) -> None:
        if on_disconnect not in {"finish", "report"}:
            raise ValueError(f"on_disconnect must be 'finish' or 'report', not {on_disconnect!r}")
        self._app = app
        self._finishes = on_disconnect == "finish"
        self._report = report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the wrapped application, watching for disconnects during HTTP requests."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = _RequestState(self._report)
        token = _request_state.set(state)
        try:
            await self._run_watched(state, scope, DisconnectListener(receive, send))
        finally:
            _request_state.reset(token)

    async def _run_watched(self, state: _RequestState, scope: Scope, listener: DisconnectListener) -> None:
        handler = asyncio.current_task()
        assert handler is not None  # noqa: S101 - a coroutine always runs in a task
        watching = asyncio.create_task(self._watch(state, listener, handler))
        try:
            await self._app(scope, listener.receive, listener.send)
        except asyncio.CancelledError:
            if not state.gone or handler.cancelling() > 1:
                raise
        finally:
            if state.gone:
                handler.uncancel()  # else the server's task stays cancelled, even if the handler caught it
            watching.cancel()
            # `wait` does not raise what the watcher raised, and so the handler's own result or error stands.
            await asyncio.wait([watching])

    async def _watch(
        self, state: _RequestState, listener: DisconnectListener, handler: asyncio.Task[object]
    ) -> None:
        """Cancel the handler when its client disconnects, unless its write should finish."""
        gone = await listener.gone()
        if gone and not listener.answered and not (state.wrote and self._finishes):
            state.gone = True
            handler.cancel()


TimeLeft = Callable[[HTTPConnection], float | None]
"""Returns how many seconds a request has left, or `None` if it does not say."""

_SECONDS: Final = {"s": 1.0, "ms": 0.001}


def header_of_proxy(name: str, *, unit: Literal["s", "ms"] = "s") -> TimeLeft:
    """Return a function that reads the time left from a header, e.g. `x-envoy-expected-rq-timeout-ms`.

    Use it only if your own proxy sets the header and strips it from client requests: otherwise, a client
    could shorten (never lengthen) its deadline. Values that are not positive numbers are ignored.

    Args:
        name: The header.
        unit: The unit of its value: `"s"` or `"ms"`.
    """
    factor = _SECONDS[unit]

    def read(connection: HTTPConnection) -> float | None:
        try:
            seconds = float(connection.headers.get(name, "")) * factor
        except ValueError:
            return None
        return seconds if math.isfinite(seconds) and seconds > 0 else None

    return read


class DeadlineMiddleware:
    """Limits every call that a handler makes to the time its request has left.

    The deadline applies to everything a handler starts, including background tasks. Move work that
    outlives the request to a task of the application's lifespan.

    Args:
        app: The application to wrap.
        seconds: The time limit of each request; default: only that of `time_left`.
        time_left: Returns the time a request has left, if that is less.

    Raises:
        SettingsError: If `seconds` is not a positive number.
    """

    def __init__(self, app: ASGIApp, seconds: float = math.inf, time_left: TimeLeft | None = None) -> None:
        self._app = app
        self._seconds = check_seconds("deadline", seconds)
        self._time_left = time_left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the wrapped application, HTTP requests within their deadline."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = None if self._time_left is None else self._time_left(HTTPConnection(scope))
        with deadline(self._seconds if told is None else min(self._seconds, told)):
            await self._app(scope, receive, send)
