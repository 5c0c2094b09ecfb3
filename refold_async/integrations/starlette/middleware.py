"""What happens to a call whose caller has gone: a read is cancelled, a write is not lost."""

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

_GONE: Final = "http.disconnect"
_MOST: Final = 2


class DisconnectListener:
    """Reads ahead of the handler by at most two messages, so that it hears when the caller goes.

    `receive` and `send` stand in for those that the server gave.

    Attributes:
        answered: Whether the whole answer was sent.
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
        """Wait until the caller has gone, or its answer is complete; false where nothing tells that."""
        while not self._gone:
            try:
                message = await self._receive()
            except Exception as error:  # noqa: BLE001 - it is the handler's to hear, as it receives
                self._failure = error
                self._arrived.set()
                return False
            self._messages.append(message)
            self._gone = message["type"] == _GONE
            self._arrived.set()
            while len(self._messages) >= _MOST and not self._gone:
                self._taken.clear()
                await self._taken.wait()
        return True

    async def receive(self) -> Message:
        """Give the handler the next message; once the caller has gone, that again and again.

        Raises:
            Exception: What the server's own `receive` raised.
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
        """Send a part of the answer."""
        await self._send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.answered = True


_logger: Final = logging.getLogger("refold_async")

OnDisconnect = Literal["finish", "report"]
"""What becomes of a handler that has begun a write when its caller goes: it finishes, or it is
cancelled, and a write that was under way is reported."""

Report = Callable[[CallFacts, Fate], None]
"""Is told of a write that was cancelled, and what became of it."""


def log_cancelled_write(call: CallFacts, fate: Fate) -> None:
    """Report a write that was cancelled, as a warning in the log."""
    known = {name: value for name, value in msgspec.structs.asdict(call).items() if value is not None}
    _logger.warning(
        "the caller has gone, and %s, was cancelled; fate: %s", call, fate,
        extra={"refold": {**known, "fate": fate}},
    )  # fmt: skip


class _RequestState:
    """What one request's handler has begun."""

    __slots__ = ("gone", "report", "wrote")

    def __init__(self, report: Report) -> None:
        self.report: Final = report
        self.wrote = False
        self.gone = False


_request_state: ContextVar[_RequestState | None] = ContextVar("refold_async_visit", default=None)


def only_reads() -> bool:
    """Whether the handler is known to have begun no write: `DisconnectMiddleware` saw none."""
    state = _request_state.get()
    return state is not None and not state.wrote


class WriteTracker(Hooks):
    """Notes which requests' handlers write; `lifespan` adds it to the client's hooks."""

    def on_call(self, call: CallFacts) -> None:
        """Note that the handler has begun a write."""
        state = _request_state.get()
        if state is not None and call.effect != "read":
            state.wrote = True

    def on_done(
        self, call: CallFacts, attempts: int, error: BaseException | None, fate: Fate | None, seconds: float
    ) -> None:
        """Report a write that was cancelled because its caller has gone."""
        state = _request_state.get()
        cancelled = isinstance(error, asyncio.CancelledError) and call.effect != "read"
        if state is not None and state.gone and cancelled:
            state.report(call, fate or "unknown")


class DisconnectMiddleware:
    """Cancels a handler whose caller has gone before it was answered.

    A handler that has begun a write is left to finish, with all that it does after it, or, with
    `on_disconnect="report"`, cancelled as well; then each write that was under way is reported with its
    fate. What runs after the answer, as background tasks, is left alone.

    It sees the calls of the client that `lifespan` opened, and of those lent by its manager.

    Args:
        app: What it wraps.
        on_disconnect: `"finish"` (default) or `"report"`.
        report: Is told of each write that was cancelled; default: `log_cancelled_write`.
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
        """Run the wrapped application; of requests over HTTP, watch the caller."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = _RequestState(self._report)
        token = _request_state.set(state)
        try:
            await self._run_watched(state, scope, DisconnectListener(receive, send))
        finally:
            _request_state.reset(token)

    async def _run_watched(self, state: _RequestState, scope: Scope, caller: DisconnectListener) -> None:
        handler = asyncio.current_task()
        assert handler is not None  # noqa: S101 - a coroutine always runs in a task
        watching = asyncio.create_task(self._watch(state, caller, handler))
        try:
            await self._app(scope, caller.receive, caller.send)
        except asyncio.CancelledError:
            if not state.gone or handler.cancelling() > 1:
                raise
        finally:
            if state.gone:
                handler.uncancel()  # ours has been heard, also where the handler made something else of it
            watching.cancel()
            await asyncio.wait([watching])

    async def _watch(
        self, state: _RequestState, caller: DisconnectListener, handler: asyncio.Task[object]
    ) -> None:
        """Cancel the handler once its caller has gone, where that is to be."""
        gone = await caller.gone()
        if gone and not caller.answered and not (state.wrote and self._finishes):
            state.gone = True
            handler.cancel()


TimeLeft = Callable[[HTTPConnection], float | None]
"""Says how many seconds a request has left; `None` where it says nothing."""

_SECONDS: Final = {"s": 1.0, "ms": 0.001}


def header_of_proxy(name: str, *, unit: Literal["s", "ms"] = "s") -> TimeLeft:
    """Read the time left from a header, as Envoy's `x-envoy-expected-rq-timeout-ms`.

    Use it only where a proxy of yours sets that header, and takes away what callers send: a
    caller could shorten its calls by it (never lengthen them). What is no number above 0 says nothing.

    Args:
        name: The header.
        unit: What its number counts: `"s"` or `"ms"`.
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
    """Bounds every call that a handler makes by the time that its request has left.

    The deadline holds for all that a handler starts, background tasks among them. Hand work that
    outlives the request to a task of the application's lifespan.

    Args:
        app: What it wraps.
        seconds: The time of each request; default: none but what `time_left` says.
        time_left: Says how much a request has left, where that is less.

    Raises:
        SettingsError: `seconds` is not a number above 0.
    """

    def __init__(self, app: ASGIApp, seconds: float = math.inf, time_left: TimeLeft | None = None) -> None:
        self._app = app
        self._seconds = check_seconds("deadline", seconds)
        self._time_left = time_left

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the wrapped application; requests over HTTP within their deadline."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        told = None if self._time_left is None else self._time_left(HTTPConnection(scope))
        with deadline(self._seconds if told is None else min(self._seconds, told)):
            await self._app(scope, receive, send)
