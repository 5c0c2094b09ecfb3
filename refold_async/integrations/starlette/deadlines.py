"""The time that a handler has left, for all the calls that it makes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final, Literal

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from refold_async._core.checks import check_seconds
from refold_async.deadlines import deadline

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
