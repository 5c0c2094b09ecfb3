"""What happens to a call whose caller has gone: a read is cancelled, a write is not lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextvars import ContextVar
from typing import Final, Literal

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from refold_async.errors import Fate
from refold_async.hooks import CallFacts, Hooks
from refold_async.integrations.starlette.callers import Caller

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


class _Visit:
    """What one request's handler has begun."""

    __slots__ = ("gone", "report", "wrote")

    def __init__(self, report: Report) -> None:
        self.report: Final = report
        self.wrote = False
        self.gone = False


_visit: ContextVar[_Visit | None] = ContextVar("refold_async_visit", default=None)


def only_reads() -> bool:
    """Whether the handler is known to have begun no write: `DisconnectMiddleware` saw none."""
    visit = _visit.get()
    return visit is not None and not visit.wrote


class Witness(Hooks):
    """Notes which requests' handlers write; `lifespan` adds it to the client's hooks."""

    def on_call(self, call: CallFacts) -> None:
        """Note that the handler has begun a write."""
        visit = _visit.get()
        if visit is not None and call.effect != "read":
            visit.wrote = True

    def on_done(
        self, call: CallFacts, attempts: int, error: BaseException | None, fate: Fate | None, seconds: float
    ) -> None:
        """Report a write that was cancelled because its caller has gone."""
        visit = _visit.get()
        cancelled = isinstance(error, asyncio.CancelledError) and call.effect != "read"
        if visit is not None and visit.gone and cancelled:
            visit.report(call, fate or "unknown")


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
        visit = _Visit(self._report)
        token = _visit.set(visit)
        try:
            await self._attend(visit, scope, Caller(receive, send))
        finally:
            _visit.reset(token)

    async def _attend(self, visit: _Visit, scope: Scope, caller: Caller) -> None:
        handler = asyncio.current_task()
        assert handler is not None  # noqa: S101 - a coroutine always runs in a task
        watching = asyncio.create_task(self._watch(visit, caller, handler))
        try:
            await self._app(scope, caller.receive, caller.send)
        except asyncio.CancelledError:
            if not visit.gone or handler.cancelling() > 1:
                raise
        finally:
            if visit.gone:
                handler.uncancel()  # ours has been heard, also where the handler made something else of it
            watching.cancel()
            await asyncio.wait([watching])

    async def _watch(self, visit: _Visit, caller: Caller, handler: asyncio.Task[object]) -> None:
        """Cancel the handler once its caller has gone, where that is to be."""
        gone = await caller.gone()
        if gone and not caller.answered and not (visit.wrote and self._finishes):
            visit.gone = True
            handler.cancel()
