"""FastAPI dependencies for the client and the customer's account. Requires the extra `fastapi`.

```python
from typing import Annotated

from fastapi import Depends, FastAPI, Request

from refold_async import KeyAccount
from refold_async.integrations.fastapi import ActionResponse, account_of, install, lifespan


def customer_id(request: Request) -> str:
    return request.session["customer_id"]  # from the application's own session


CustomerAccount = Annotated[KeyAccount, Depends(account_of(customer_id))]

app = FastAPI(lifespan=lifespan())
install(app)


@app.get("/contacts")
async def contacts(account: CustomerAccount) -> ActionResponse:
    return ActionResponse(await account.actions.execute("hubspot", "get_contact", {"limit": "10"}))
```

The linked account id decides whose app is read and written. Take it from the application's own session:
a client that could pass it in a path, query, header or body could act in any customer's apps.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from refold_async.client import KeyAccount, Refold, SessionManager
from refold_async.integrations import missing_extra
from refold_async.integrations.starlette import (
    ActionResponse,
    DeadlineMiddleware,
    DisconnectMiddleware,
    HTTPProblem,
    ProblemResponse,
    SettleMiddleware,
    add_exception_handlers,
    answer_error,
    get_manager,
    get_refold,
    header_of_proxy,
    install,
    lifespan,
    log_cancelled_write,
    log_verdict,
    problem_of,
    webhook_of,
)

try:
    from fastapi import Depends
except ModuleNotFoundError as error:
    raise missing_extra(error, "fastapi") from error

__all__ = [
    "ActionResponse",
    "DeadlineMiddleware",
    "DisconnectMiddleware",
    "HTTPProblem",
    "ManagerDep",
    "ProblemResponse",
    "RefoldDep",
    "SettleMiddleware",
    "account_of",
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

RefoldDep = Annotated[Refold, Depends(get_refold)]
"""Annotate a handler's parameter with this to receive the application's client."""

ManagerDep = Annotated[SessionManager, Depends(get_manager)]
"""Annotate a handler's parameter with this to receive the `SessionManager`."""


def account_of(identify: Callable[..., Any]) -> Callable[..., Awaitable[KeyAccount]]:
    """Return a dependency that provides the account of the signed-in customer.

    Args:
        identify: A FastAPI dependency, sync or async, that returns the linked account id. It must take
            the id from the application's own session, never from client input. It should raise an
            `HTTPException` if nobody is signed in; a result that is not a string raises a `TypeError`.
    """

    async def account(
        refold: RefoldDep, linked_account_id: Annotated[object, Depends(identify)]
    ) -> KeyAccount:
        if not isinstance(linked_account_id, str):
            given = type(linked_account_id).__name__
            raise TypeError(f"{identify!r} must return a linked account id as a string, not {given}")
        return refold.account(linked_account_id)

    return account
