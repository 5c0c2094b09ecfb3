"""The application's lifespan: one `SessionManager` from start to shutdown, and access to it for handlers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final, Unpack

from starlette.requests import HTTPConnection

from refold_async._core.credentials import KeySource, hide
from refold_async.client import Refold, SessionManager
from refold_async.hooks import listening
from refold_async.integrations.starlette.middleware import WriteTracker
from refold_async.settings import Options, hide_logins

Lifespan = Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any] | None]]
"""An application's lifespan, as accepted by `Starlette(lifespan=…)`."""

STATE: Final = "refold"
"""The client is at `request.state.refold`, and at `app.state.refold` for code without a request."""


def lifespan(
    api_key: str | KeySource | None = None,
    *,
    drain: float = 10.0,
    inner: Lifespan | None = None,
    **options: Unpack[Options],
) -> Callable[[Any], AbstractAsyncContextManager[Mapping[str, Any]]]:
    """Return a lifespan that opens the connections at start-up and closes them at shutdown.

    `app = FastAPI(lifespan=lifespan())`. Settings are checked at start-up, so a missing key prevents the
    application from starting.

    Args:
        api_key: The organisation's key, or an async callable that returns it; default: `REFOLD_API_KEY`.
        drain: Seconds to wait at shutdown for running calls to finish; default 10.
        inner: The application's own lifespan. It runs inside this one, with the client at
            `app.state.refold`, and ends before the connections are closed.
        options: Client settings; see `Options`.

    Raises:
        SettingsError: (at start-up) If there is no key or a setting is invalid.
    """
    api_key = hide(api_key)
    hide_logins(options)

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
    """Return the application's client.

    Raises:
        RuntimeError: If the application was not created with `lifespan`.
    """
    client = getattr(connection.state, STATE, None)
    if not isinstance(client, Refold):
        raise RuntimeError("no refold_async client: create the application with lifespan=lifespan()")  # noqa: TRY004 - not an argument of the wrong type
    return client


def get_manager(connection: HTTPConnection) -> SessionManager:
    """Return the application's `SessionManager`, to call with another key or a session token.

    Raises:
        RuntimeError: If the application was not created with `lifespan`.
    """
    get_refold(connection)
    manager: SessionManager = getattr(connection.state, f"{STATE}_manager")
    return manager
