"""FastAPI: the client and the customer's account as dependencies. Needs the extra `fastapi`.

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

The linked account id decides whose app is read and written. It must come from what the application
itself knows of who is signed in: a caller who could name it in a path, a query, a header or a body
would act in any customer's apps.
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
    add_exception_handlers,
    answer_error,
    get_manager,
    get_refold,
    header_of_proxy,
    install,
    lifespan,
    log_cancelled_write,
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
    "account_of",
    "add_exception_handlers",
    "answer_error",
    "get_manager",
    "get_refold",
    "header_of_proxy",
    "install",
    "lifespan",
    "log_cancelled_write",
    "problem_of",
    "webhook_of",
]

RefoldDep = Annotated[Refold, Depends(get_refold)]
"""A handler's parameter of this type is the process's client."""

ManagerDep = Annotated[SessionManager, Depends(get_manager)]
"""A handler's parameter of this type is the `SessionManager`, for other keys and for session tokens."""


def account_of(identify: Callable[..., Any]) -> Callable[..., Awaitable[KeyAccount]]:
    """Make the dependency that gives a handler the account of the signed-in customer.

    Args:
        identify: Any dependency of FastAPI that gives the linked account id: a function of the
            `Request`, or of other dependencies, sync or async. It must take the id from the
            application's own session, never from what the caller sends: see the module's text. Where
            nobody is signed in it raises an `HTTPException`; anything but a text is its own fault, and
            ends the request with a `TypeError`.
    """

    async def account(
        refold: RefoldDep, linked_account_id: Annotated[object, Depends(identify)]
    ) -> KeyAccount:
        if not isinstance(linked_account_id, str):
            raise TypeError(f"{identify!r} gave no linked account id, but {type(linked_account_id).__name__}")
        return refold.account(linked_account_id)

    return account
