"""The contacts of `fastapi_app.py` with msgspec's structs: `uvicorn examples.fastapi_msgspec:app`.

Bodies are decoded and checked by msgspec, results are passed on as they came.
Both are in the OpenAPI document.

It calls the Refold that REFOLD_API_KEY and REFOLD_BASE_URL name. Sign in with the cookie
`session=session-of-1`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, TypeVar

import msgspec
from fastapi import Depends, FastAPI, HTTPException, Request

from refold_async import Action, KeyAccount
from refold_async.integrations.fastapi import ActionResponse, account_of, install, lifespan

T = TypeVar("T")


class NewContact(msgspec.Struct, omit_defaults=True):
    """A contact to write."""

    email: Annotated[str, msgspec.Meta(pattern="@")]
    firstname: str | None = None
    lastname: str | None = None


class Contact(msgspec.Struct):
    """A contact as HubSpot answers it."""

    id: str
    properties: dict[str, Any]


def signed_in(request: Request) -> str:
    """Return who is signed in, according to the application's own session, never the caller's input."""
    session = request.cookies.get("session", "")
    if not session.startswith("session-of-"):
        raise HTTPException(401, "sign in first")
    return f"demo-user-{session.removeprefix('session-of-')}"


def body_of(kind: type[T]) -> Callable[[Request], Awaitable[T]]:
    """Return a dependency that decodes the body of a request."""

    async def body(request: Request) -> T:
        try:
            return msgspec.json.decode(await request.body(), type=kind)
        except msgspec.DecodeError as error:
            raise HTTPException(422, str(error)) from None

    return body


def documented(kind: type) -> dict[str, Any]:
    """Return what describes a body, for FastAPI's `openapi_extra`."""
    _, schemas = msgspec.json.schema_components([kind])
    content = {"application/json": {"schema": schemas[kind.__name__]}}
    return {"requestBody": {"required": True, "content": content}}


app = FastAPI(lifespan=lifespan())
install(app, deadline=20)
Customer = Annotated[KeyAccount, Depends(account_of(signed_in))]


@app.get("/contacts/actions")
async def list_actions(account: Customer) -> list[Action]:
    return await account.actions.list("hubspot")


@app.post("/contacts", status_code=201, openapi_extra=documented(NewContact))
async def create_contact(
    account: Customer, contact: Annotated[NewContact, Depends(body_of(NewContact))]
) -> ActionResponse[Contact]:
    params = msgspec.to_builtins(contact)
    return ActionResponse(await account.actions.execute("hubspot", "create_contact", params), status_code=201)
