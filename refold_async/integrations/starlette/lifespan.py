"""One `SessionManager` for the process, from its start to its end, and how handlers get at it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Unpack

from starlette.requests import HTTPConnection

from refold_async._core.credentials import KeySource
from refold_async.client import Refold, SessionManager
from refold_async.hooks import listening
from refold_async.integrations.starlette.middleware import WriteTracker
from refold_async.settings import Options

Lifespan = Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any] | None]]
"""An application's lifespan, as `Starlette(lifespan=…)` takes it."""

STATE: Final = "refold"
"""Where the client is: `request.state.refold`, and `app.state.refold` for what has no request."""


def lifespan(
    api_key: str | KeySource | None = None,
    *,
    drain: float = 10.0,
    inner: Lifespan | None = None,
    **options: Unpack[Options],
) -> Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any]]]:
    """Make the lifespan of an application: connections from its start to its end.

    `app = FastAPI(lifespan=lifespan())`. The settings are looked at when the application starts, so
    that a missing key stops it there.

    Args:
        api_key: The organisation's key, or an async callable that gives it; default: `REFOLD_API_KEY`.
        drain: Seconds at shutdown for calls under way to end by themselves; default 10.
        inner: The application's own lifespan. It runs within this one, finds the client at
            `app.state.refold`, and ends before the connections do.
        options: Settings of the client; see `Options`.

    Raises:
        SettingsError: (at start-up) There is no key, or a setting cannot work.
    """

    @asynccontextmanager
    async def run(app: Any) -> AsyncIterator[Mapping[str, Any]]:
        manager = SessionManager(**_with_tracker(options))
        try:
            app.state.refold = manager.client(api_key)
            state = {STATE: app.state.refold, f"{STATE}_manager": manager}
            if inner is None:
                yield state
            else:
                async with inner(app) as more:
                    yield {**state, **(more or {})}
        finally:
            await manager.aclose(drain=drain)

    return run


def _with_tracker(options: Options) -> Options:
    return {**options, "hooks": (WriteTracker(), *listening(options.get("hooks")))}


def get_refold(connection: HTTPConnection) -> Refold:
    """Give a handler the process's client.

    Raises:
        RuntimeError: The application does not run with `lifespan`.
    """
    client = getattr(connection.state, STATE, None)
    if not isinstance(client, Refold):
        raise RuntimeError("no client of refold_async: the application must be made with lifespan=lifespan()")  # noqa: TRY004 - the application is wrong, not an argument
    return client


def get_manager(connection: HTTPConnection) -> SessionManager:
    """Give a handler the process's connections, to call with another key or with a session token.

    Raises:
        RuntimeError: The application does not run with `lifespan`.
    """
    get_refold(connection)
    manager: SessionManager = getattr(connection.state, f"{STATE}_manager")
    return manager
