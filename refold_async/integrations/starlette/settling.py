"""Middleware that finds out, after the response, what became of a handler's unknown write."""

from __future__ import annotations

import asyncio
import contextvars
import inspect
import logging
import math
import uuid
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import msgspec
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from refold_async.calls import Call, Unresolved, Verdict
from refold_async.client import Refold
from refold_async.errors import RefoldError, SettingsError, name_call, name_error
from refold_async.settle import Settle

_logger: Final = logging.getLogger("refold_async")

OnVerdict = Callable[[Call, Verdict], Any]
"""Called, and awaited if it returns an awaitable, with an unknown write and its verdict."""

SCOPE_KEY: Final = "refold_async.settle"
_KEPT: Final = 10_000


def log_verdict(call: Call, verdict: Verdict) -> None:
    """Log a verdict, without the record found."""
    name = name_call("actions.execute", call.slug, call.action_id, call.linked_account_id)
    _logger.info("settled %s: %s", name, type(verdict).__name__.lower())


def check_reports(settle: Settle) -> None:
    """Check that a setting is a `Settle`, and runs no call again: the request that wanted it is over.

    Raises:
        SettingsError: If it is not, or would.
    """
    if not isinstance(settle, Settle):
        raise SettingsError(f"settle must be a Settle, not {type(settle).__name__}")
    if settle.absent == "run":
        raise SettingsError('writes of handlers are not run again: use Settle(..., absent="report")')


class SettleMiddleware:
    """Settles the unknown writes that end as an error response, while the application runs.

    Such a response has a `Location`, at which the client may ask what became of the write: 202 while it is
    looked up, then 200; the body's `state` is `waiting`, `found`, `absent` or `unresolved`. The path ends in
    a random id, known to this client alone, and the answer holds nothing of the record. The latest
    10,000 are kept, in this process.

    When the application shuts down, writes still being settled get `Unresolved`.

    Args:
        app: The application to wrap.
        settle: How to look writes up; nothing is run again.
        on_verdict: Called with each verdict; default: `log_verdict`.
        path: Where clients ask for verdicts; `None` for nowhere.

    Raises:
        SettingsError: If `settle` would run calls again.
    """

    def __init__(
        self, app: ASGIApp, settle: Settle, on_verdict: OnVerdict = log_verdict, path: str | None = "/settled"
    ) -> None:
        check_reports(settle)
        self._app = app
        self._settle = settle
        self._on_verdict = on_verdict
        self._path = path
        self._states: OrderedDict[str, str] = OrderedDict()
        # asyncio keeps no reference to tasks: without this set, the GC may drop one that runs.
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the wrapped application, or answer what became of a write."""
        if scope["type"] == "lifespan":
            await self._app(scope, self._ending_tasks(receive), send)
            return
        if scope["type"] == "http":
            scope[SCOPE_KEY] = self
            if (known := self._asked_for(HTTPConnection(scope))) is not None:
                await self._answer(known)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def begin(self, connection: HTTPConnection, refold: Refold, error: RefoldError) -> str | None:
        """Begin to settle a write, and return where to ask for its verdict."""
        if not isinstance(error.call, Call):
            return None
        name = uuid.uuid4().hex
        self._remember(name, "waiting")
        # Not in the request's context, whose deadline ends with the request.
        task = asyncio.get_running_loop().create_task(
            self._run(name, refold, error.call), context=contextvars.Context()
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return None if self._path is None else f"{_root(connection)}{self._path}/{name}"

    async def _run(self, name: str, refold: Refold, call: Call) -> None:
        verdict: Verdict = Unresolved("the application shut down")
        try:
            verdict = await refold.settle(call, self._settle)
        except RefoldError as error:
            verdict = Unresolved(name_error(error))
        except asyncio.CancelledError:
            # Cancelled by the shutdown, which waits for this: the verdict must be told nevertheless.
            pass
        self._remember(name, type(verdict).__name__.lower())
        try:
            told = self._on_verdict(call, verdict)
            if inspect.isawaitable(told):
                await told
        except Exception:
            _logger.exception("on_verdict failed")

    def _ending_tasks(self, receive: Receive) -> Receive:
        async def receive_and_end() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown":
                tasks = list(self._tasks)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            return message

        return receive_and_end

    def _remember(self, name: str, state: str) -> None:
        self._states[name] = state
        while len(self._states) > _KEPT:
            self._states.popitem(last=False)

    def _asked_for(self, connection: HTTPConnection) -> str | None:
        """Return the id that a request asks for, or `None` if it is not one of ours."""
        if self._path is None or connection.scope["method"] != "GET":
            return None
        path = str(connection.scope["path"]).removeprefix(_root(connection))
        folder, _, name = path.rpartition("/")
        return name if folder == self._path else None

    def _answer(self, name: str) -> Response:
        state = self._states.get(name)
        if state is None:
            return _json(404, {"state": "not_known"})
        waits = {"Retry-After": str(max(1, math.ceil(self._settle.after[0])))} if state == "waiting" else {}
        return _json(202 if waits else 200, {"state": state}, waits)


def _root(connection: HTTPConnection) -> str:
    return str(connection.scope.get("root_path", ""))


def _json(status: int, body: dict[str, str], headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), status, headers, "application/json")
