"""Starlette: a shared client, problem details for errors, deadlines, and handling of disconnected clients.

`refold_async.integrations.fastapi` adds FastAPI dependencies. Both require the extra `fastapi`.

```python
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.routing import Route

from refold_async.integrations.starlette import ActionResponse, get_refold, install, lifespan


async def contacts(request: Request) -> ActionResponse:
    account = get_refold(request).account(request.user.linked_account_id)
    return ActionResponse(await account.actions.execute("hubspot", "get_contact", {"limit": "10"}))


app = Starlette(routes=[Route("/contacts", contacts)], lifespan=lifespan())
install(app)
```
"""

from __future__ import annotations

import math

from refold_async.integrations import missing_extra

try:
    from starlette.applications import Starlette
except ModuleNotFoundError as error:
    raise missing_extra(error, "fastapi") from error

from refold_async.integrations.starlette.lifespan import get_manager, get_refold, lifespan
from refold_async.integrations.starlette.middleware import (
    DeadlineMiddleware,
    DisconnectMiddleware,
    OnDisconnect,
    Report,
    TimeLeft,
    header_of_proxy,
    log_cancelled_write,
)
from refold_async.integrations.starlette.problems import HTTPProblem, problem_of
from refold_async.integrations.starlette.responses import (
    ActionResponse,
    ProblemResponse,
    add_exception_handlers,
    answer_error,
)
from refold_async.integrations.starlette.settling import (
    OnVerdict,
    SettleMiddleware,
    check_reports,
    log_verdict,
)
from refold_async.integrations.starlette.webhooks import webhook_of
from refold_async.settle import Settle

__all__ = [
    "ActionResponse",
    "DeadlineMiddleware",
    "DisconnectMiddleware",
    "HTTPProblem",
    "ProblemResponse",
    "SettleMiddleware",
    "add_exception_handlers",
    "answer_error",
    "get_manager",
    "get_refold",
    "header_of_proxy",
    "install",
    "lifespan",
    "log_cancelled_write",
    "log_verdict",
    "problem_of",
    "webhook_of",
]


def install(
    app: Starlette,
    *,
    on_disconnect: OnDisconnect = "finish",
    report: Report = log_cancelled_write,
    deadline: float = math.inf,
    time_left: TimeLeft | None = None,
    settle: Settle | None = None,
    on_verdict: OnVerdict = log_verdict,
    settled_path: str | None = "/settled",
    reconnect_links: bool = False,
) -> None:
    """Add the exception handlers and middleware to an application before it starts.

    To the OpenAPI document of a FastAPI application it adds these problems, on every route that uses the
    client, and the data of handlers that return `ActionResponse[T]`.

    Args:
        app: The application.
        on_disconnect: What to do if the client disconnects after a handler has started a write; see
            `DisconnectMiddleware`.
        report: Called for each write that was cancelled by a disconnect.
        deadline: Seconds that all calls of one request may take together; default: no limit.
        time_left: Returns the time a request has left, if that is less; see `header_of_proxy`.
        settle: How to look up, after the response, the writes of unknown fate that no handler caught; see
            `SettleMiddleware`. Default: they are not.
        on_verdict: Called with each such write and its verdict.
        settled_path: Where clients ask for verdicts; `None` for nowhere.
        reconnect_links: Whether the response to a call whose customer must reconnect an app carries a link to
            do so, as `reconnect_url`. The link contains a token of the customer that the call was for: only
            turn it on if handlers call for nobody but the signed-in customer.

    Raises:
        SettingsError: If `settle` is not a `Settle`, or would run calls again.
    """
    add_exception_handlers(app, reconnect_links=reconnect_links)
    if hasattr(app, "openapi"):
        from refold_async.integrations.openapi import document  # noqa: PLC0415 - Starlette may stand alone

        document(app)
    if settle is not None:
        check_reports(settle)
        app.add_middleware(SettleMiddleware, settle=settle, on_verdict=on_verdict, path=settled_path)
    app.add_middleware(DisconnectMiddleware, on_disconnect=on_disconnect, report=report)
    if deadline != math.inf or time_left is not None:
        app.add_middleware(DeadlineMiddleware, seconds=deadline, time_left=time_left)
